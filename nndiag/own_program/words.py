"""A diagnosis in the program's own words: its names, its lines, and what to write there."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.finding import Cause, Confidence, Diagnosis, Finding, Outcome, Severity, Suggestion
from nndiag.formatting import number
from nndiag.own_program.candidates import OUTPUTS, USUAL
from nndiag.own_program.edits import Editor
from nndiag.own_program.mirror import Mirror, Told
from nndiag.own_program.setting_edit import SettingEdit
from nndiag.program import ProgramCheck
from nndiag.program.text.source import Source

_LONGEST = 160  # characters of lines that are shown
_RATE = frozenset(
    {
        "learning-rate-above-stability-limit",
        "learning-rate-too-small",
        "summed-loss",
        "exploding-loss",
        "exploding-gradients",
        "oscillating-loss",
        "noisy-steps",
        "vanishing-gradients",
        "stalled-convergence",
    }
)
LOWER = _RATE - {"learning-rate-too-small", "vanishing-gradients", "stalled-convergence"}
"""Those of them that a lower rate may help, and no larger one."""
HALF, CAREFUL = 2.0, 8.0
"""The stability limit over a rate that is lowered, and over one that is raised: the limit falls
while a network learns, and a rate that the program has is near what its author saw work."""
_START = frozenset(
    {"weights-too-large", "weights-too-small", "identical-units", "dead-units", "saturated-units"}
)
_TARGETS = frozenset(
    {"unscaled-targets", "loss-does-not-fit-output", "targets-outside-output-range"}
)
_BAD = frozenset({Outcome.DIVERGED, Outcome.STALLED, Outcome.FLAT})
"""How a run ends that a fault may be the reason of."""
_COLUMNS = 4  # that are told
_TOO_SMALL = "learning-rate-too-small"


def with_check(diagnosis: Diagnosis, check: ProgramCheck | None, *, steps: int) -> Diagnosis:
    """The diagnosis with what the check of the gradient found.

    What is wrong with the steps is the cause of whatever the run did. Where the program trains
    alike with that mended it explains nothing, and where that was seen until it came to rest, a
    cause of the run's own comes first. Where nothing is wrong with the run, a warning is the cause
    of nothing.

    Args:
        diagnosis: What is said about its run.
        check: The check of its gradient.
        steps: How many steps the run took.
    """
    if check is None or not check.findings:
        return diagnosis
    graver = [x for x in check.findings if x.severity is not Severity.NOTE]
    notes = tuple(x for x in check.findings if x.severity is Severity.NOTE)
    if not graver:
        return replace(diagnosis, findings=(*diagnosis.findings, *notes))
    first, *others = [_placed(x, check) for x in graver]
    found = [x for x in diagnosis.findings if x.severity is not Severity.NOTE]
    rest = [x for x in diagnosis.findings if x.severity is Severity.NOTE]
    matters = check.matters
    beside = diagnosis.cause is not None and matters is not None and matters.is_beside
    at_rest = diagnosis.outcome in _BAD
    if beside and at_rest and matters is not None and matters.iterations >= steps:
        return replace(diagnosis, findings=(*found, first, *others, *rest, *notes))
    confirmed = matters is not None and matters.is_why
    confidence = Confidence.CONFIRMED if confirmed else Confidence.LIKELY
    is_cause = first.severity is Severity.ERROR or found or diagnosis.outcome in _BAD
    return replace(
        diagnosis,
        cause=Cause(first, confidence, () if beside else tuple(found)) if is_cause else None,
        findings=(first, *others, *found, *rest, *notes),
        suggested=suggested(first, check.source),
    )


def _placed(finding: Finding, check: ProgramCheck) -> Finding:
    if not finding.line:
        return finding
    place = check.source.place(finding.line)
    return replace(finding, message=f"{place}: {finding.message}")


def in_own_words(
    diagnosis: Diagnosis,
    *,
    source: Source,
    told: Told,
    mirror: Mirror | None,
    limit: float | None,
    editor: Editor | None = None,
) -> Diagnosis:
    """The diagnosis with what to write into the program, and its columns named.

    Args:
        diagnosis: What is said about its run.
        source: The program.
        told: What was watched of it.
        mirror: Its network, where it is known.
        limit: The largest stable learning rate at its start, where it is known.
        editor: Finds the places to change; that of a program by default.
    """
    speaker = Speaker(source, told, mirror, limit)
    speaker.editor = editor or speaker.editor
    renamed = {id(x): speaker.told(x) for x in diagnosis.findings}
    cause = diagnosis.cause
    if cause is not None:
        cause = replace(
            cause,
            finding=renamed[id(cause.finding)],
            explains=tuple(renamed.get(id(x), x) for x in cause.explains),
        )
    return replace(
        diagnosis,
        cause=cause,
        findings=tuple(renamed[id(x)] for x in diagnosis.findings),
        suggested=suggested(None if cause is None else cause.finding, source),
    )


def borne(finding: Finding, rate: float) -> float | None:
    """The learning rate that a run bears, as a finding says; None where it says nothing of it.

    Args:
        finding: What was found.
        rate: The learning rate.
    """
    rates = {
        "learning_rate": lambda x: x.limit,
        "update_ratio": lambda x: rate * x.limit / x.observed,
    }
    known = [x for x in finding.evidence if x.series in rates and x.limit and x.observed > 0]
    return min((float(rates[x.series](x)) for x in known), default=None)


class Speaker:
    """Puts findings into a program's words.

    Args:
        source: The program.
        told: What was watched of it.
        mirror: Its network, where it is known.
        limit: The largest stable learning rate at its start, where it is known.
    """

    def __init__(
        self, source: Source, told: Told, mirror: Mirror | None, limit: float | None
    ) -> None:
        self._source, self._told, self._mirror, self._limit = source, told, mirror, limit
        self.editor = Editor(source, told)

    def told(self, finding: Finding) -> Finding:
        """One finding."""
        edit = self._edit(finding)
        message = finding.message
        if self._mirror is not None and finding.problem == "unscaled-inputs":
            message = columns_told(self._mirror.inputs, self._name(0)) or message
        if edit is None:
            return replace(finding, message=message)
        return replace(
            finding,
            message=message,
            file=str(self._source.path),
            line=edit.line,
            replacement=edit.first_line(self._source.text),
        )

    def _name(self, place: int) -> str:
        names = self._told["named"][place]
        return names[0][0] if names else ("the inputs", "the targets")[place]

    def _edit(self, finding: Finding) -> SettingEdit | None:
        """The change of the text that helps against a problem, where one does."""
        editor, problem = self.editor, finding.problem
        if problem == _TOO_SMALL and (steady := editor.steady_rate()) is not None:
            return steady
        if problem in _RATE:
            rate, limit = self._told["rate"], self._limit
            if problem in LOWER and rate:
                limit = borne(finding, float(rate[1])) or limit
            value = None if limit is None else limit / (HALF if problem in LOWER else CAREFUL)
            if self._told["adaptive"]:
                value = USUAL[1]
            if value is None or (rate and (value < float(rate[1])) is not (problem in LOWER)):
                return (
                    None  # what explodes is not helped by a larger rate, what rests by no smaller
                )
            return editor.rate(value)
        ways: dict[str, Callable[[], SettingEdit | None]] = {
            **dict.fromkeys(_TARGETS, self._targets),
            **dict.fromkeys(_START, editor.start),
            "unscaled-inputs": editor.standardized,
            "gradient-clipped-too-hard": editor.clip,
            "weight-decay-too-strong": editor.decay,
            "missing-biases": lambda: next(editor.biases(), None),
            "too-few-units": lambda: editor.units(4),
            "not-enough-steps": lambda: editor.steps(10),
        }
        return ways[problem]() if problem in ways else None

    def _targets(self) -> SettingEdit | None:
        mirror = self._mirror
        if self._told["output"] and self._told["output"]["activation"] == "softmax":
            return self.editor.sigmoid()
        labels = None if mirror is None else mirror.odd_labels
        if labels is not None:
            return self.editor.labels(*labels)
        output = str((self._told["output"] or {}).get("activation"))
        fits = output in OUTPUTS and self._told["kind"] == "mean_squared_error"
        linear = next(self.editor.linear_outputs(output), None) if fits else None
        return linear or self.editor.standardized(targets=True)


def suggested(finding: Finding | None, source: Source) -> tuple[Suggestion, ...]:
    """What to write, where a finding says so."""
    if finding is None or finding.replacement is None or finding.line is None:
        return ()
    line = finding.replacement.strip()
    shown = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 2]} …"
    return (Suggestion(finding.problem, f"{source.spot(finding.line)}: {shown}"),)


def columns_told(inputs: FloatArray, name: str) -> str | None:
    """How the columns of the inputs run, where they are few."""
    columns = inputs.shape[1]
    if columns > _COLUMNS:
        sizes = np.where(np.ptp(inputs, axis=0) > 0, np.abs(inputs).max(axis=0), np.nan)
        if np.isnan(sizes).all():
            return None
        chosen: Iterable[int] = sorted({int(np.nanargmax(sizes)), int(np.nanargmin(sizes))})
    else:
        chosen = [index for index in range(columns) if np.ptp(inputs[:, index]) > 0]
    runs = [
        f"column {index + 1} of {name} runs from {number(low)} to {number(high)}"
        if columns > 1
        else f"{name} runs from {number(low)} to {number(high)}"
        for index in chosen
        for low, high in [(float(inputs[:, index].min()), float(inputs[:, index].max()))]
    ]
    shorter = [runs[0], *(x.replace(f" of {name} runs", "") for x in runs[1:])]
    return "the inputs are not scaled: " + ", ".join(shorter) if runs else None
