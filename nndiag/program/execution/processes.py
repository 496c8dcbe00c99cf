"""Other processes as a program sees them: they start, do nothing and end well.

Pools of processes work in the program's own process, one task after another.
"""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_exit = os._exit


def replacements() -> dict[Any, Callable[..., Any]]:
    """What stands for the functions that start other programs, by the function."""
    found: dict[Any, Callable[..., Any]] = {os.system: lambda command: 0}
    if not hasattr(os, "fork"):
        return found
    import _posixsubprocess  # noqa: PLC0415 - not on Windows

    found[_posixsubprocess.fork_exec] = _ended_copy
    for name in ("posix_spawn", "posix_spawnp"):
        if hasattr(os, name):
            found[getattr(os, name)] = _ended_copy
    if hasattr(os, "forkpty"):
        found[os.forkpty] = lambda: (_ended_copy(), os.open(os.devnull, os.O_RDWR))
    return found


def _ended_copy(*_: Any, **__: Any) -> int:
    """The number of a process that has ended well: a copy of this one that ended at once."""
    process = os.fork()
    if process == 0:
        _exit(0)
    return process


def late_changes() -> Mapping[str, Callable[[types.ModuleType], None]]:
    """What is done with modules that start processes for their tasks."""
    return {
        "multiprocessing.context": _change_context,
        "multiprocessing.pool": lambda module: setattr(module, "Pool", SerialPool),
        "concurrent.futures.process": _change_executor,
    }


def _change_context(module: types.ModuleType) -> None:
    vars(module)["BaseContext"].Pool = lambda self, *rest, **options: SerialPool(*rest, **options)
    if "fork" in module.__dict__.get("_concrete_contexts", {}):
        module._default_context._default_context = module._concrete_contexts["fork"]


def _change_executor(module: types.ModuleType) -> None:
    from concurrent.futures import Executor, Future  # noqa: PLC0415 - where a program has them

    class ProcessPoolExecutor(Executor):
        """Does each task when it is handed in."""

        def __init__(
            self,
            max_workers: int | None = None,
            mp_context: Any = None,
            initializer: Callable[..., Any] | None = None,
            initargs: tuple[Any, ...] = (),
            **_: Any,
        ) -> None:
            if initializer is not None:
                initializer(*initargs)

        def submit(self, fn: Callable[..., Any], /, *rest: Any, **options: Any) -> Future[Any]:
            future: Future[Any] = Future()
            try:
                future.set_result(fn(*rest, **options))
            except Exception as error:
                future.set_exception(error)
            return future

        def map(
            self,
            fn: Callable[..., Any],
            *iterables: Iterable[Any],
            timeout: float | None = None,
            chunksize: int = 1,
            **_: Any,
        ) -> Iterator[Any]:
            return map(fn, *iterables)

    vars(module)["ProcessPoolExecutor"] = ProcessPoolExecutor


class _Done:
    """The result of a task that has been done."""

    def __init__(self, task: Callable[[], Any]) -> None:
        self._error: Exception | None = None
        self._value: Any = None
        try:
            self._value = task()
        except Exception as error:
            self._error = error

    def get(self, timeout: float | None = None) -> Any:
        if self._error is not None:
            raise self._error
        return self._value

    def wait(self, timeout: float | None = None) -> None: ...

    def ready(self) -> bool:
        return True

    def successful(self) -> bool:
        return self._error is None


class SerialPool:
    """A `multiprocessing.Pool` that does each task when it is handed in."""

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., Any] | None = None,
        initargs: tuple[Any, ...] = (),
        *_: Any,
        **__: Any,
    ) -> None:
        if initializer is not None:
            initializer(*initargs)

    def __enter__(self) -> SerialPool:
        return self

    def __exit__(self, *_: object) -> None: ...

    def apply(
        self, func: Callable[..., Any], args: Any = (), kwds: Mapping[str, Any] | None = None
    ) -> Any:
        """The value of one call."""
        return func(*args, **(kwds or {}))

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Any = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callable[[Any], Any] | None = None,
        error_callback: Callable[[Any], Any] | None = None,
    ) -> _Done:
        """The same, to be fetched."""
        done = _Done(lambda: self.apply(func, args, kwds))
        told = callback if done.successful() else error_callback
        if told is not None:
            told(done._value if done.successful() else done._error)
        return done

    def map(
        self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = None
    ) -> list[Any]:
        """The values of a function, one for each item."""
        return [func(item) for item in iterable]

    def imap(
        self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = None
    ) -> Iterator[Any]:
        """The same, one after the other."""
        return map(func, iterable)

    imap_unordered = imap

    def starmap(
        self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = None
    ) -> list[Any]:
        """The values of a function, one for each tuple of arguments."""
        return [func(*item) for item in iterable]

    def map_async(
        self, func: Callable[..., Any], iterable: Iterable[Any], *_: Any, **told: Any
    ) -> _Done:
        """What `map` gives, to be fetched."""
        return self.apply_async(self.map, (func, iterable), None, **told)

    def starmap_async(
        self, func: Callable[..., Any], iterable: Iterable[Any], *_: Any, **told: Any
    ) -> _Done:
        """What `starmap` gives, to be fetched."""
        return self.apply_async(self.starmap, (func, iterable), None, **told)

    def close(self) -> None:
        """Nothing to close."""

    terminate = join = close
