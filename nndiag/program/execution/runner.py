"""Runs one iteration of the training loop, in any variant of the program, on copies."""

from __future__ import annotations

import ast
import time
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nndiag.program.execution.depth import depth_of_program
from nndiag.program.execution.host import Host, OutOfTime, words_of
from nndiag.program.execution.private_files import repeating
from nndiag.program.execution.snapshot import Snapshot
from nndiag.program.text import instrument
from nndiag.program.text.instrument import CodeKey, Instruments
from nndiag.program.text.scopes import Loop, LoopNode, loop_node, shown_behind

PLAIN = Instruments()


class BrokenOff(BaseException):
    """Ends an iteration of which all is known that was wanted."""


class StepFailedError(Exception):
    """An iteration, or an edited one, raised an error of its own or took too long."""


@dataclass(eq=False)
class Variant:
    """One way of running the step: the program as it is, instrumented, or edited.

    Attributes:
        step: Code of one iteration.
        functions: Code of each function of the program.
    """

    step: types.CodeType
    functions: dict[CodeKey, types.CodeType] = field(default_factory=dict)


class Runner:
    """Runs iterations of one loop of one program."""

    def __init__(self, host: Host, loop: Loop) -> None:
        self.host = host
        self.loop = loop
        self.seconds = 5.0
        self._looks_behind = True
        self.edited: Mapping[int, ast.stmt] = {}
        self._functions: list[tuple[types.FunctionType, CodeKey]] = []
        self._installed: Variant | None = None
        self._node: LoopNode | None = None
        self._steps: dict[Instruments | None, types.CodeType] = {}
        self._plain: dict[tuple[int, Instruments | None], dict[CodeKey, types.CodeType]] = {}

    def adopt_functions(self) -> None:
        """Takes the program's functions over; from now on variants may replace their code."""
        self._functions = self.host.functions()

    def forget(self) -> None:
        """Forgets compiled code: the program's text was changed."""
        self._plain.clear()
        self._installed = None
        self._node = None
        self._steps.clear()

    def leave_out_behind(self) -> None:
        """From now on runs no statements behind the loop: they tell nothing."""
        self._looks_behind = False
        self._steps.clear()

    def variant(
        self,
        instruments: Instruments | None = PLAIN,
        *,
        edited: Mapping[int, ast.stmt] | None = None,
    ) -> Variant:
        """Compiles a variant of the program.

        Args:
            instruments: What is put in; None for nothing, which compiles fastest.
            edited: Top-level statements that stand for those of the program, by index.
        """
        edited = edited or self.edited
        functions: dict[CodeKey, types.CodeType] = {}
        for top in {key[0] for _, key in self._functions}:
            if top in edited:
                functions |= self._compiled(top, edited[top], instruments)
            else:
                functions |= self._cached(top, instruments)
        name = self.host.source.name
        if self._node is None:
            self._node = loop_node(self.host.tree.body[self.loop.top], self.loop.ordinal)
        known = None if self.loop.top in edited else self._steps.get(instruments)
        if known is not None:
            return Variant(known, functions)
        top = self.host.tree.body[self.loop.top]
        told = instruments is not None and self._looks_behind
        behind = shown_behind(top, self._node) if told else ()
        step = instrument.compile_step(self._node, self.loop, name, instruments, behind=behind)
        if self.loop.top not in edited:
            self._steps[instruments] = step
        return Variant(step, functions)

    def _cached(self, top: int, instruments: Instruments | None) -> dict[CodeKey, types.CodeType]:
        key = (top, instruments)
        if key not in self._plain:
            self._plain[key] = self._compiled(top, self.host.tree.body[top], instruments)
        return self._plain[key]

    def _compiled(
        self, top: int, statement: ast.stmt, instruments: Instruments | None
    ) -> dict[CodeKey, types.CodeType]:
        return instrument.compile_functions(statement, top, self.host.source.name, instruments)

    def run(
        self,
        snapshot: Snapshot,
        variant: Variant,
        *,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Runs one iteration from a snapshot; the program's variables then hold the result.

        Args:
            snapshot: Where to start.
            variant: What to run.
            before: Called when the variables are in place, before the iteration starts.

        Raises:
            StepFailedError: The iteration failed or took too long.
        """
        self._install(variant)
        snapshot.install()
        if before is not None:
            before()
        hooks = self.host.hooks
        was_busy, was_deadline = hooks.busy, hooks.step_deadline
        hooks.busy = True
        hooks.step_deadline = (
            time.perf_counter() + self.seconds,
            time.process_time() + self.seconds,
        )
        failure = ""
        try:
            with depth_of_program(), repeating():
                self._call(snapshot, variant.step)
        except BrokenOff:
            pass
        except (Exception, SystemExit, OutOfTime, KeyboardInterrupt) as error:
            failure = words_of(error)
        finally:
            hooks.busy, hooks.step_deadline = was_busy, was_deadline
        if failure:
            raise StepFailedError(failure)

    def _call(self, snapshot: Snapshot, step: types.CodeType) -> None:
        namespace = self.host.namespace_of(self.loop.top)
        if not self.loop.in_function:
            exec(step, namespace)
            return
        missing = [name for name in step.co_freevars if name not in snapshot.cells]
        if missing:
            raise NameError(missing[0])
        closure = tuple(snapshot.cells[name] for name in step.co_freevars)
        types.FunctionType(step, namespace, closure=closure)()

    def _install(self, variant: Variant) -> None:
        """Gives the program's functions the code of a variant."""
        if variant is self._installed:
            return
        for function, key in self._functions:
            code: Any = variant.functions.get(key)
            if code is None or code is function.__code__:
                continue
            if code.co_freevars != function.__code__.co_freevars:
                self._installed = None
                raise StepFailedError("the edit changes what a function closes over")
            function.__code__ = code
        self._installed = variant
