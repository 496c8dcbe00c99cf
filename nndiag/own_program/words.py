"""A diagnosis in the program's own words: its names, its lines, and what to write there."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from nndiag.finding import Cause, Confidence, Diagnosis, Finding, Severity
from nndiag.numbers import number
from nndiag.own_program.edits import Editor, SettingEdit, edited
from nndiag.own_program.mirror import Mirror, Told
from nndiag.program import ProgramCheck
from nndiag.program.text.source import Source
from nndiag.trace import FloatArray

_LONGEST = 64  # characters of a line that is shown
_PHRASES = {
    "optimizer.name": "Adam in the place of the plain step",
    "loss.reduction": "divide the gradient by the number of examples",
    "network.bias": "a bias for each layer",
    "training.batch_size": "more examples in each step",
    "optimizer.momentum": "momentum 0.9",
    "optimizer.weight_decay": "less weight decay",
    "optimizer.decay": "a learning rate that does not decay",
}
_COLUMNS = 4  # that are told


def with_gradient(diagnosis: Diagnosis, check: ProgramCheck | None, told: Told) -> Diagnosis:
    """The diagnosis with what the check of the gradient found.

    A wrong gradient is the cause of whatever the run did. Where the step goes along the gradient
    and only its length is another than the program's rate says, the run tells whether that matters.
    """
    if check is None or not check.findings:
        return diagnosis
    graver = [x for x in check.findings if x.severity is Severity.ERROR]
    if check.correct or not graver or told["scale"] is not None:
        notes = [replace(x, severity=Severity.NOTE) for x in check.findings]
        return replace(diagnosis, findings=(*diagnosis.findings, *notes))
    first, *others = [_placed(x, check) for x in graver]
    found = [x for x in diagnosis.findings if x.severity is not Severity.NOTE]
    confirmed = check.matters is not None and check.matters.is_why
    confidence = Confidence.CONFIRMED if confirmed else Confidence.LIKELY
    cause = Cause(first, confidence, tuple(found))
    rest = [x for x in diagnosis.findings if x.severity is Severity.NOTE]
    return replace(diagnosis, cause=cause, findings=(first, *others, *found, *rest))


def _placed(finding: Finding, check: ProgramCheck) -> Finding:
    if finding.line is None:
        return finding
    place = check.source.place(finding.line)
    wanted = () if finding.replacement is None else (f"{place}: {finding.replacement.strip()}",)
    return replace(
        finding, message=f"{place}: {finding.message}", remedies=(*wanted, *finding.remedies)
    )


def in_own_words(
    diagnosis: Diagnosis, *, source: Source, told: Told, mirror: Mirror | None
) -> Diagnosis:
    """The diagnosis with remedies that can be written into the program, and its columns named."""
    speaker = _Speaker(source, told, mirror)
    renamed = {id(x): speaker.told(x) for x in diagnosis.findings}
    cause = diagnosis.cause
    if cause is not None:
        cause = replace(
            cause,
            finding=renamed[id(cause.finding)],
            explains=tuple(renamed.get(id(x), x) for x in cause.explains),
        )
    return replace(
        diagnosis, cause=cause, findings=tuple(renamed[id(x)] for x in diagnosis.findings)
    )


class _Speaker:
    """Puts findings into a program's words."""

    def __init__(self, source: Source, told: Told, mirror: Mirror | None) -> None:
        self._source, self._told, self._mirror = source, told, mirror
        self._editor = Editor(source, told)

    def told(self, finding: Finding) -> Finding:
        """One finding."""
        edits: list[SettingEdit] = []
        phrases: list[str] = []
        for remedy in finding.remedies:
            edit = self._edit(remedy)
            if edit is not None and edit not in edits:
                edits.append(edit)
                phrases.append(self._shown(edit))
            elif edit is None and (phrase := _phrase(remedy)) is not None:
                phrases.append(phrase)
        message = finding.message
        if self._mirror is not None and finding.problem == "unscaled-inputs":
            message = columns_told(self._mirror.inputs, self._name(0)) or message
        line = finding.line or (edits[0].line if edits else None)
        return replace(
            finding,
            message=message,
            remedies=tuple(dict.fromkeys(phrases)),
            file=str(self._source.path),
            line=line,
            replacement=finding.replacement or (self._new_line(edits[0]) if edits else None),
        )

    def _name(self, place: int) -> str:
        names = self._told["named"][place]
        return names[0][0] if names else ("the inputs", "the targets")[place]

    def _edit(self, remedy: str) -> SettingEdit | None:
        """The change of the text that a remedy stands for."""
        key, _, value = remedy.partition("=")
        editor = self._editor
        if key == "optimizer.learning_rate" and value:
            return editor.rate(float(value))
        simple: dict[str, Callable[[], SettingEdit | None]] = {
            "dataset.scale_inputs": editor.standardized,
            "dataset.scale_targets": self._targets,
            "network.initializer": editor.start,
            "optimizer.clip_norm": editor.unclipped,
            "training.steps": lambda: editor.steps(10),
        }
        return simple[key]() if key in simple else None

    def _targets(self) -> SettingEdit | None:
        mirror = self._mirror
        if mirror is not None and set(np.unique(mirror.targets)) == {-1.0, 1.0}:
            return self._editor.labels()
        return self._editor.standardized(targets=True)

    def _shown(self, edit: SettingEdit) -> str:
        line = self._new_line(edit)
        return f"{edit.name} {edit.says}" if line is None else f"line {edit.line}: {line}"

    def _new_line(self, edit: SettingEdit) -> str | None:
        """The first line that an edit changes, as it is then."""
        text = edited(self._source.text, [edit])
        if text is None or edit.line < 1:
            return None
        line = text.split("\n")[edit.line - 1].strip()
        return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 2]} …"


def _phrase(remedy: str) -> str | None:
    """A remedy in words; None where it has none outside a config."""
    key, equals, _ = remedy.partition("=")
    if not equals:
        return remedy.replace("optimizer.learning_rate", "learning rate")
    return _PHRASES.get(key)


def columns_told(inputs: FloatArray, name: str) -> str | None:
    """How the columns of the inputs run, where they are few."""
    columns = inputs.shape[1]
    if columns > _COLUMNS:
        sizes = np.abs(inputs).max(axis=0)
        chosen: Iterable[int] = (int(np.argmax(sizes)), int(np.argmin(sizes)))
    else:
        chosen = range(columns)
    runs = [
        f"column {index + 1} of {name} runs from {number(low)} to {number(high)}"
        if columns > 1
        else f"{name} runs from {number(low)} to {number(high)}"
        for index in chosen
        for low, high in [(float(inputs[:, index].min()), float(inputs[:, index].max()))]
    ]
    shorter = [runs[0], *(x.replace(f" of {name} runs", "") for x in runs[1:])]
    return "the inputs are not scaled: " + ", ".join(shorter) if runs else None
