"""Runs a program under hooks, up to the moment that an observer has seen enough."""

from __future__ import annotations

import ast
import contextlib
import copy
import gc
import os
import sys
import time
import traceback
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution import clock
from nndiag.program.execution.depth import depth_of_program, depth_of_trees
from nndiag.program.execution.interruption import Interrupted, ctrl_c_told_apart
from nndiag.program.execution.loop_stack import back_to
from nndiag.program.execution.private_files import forget_changes
from nndiag.program.execution.sandbox import fresh_module, program_builtins
from nndiag.program.graph.tracer import Tracer
from nndiag.program.text import instrument
from nndiag.program.text.instrument import CodeKey, Instruments
from nndiag.program.text.python2 import builtins_of_python_2
from nndiag.program.text.scopes import Loop, loop_node, loops_in
from nndiag.program.text.siblings import SiblingImporter
from nndiag.program.text.source import Source
from nndiag.program.text.tracing import TRACE

_SIGNATURE = ", with gufunc signature (n?,k),(k,m?)->(n?,m?)"
"""What numpy tells of two shapes, and no student reads."""
_PACKAGES = {"sklearn": "scikit-learn", "cv2": "opencv-python", "PIL": "Pillow", "yaml": "PyYAML"}
"""Packages that are called otherwise than what they are imported by."""
_MOST_LINES, _MOST_LETTERS = 2, 240

CellReader = Optional[Callable[[], Any]]
"""A function that closes over the variables of the function that a loop stands in."""


def cells_of(reader: CellReader) -> dict[str, types.CellType]:
    """The variables of the function that a loop stands in; empty at module level."""
    if reader is None:
        return {}
    return dict(zip(reader.__code__.co_freevars, reader.__closure__ or ()))


class StopProgram(BaseException):
    """Ends the user's program from a hook; not an Exception, so that programs let it pass."""


class OutOfTime(BaseException):
    """One iteration took longer than it was given."""


@dataclass(eq=False)
class Hooks:
    """What the hooks in the program call; the observer fills in what it wants to know.

    In a copy of the process that the program makes, nobody is told anything.
    """

    head: Callable[[tuple[int, int], CellReader], None] | None = None
    leave: Callable[[tuple[int, int]], None] | None = None
    probe: Callable[[int, Any], Any] | None = None
    after: Callable[[int], None] | None = None
    reset: Callable[[], None] | None = None
    held: dict[str, Any] = field(default_factory=dict)
    deadline: float = float("inf")
    step_deadline: tuple[float, float] = (float("inf"), float("inf"))
    stack: list[list[Any]] = field(default_factory=list)
    busy: bool = False
    error: Exception | None = None
    modules: dict[str, types.ModuleType] = field(default_factory=lambda: dict(sys.modules))
    tracer: Tracer = field(default_factory=Tracer)

    def __post_init__(self) -> None:
        _living.add(self)

    def on_head(self, key: tuple[int, int], cells: CellReader) -> None:
        """At the head of each iteration of each loop."""
        self.on_tick()
        if not self.busy and self.head is not None:
            if back_to(self.stack, key):
                self.stack[-1][1] += 1
            self._told(lambda: self.head(key, cells) if self.head else None)

    def _told(self, tell: Callable[[], None]) -> None:
        """Tells the observer; an error of its own must not look like one of the program's."""
        if len(sys.modules) < len(self.modules):  # the program has forgotten them
            sys.modules.update(self.modules)
        try:
            with depth_of_trees():
                tell()
        except Exception as error:
            self.error = error
            raise StopProgram from error

    def on_enter(self, key: tuple[int, int]) -> None:
        """Before a loop."""
        if not self.busy:
            self.stack.append([key, -1])

    def on_exit(self, key: tuple[int, int]) -> None:
        """Behind a loop."""
        if self.busy:
            return
        inside = back_to(self.stack, key)
        if self.leave is not None:
            self._told(lambda: self.leave(key) if self.leave else None)
        if inside:
            self.stack.pop()

    def on_tick(self) -> None:
        """In each iteration of each loop; keeps the time, of the program and of one iteration."""
        now = time.perf_counter()  # cheap: what others took of it is asked only when it may matter
        earliest, busy = self.step_deadline
        if now > self.deadline and clock.is_over(self.deadline):
            raise OutOfTime
        if now > earliest and time.process_time() > busy:
            raise OutOfTime

    def on_probe(self, node_id: int, value: Any) -> Any:
        """For each expression that is watched."""
        return value if self.probe is None else self.probe(node_id, value)

    def on_after(self, node_id: int) -> None:
        """Behind each statement that is watched."""
        if self.after is not None:
            self.after(node_id)

    def on_reset(self, _node_id: int) -> None:
        """Behind each update that is to be undone."""
        if self.reset is not None:
            self.reset()

    def on_hold(self, name: str, value: Any) -> None:
        """For each expression that the user names, at the end of an iteration."""
        self.held[name] = value

    def by_name(self) -> dict[str, Any]:
        """The hooks by the names that the instrumented program calls them by."""
        return {
            instrument.HEAD: self.on_head,
            instrument.ENTER: self.on_enter,
            instrument.EXIT: self.on_exit,
            instrument.TICK: self.on_tick,
            instrument.PROBE: self.on_probe,
            instrument.AFTER: self.on_after,
            instrument.RESET: self.on_reset,
            instrument.HOLD: self.on_hold,
            TRACE: self.tracer,
        }


_living: weakref.WeakSet[Hooks] = weakref.WeakSet()


def _silence_hooks() -> None:
    for hooks in _living:
        hooks.head = hooks.leave = hooks.probe = hooks.after = hooks.reset = None
        hooks.deadline, hooks.busy = float("inf"), True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_silence_hooks)


class Host:
    """A program and the module that it runs in."""

    def __init__(self, source: Source, extra: str | None = None) -> None:
        self.source = source
        tree = source.tree
        tree = ast.Module(copy.deepcopy(tree.body), [])
        if extra is not None:
            tree.body += _as_loop(extra, source)
        self.tree = tree
        self.nodes = instrument.number_nodes(tree)
        self.hooks = Hooks()
        own = builtins_of_python_2() if source.is_python_2 else {}
        self._builtins = own | self.hooks.by_name()
        self.module = fresh_module(source.path, self._builtins)
        self._modules: dict[str, types.ModuleType] = {}
        self._hooked = tree
        self.loops = {
            loop.key: loop
            for top, statement in enumerate(tree.body)
            for loop in loops_in(statement, top)
        }
        self._keys: dict[int, tuple[types.CodeType, CodeKey]] = {}
        self.flags = _future_flags(tree)
        self.stand_in = extra is not None
        self.passing = frozenset(
            name for loop in self.loops.values() for name in _set_in(loop.node)
        )

    def hold(self, key: tuple[int, int], expressions: Mapping[str, str]) -> None:
        """Hands expressions of the user's to a hook at the end of each iteration of a loop.

        Args:
            key: Which loop.
            expressions: The expressions by the key of the config that they stand under.

        Raises:
            UserCodeError: One of them is not valid Python.
        """
        body = loop_node(self.tree.body[key[0]], key[1]).body
        for name, text in expressions.items():
            try:
                value = ast.parse(text, mode="eval").body
            except SyntaxError as error:
                raise UserCodeError(
                    Problem(f"code.{name} is not a valid expression: {error.msg}", got=text)
                ) from error
            function = ast.Name(instrument.HOLD, ast.Load())
            held = ast.Expr(ast.Call(function, [ast.Constant(name), value], []))
            for node in ast.walk(held):
                if isinstance(node, (ast.expr, ast.stmt)):
                    ast.copy_location(node, body[-1])
            body.append(held)
        self.nodes = instrument.number_nodes(self.tree)

    @property
    def namespace(self) -> dict[str, Any]:
        """The globals of the program."""
        return self.module.__dict__

    @property
    def namespaces(self) -> list[dict[str, Any]]:
        """The globals of the program and of its own modules."""
        return [self.namespace, *(vars(module) for module in self._modules.values())]

    def namespace_of(self, top: int) -> dict[str, Any]:
        """The globals that a top-level statement runs in."""
        module = self._modules.get(self._part(top))
        return self.namespace if module is None else vars(module)

    def _part(self, top: int) -> str:
        """The name of the file that a top-level statement stands in."""
        written = top < len(self.source.tree.body)
        return self.source.part(self.tree.body[top].lineno).name if written else "__main__"

    def run(self, instruments: Instruments | None = None) -> bool:
        """Runs the program until a hook stops it; whether one did.

        Args:
            instruments: What else is put into the program.

        Raises:
            UserCodeError: The program fails by itself.
            Interrupted: Ctrl-C.
        """
        self._hooked = instrument.hooked(self.tree, self.loops.values(), instruments)
        forget_changes()
        try:
            with ctrl_c_told_apart(), self._own_modules():
                self._execute("__main__", self.namespace)
            return False
        except StopProgram:
            if self.hooks.error is not None:
                raise self.hooks.error from None
            return True
        except SystemExit:
            return False
        except (OutOfTime, Interrupted):
            raise
        except BaseException as error:
            failure = self.failure(error)
        raise failure  # out here it does not carry the program's error, which may lead in a circle

    @contextlib.contextmanager
    def _own_modules(self) -> Iterator[None]:
        """Lets imports of the program's own modules run their hooked statements."""
        files = {part.name: part.path for part in self.source.parts[1:]}
        self._modules.clear()
        for name in files:
            sys.modules.pop(name, None)
        importer = SiblingImporter(files, self._import)
        sys.meta_path.insert(0, importer)
        try:
            yield
        finally:
            sys.meta_path.remove(importer)

    def _import(self, name: str, module: types.ModuleType) -> None:
        self._modules[name] = module
        vars(module)["__builtins__"] = program_builtins(**self._builtins)
        self._execute(name, vars(module))

    def _execute(self, part: str, namespace: dict[str, Any]) -> None:
        """Runs the statements of one file of the program."""
        for top, statement in enumerate(self._hooked.body):
            if self._part(top) != part:
                continue
            alone = ast.Module([statement], [])
            code = compile(alone, self.source.name, "exec", flags=self.flags, dont_inherit=True)
            for key, item in instrument.keyed_codes(code, top).items():
                self._keys[id(item)] = (item, key)
            with depth_of_program():
                exec(code, namespace)

    def functions(self) -> list[tuple[types.FunctionType, CodeKey]]:
        """All functions of the program that exist now, with the keys of their code."""
        return [
            (item, self._keys[id(item.__code__)][1])
            for item in gc.get_objects()
            if type(item) is types.FunctionType and id(item.__code__) in self._keys
        ]

    def is_user(self, item: Any) -> bool:
        """Whether a function or class is the program's own."""
        if isinstance(item, types.FunctionType):
            return any(item.__globals__ is space for space in self.namespaces)
        return getattr(item, "__module__", None) in {"__main__", *self._modules}

    def failure(self, error: BaseException) -> UserCodeError:
        """The program's own failure, told with the line that raised it."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == self.source.name and frame.lineno is not None
        ]
        line = frames[-1].lineno if frames else getattr(error, "lineno", None)
        where = self.source.location(line) if line else None
        told = _cut(words_of(error).replace(_SIGNATURE, ""))
        if isinstance(error, ModuleNotFoundError):
            message = f"the program needs a module that is not installed: {error.name}"
            package = _PACKAGES.get(error.name or "", error.name)
            hint = f"{sys.executable} -m pip install {package}; or name the Python that has it "
            hint += "with --python"
            folder = _folder_of(error.name or "", self.source.path)
            if folder is not None:
                hint = f"it stands in {folder}: set PYTHONPATH={folder}, as python needs it too"
            return UserCodeError(Problem(message, where, got=told, hint=hint))
        runs = "the notebook" if self.source.cells else f"`python {self.source.name}`"
        hint = f"{runs} stops there too; correct the line first"
        if isinstance(error, FileNotFoundError):
            hint = "start nndiag in the folder that the program reads its files from"
        elif any(kind.__name__ == "URLError" for kind in type(error).__mro__):
            hint = "the program needs the network there; let it read a file that is already here"
        return UserCodeError(Problem(f"the program fails by itself: {told}", where, hint=hint))


def words_of(error: BaseException) -> str:
    """An error as Python tells it; its own words may fail."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}: <exception str() failed>"


def _cut(text: str) -> str:
    """The first lines of a message that may hold a whole table."""
    lines = text.splitlines()
    first = "\n".join(lines[:_MOST_LINES])[:_MOST_LETTERS]
    return first if first == text else f"{first} …"


def _folder_of(module: str, script: Path) -> Path | None:
    """The nearest folder above a script that has a module of the program's own."""
    first = module.partition(".")[0]
    for folder in script.resolve().parents[1:4]:
        if first and ((folder / first).is_dir() or (folder / f"{first}.py").is_file()):
            return folder
    return None


def _set_in(loop: ast.AST) -> Iterator[str]:
    """The names that a loop sets anew, rather than changes."""
    for node in ast.walk(loop):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.For):
            targets = [node.target]
        for target in targets:
            yield from (
                item.id
                for item in ast.walk(target)
                if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
            )


def _as_loop(statements: str, source: Source) -> list[ast.stmt]:
    """The statements of `code.functions` as a loop that makes one step after another."""
    try:
        body = ast.parse(statements).body
    except SyntaxError as error:
        raise UserCodeError(
            Problem(f"code.functions is not valid Python: {error.msg}", got=statements)
        ) from error
    loop = ast.parse("for __step__ in range(3): pass").body
    loop[0].body = body  # type: ignore[attr-defined]
    for node in ast.walk(loop[0]):
        if isinstance(node, (ast.stmt, ast.expr)):
            node.lineno = node.end_lineno = len(source.lines)
    return loop


def _future_flags(tree: ast.Module) -> int:
    """Compiler flags of the program's `from __future__` imports."""
    import __future__  # noqa: PLC0415 - a module of flags, needed here only

    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {x.name for node in imports if node.module == "__future__" for x in node.names}
    return sum(getattr(__future__, name).compiler_flag for name in names)


def loop_place(loop: Loop, source: Source) -> str:
    """Where a loop stands, for messages."""
    inside = f" in {loop.owner}()" if loop.owner else ""
    return f"{source.place(loop.node.lineno)}{inside}"
