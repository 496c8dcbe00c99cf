"""What a fault of a script is: how it is measured, when it is told, what mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nndiag.finding import Finding
from nndiag.registry import Registry

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

Seen = Mapping[str, Any]
"""What one probe measured, as plain data."""


@dataclass(frozen=True)
class Watched:
    """What a fault is judged by.

    Attributes:
        seen: What the probes measured, in order; only those that measured something.
        told: All that was watched of the script.
        unwell: Whether the run shows anything that the fault may be the reason of.
    """

    seen: Sequence[Seen]
    told: Mapping[str, Any]
    unwell: bool


@dataclass(frozen=True)
class Fault:
    """One way in which scripts go wrong.

    Attributes:
        measure: What an iteration shows of it; None for nothing. Runs in the child.
        judge: The finding, from all probes; None for none.
        edit: The change that mends it; None where none is known.
        aspect: What a check-up calls that which it makes wrong.
    """

    measure: Callable[[Iteration, Run], dict[str, Any] | None]
    judge: Callable[[Watched], Finding | None]
    edit: Callable[[ScriptEditor, Watched], SettingEdit | None]
    aspect: str


FAULTS: Registry[Callable[[], Fault]] = Registry("fault", package="nndiag.pytorch.faults")
"""The faults by name; each is a file of this folder."""


def measured(iteration: Iteration, run: Run) -> dict[str, dict[str, Any]]:
    """What an iteration shows of each fault."""
    found = {name: FAULTS.get(name)().measure(iteration, run) for name in FAULTS.names()}
    return {name: seen for name, seen in found.items() if seen is not None}
