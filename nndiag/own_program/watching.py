"""A program watched while it trains, in a child."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from nndiag.errors import UserCodeError
from nndiag.own_program.mirror import Told
from nndiag.program import CodeSettings
from nndiag.program.child.plain import as_plain
from nndiag.program.child.process import Child, ChildFailedError
from nndiag.trace.recorder import Rows

_BESIDE = 120.0  # seconds for all that is not the training itself: torch's import is slow
_LAST = 10.0  # seconds for what was watched until Ctrl-C
_ENDLESS = 1e9

Live = Callable[[Told], None]
"""Takes what was seen of a training until now, whenever there is more of it."""


class Watching(Protocol):
    """What runs a program and tells what it saw."""

    def watch(self, *, seconds: float | None = None, live: Live | None = None, **more: Any) -> Told:
        """What is seen of one training; see `Watcher.watch`."""

    def close(self) -> None:
        """End the child."""


class Watcher:
    """Runs a program again and again.

    Args:
        settings: Which program.
        task: What the child is asked: "watch", or "watch-script" for a script with torch.
        stays: Whether one child runs it each time, in which what it imports stays imported.
        python: The Python that runs it; the user's own by default.
        tell: Told how far it is.
    """

    def __init__(
        self,
        settings: CodeSettings,
        *,
        task: str = "watch",
        stays: bool = False,
        python: str | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._settings, self._task, self._stays = settings, task, stays
        self._python, self._tell = python, tell or (lambda _: None)
        self._child: Child | None = None
        self._seen, self._live = SeenSteps(), None  # type: SeenSteps, Live | None

    def watch(self, *, seconds: float | None = None, live: Live | None = None, **more: Any) -> Told:
        """What is seen of one training.

        Args:
            seconds: Time after which it is stopped.
            live: Takes what was seen until now, while it trains.
            more: What else the task is asked for.

        Raises:
            UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
            KeyboardInterrupt: Ctrl-C before its first step; later it ends the run, and what was
                watched until then is given.
        """
        request = {
            "program": str(self._settings.path),
            "settings": as_plain(self._settings),
            "seconds": seconds,
            **more,
        }
        if self._child is None:
            self._child = Child(python=self._python, on_message=self._hear)
        self._seen, self._live, kept = SeenSteps(), live, False
        try:
            ending = self._asked(self._child, request, seconds=seconds)
            kept = self._stays
        finally:
            if not kept:  # what it left behind must not be met by the next run
                self.close()
        return {**self._seen.told, **ending}

    def _asked(self, child: Child, request: Mapping[str, Any], *, seconds: float | None) -> Told:
        limit = _ENDLESS if seconds is None else seconds + _BESIDE
        try:
            return child.ask(self._task, request, seconds=limit)
        except KeyboardInterrupt:
            try:
                return child.cut_short(request, seconds=_LAST)
            except (ChildFailedError, UserCodeError):
                raise KeyboardInterrupt from None  # before its first step

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _hear(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "step":
            self._tell(f"step {data['step']:,}, loss {data['loss']:.4g}")
        self._seen.take(kind, data)
        if kind == "rows":
            told = self._seen.told
            if self._live is not None:
                self._live(told)
            if len(told["rows"]):
                self._tell(f"step {int(told['steps'][-1]) + 1:,}, loss {told['rows'][-1, 0]:.4g}")


class SeenSteps:
    """What was seen of a training until now.

    Attributes:
        told: What is what in the program, and the steps until now.
    """

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self._rows = Rows(2)
        self._values: list[float] = []

    def take(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take what the child sends: "roles", and "rows" as `running.blocks` hands them on."""
        if kind == "roles":
            self._rows = Rows(2 + len(data["tensors"]))
            self.told = {**data, "copies": [], "moves": [], "rates": []}
        elif kind == "rows":
            room = self._rows.room(len(data["rows"]))
            room[:, 0], room[:, 1:] = data["steps"], data["rows"]
            self._rows.count += len(room)
            self._take_copies(data)
        if kind in {"roles", "rows"}:
            rows = self._rows.filled()
            self.told |= {"steps": rows[:, 0], "rows": rows[:, 1:]}

    def _take_copies(self, data: Mapping[str, Any]) -> None:
        for name in ("copies", "moves"):
            self.told[name].extend(data[name])
        self._values += data["rates"]
        if self._values and self._values[0] and self.told["rate"] is not None:
            unit = self.told["rate"][1] / self._values[0]
            pairs = zip(self.told["copies"], self._values, strict=True)
            self.told["rates"] = [[step, unit * value] for (step, _), value in pairs]
