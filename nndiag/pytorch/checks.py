"""The faults that were measured of a script, as the check of a program."""

from dataclasses import replace

from nndiag.finding import Finding, Severity
from nndiag.own_program.mirror import Told
from nndiag.own_program.setting_edit import SettingEdit, edited
from nndiag.program import ProgramCheck
from nndiag.program.result import LossFound, RateFound, TensorCheck
from nndiag.program.roles.status import Status
from nndiag.program.text.source import Source
from nndiag.pytorch.edits import ScriptEditor
from nndiag.pytorch.faults import FAULTS
from nndiag.pytorch.faults.contract import Watched

_VERDICTS = {
    "correct": Status.RIGHT,
    "wrong": Status.WRONG,
    "noise": Status.UNKNOWN,
    "kink": Status.UNKNOWN,
    "zero": Status.NO_SIGNAL,
}


def check_of(source: Source, told: Told, editor: ScriptEditor, *, unwell: bool) -> ProgramCheck:
    """What is wrong with a script, and the text in which that is mended.

    Args:
        source: The script.
        told: What was watched of it.
        editor: Finds places in it.
        unwell: Whether its run shows anything that a fault may be the reason of.
    """
    found = faults_of(told, editor, unwell=unwell)
    findings = [_written(finding, source, edit) for finding, edit in found]
    edits = [edit for _, edit in found if edit is not None]
    findings.sort(key=lambda x: x.severity.rank)
    text = edited(source.text, edits) if edits else None
    wrong = any(x.severity is Severity.ERROR for x in findings)
    rate = told["rate"]
    return ProgramCheck(
        source=source,
        correct=not wrong,
        tensors=tuple(_tensor(x, told) for x in told["tensors"]),
        findings=tuple(findings),
        loss=LossFound(told["loss"][0], True, told["loss"][2]),
        learning_rate=None if rate is None else RateFound(rate[0], rate[1], None),
        loop=f"{source.name}:{told['loop_line']}",
        fixed_text=text,
        points=("the first two steps",),
        notes=tuple(told["notes"]),
    )


def faults_of(
    told: Told, editor: ScriptEditor, *, unwell: bool
) -> list[tuple[Finding, SettingEdit | None]]:
    """The faults that were measured, each with the change that mends it; see `check_of`."""
    found = []
    for name in FAULTS.names():
        fault = FAULTS.get(name)()
        watched = Watched(told["faults"].get(name, ()), told, unwell)
        finding = fault.judge(watched)
        if finding is not None:
            found.append((finding, fault.edit(editor, watched)))
    return found


def _written(finding: Finding, source: Source, edit: SettingEdit | None) -> Finding:
    """The finding with the line to write."""
    if edit is None:
        return replace(finding, file=str(source.path))
    text = edited(source.text, [edit])
    line = None if text is None else text.split("\n")[edit.line - 1].strip()
    return replace(finding, file=str(source.path), line=edit.line, replacement=line)


def _tensor(tensor: tuple[str, list[int], list[int]], told: Told) -> TensorCheck:
    name, shape, lines = tensor
    found = told.get("compared", {}).get(name)
    line = lines[0] if lines else told["step_line"] or None
    if found is None:
        return TensorCheck(name, tuple(shape), None, None, None, Status.NO_SIGNAL, line)
    return TensorCheck(
        name,
        tuple(shape),
        found["error"],
        found["cosine"],
        found["scale"],
        _VERDICTS[found["verdict"]],
        line,
    )
