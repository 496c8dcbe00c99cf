"""The first thing a person reads: how the run ended, and the one thing that matters most."""

import math
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nndiag.finding import Cause, Confidence, Diagnosis, Evidence, Finding, Outcome, Severity
from nndiag.formatting import count, number, percent, r_squared_words
from nndiag.report.changes import suggestion_words
from nndiag.report.next_command import is_only_checked, learned_little
from nndiag.trace import Trace
from nndiag.trace.statistics import guessed_classes, rate_ran_out

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.NOTE: "·"}

_MOST_NAMED = 4  # problems that are named one by one
_HARDLY = 0.001  # shares of the loss below are not worth a word
_IN_REACH = 0.05  # share of the loss; as for the outcome
_MOST = 0.8  # share of the loss: a straight line leads below zero there, the loss does not
_TINY = 1e-5  # share of the mean baseline's loss

_SERIES = {
    "r_squared": "R²",
    "prediction_deviation": "std of the predictions",
    "sharpness": "λ_max",
    "path": "relative distance moved",
    "linear_share": "share that a linear model reaches",
}
"""How a report writes a series whose name it cannot take as it is."""
_WHOLE = {"ratio of what was just seen of loss": "loss of the last batches ÷ loss of all"}
"""How a report writes what is clumsy as a measure of a series."""
_DUE = frozenset({"cosine", "scale"})
"""Series whose limit is the one right value."""

_CONFIDENCE = {
    Confidence.CONFIRMED: "confirmed by a rerun",
    Confidence.LIKELY: "likely",
    Confidence.POSSIBLE: "possible",
}


def verdict_panel(diagnosis: Diagnosis, trace: Trace) -> RenderableType:
    """The outcome and the most important finding, framed."""
    style = verdict_style(diagnosis)
    headline = Text(headline_of(diagnosis), style=f"bold {style}")
    headline.append(f"  {_outcome_words(diagnosis, trace)}", style="not bold default")
    lines: list[RenderableType] = [headline]
    most = most_important(diagnosis)
    if most is not None:
        lines.append(Text(sentence(most.message), style="bold"))
    details = list(_details(diagnosis, most, trace))
    if details:
        lines.append(labelled(details))
    if most is None or diagnosis.cause is None:
        lines.extend(without_cause(diagnosis))
    return Panel(Group(*lines), border_style=style, padding=(0, 1))


def headline_of(diagnosis: Diagnosis) -> str:
    """The cause in words where there is one, else how the run ended."""
    if diagnosis.cause is not None:
        from nndiag.detectors import DETECTORS, declared  # noqa: PLC0415 (sixty files)

        problem = diagnosis.cause.finding.problem
        if problem not in DETECTORS.names():  # a bug of a program's backward pass
            return problem.replace("-", " ").upper()
        return declared(problem).headline.upper()
    r_squared = diagnosis.numbers.get("r_squared", 0.0)
    if diagnosis.outcome is Outcome.IMPROVING and r_squared < 0:
        return "WORSE THAN THE MEAN"
    return diagnosis.outcome.upper()


def verdict_style(diagnosis: Diagnosis) -> str:
    """The colour of a verdict: red, yellow, blue or green."""
    if diagnosis.failing or diagnosis.outcome in (Outcome.DIVERGED, Outcome.STALLED):
        return "red"
    if any(finding.severity is Severity.WARNING for finding in diagnosis.findings):
        return "yellow"
    return "green" if diagnosis.outcome is Outcome.CONVERGED else "blue"


def most_important(diagnosis: Diagnosis) -> Finding | None:
    """The cause, else the gravest finding that is more than a note."""
    if diagnosis.cause is not None:
        return diagnosis.cause.finding
    return next((x for x in diagnosis.findings if x.severity is not Severity.NOTE), None)


def sentence(message: str) -> str:
    """A message with a capital letter in front, unless a name of the user's stands there."""
    first = message.partition(" ")[0]
    names = message.partition(":")[0].split(", ")
    is_name = any(sign in first for sign in ".:_[") or (
        len(names) > 1 and not any(" " in name for name in names)
    )
    return message if is_name else message[:1].upper() + message[1:]


def evidence_words(evidence: Evidence, *, unit: str = "step") -> str:
    """One number: "growth of gradient norm of layer1 120 (fine up to 10, steps 0–20)"."""
    measure = _SERIES.get(evidence.measure or "", evidence.measure)
    words = "" if measure is None else f"{measure} of "
    words += _SERIES.get(evidence.series, evidence.series.replace("_", " "))
    words = _WHOLE.get(words, words)
    if evidence.layer is not None:
        words += f" of {evidence.layer}"
    words += f" {number(evidence.observed)}"
    about = []
    if evidence.limit is not None:
        about.append(_limit_words(evidence))
    if evidence.steps is not None:
        first, last = evidence.steps
        about.append(f"{unit} {first:,}" if first == last else f"{unit}s {first:,}–{last:,}")
    return f"{words} ({', '.join(about)})" if about else words


def _limit_words(evidence: Evidence) -> str:
    """Which values would be fine: "fine up to 10", "fine from 0.5", "1 if right"."""
    limit = number(evidence.limit)
    if evidence.series in _DUE:
        return f"{limit} if right"
    within = evidence.limit is not None and evidence.observed < evidence.limit
    return f"fine {'from' if within else 'up to'} {limit}"


def cause_words(cause: Cause) -> Text:
    """Name and certainty of the cause, and what it explains."""
    text = Text(cause.finding.problem, style=STYLES[cause.finding.severity])
    text.append(f" ({_CONFIDENCE[cause.confidence]})", style="default")
    if cause.explains:
        names = dict.fromkeys(finding.problem for finding in cause.explains)
        text.append(f"; explains {', '.join(names)}", style="default")
    return text


def labelled(lines: Iterable[tuple[str, Text]]) -> RenderableType:
    """Lines with a faint label before each."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in lines:
        table.add_row(label, text)
    return table


def _outcome_words(diagnosis: Diagnosis, trace: Trace) -> str:
    total = None if trace.length == trace.facts.total_steps else trace.facts.total_steps
    unit = trace.facts.unit
    steps = count(trace.length, unit) if total is None else f"{trace.length:,}{_of(total)} {unit}s"
    steps += _epochs(trace)
    if diagnosis.outcome is Outcome.DIVERGED:
        stopped = trace.ending is not None and trace.ending.reason == "non-finite"
        grew = bool(trace.steps) and math.isfinite(trace.loss[0])
        how = "the loss exploded" if grew else "the loss was never finite"
        return f"{how}{'; stopped' if stopped else ' and stayed high'} after {steps}"
    if diagnosis.outcome in (Outcome.STALLED, Outcome.FLAT):
        stalled = f"not learning after {count(trace.length, unit)}{_epochs(trace)}"
        return stalled if diagnosis.outcome is Outcome.STALLED else _flat_words(trace)
    if diagnosis.outcome is Outcome.INTERRUPTED:
        how = "ended before its last step" if trace.ending is None else "by Ctrl-C"
        return f"{how}, after {steps}; judged as far as it got"
    if diagnosis.outcome is Outcome.UNJUDGED:
        checked = is_only_checked(diagnosis, trace)
        before, behind = f"after {steps}", ", so that the loss need not fall"
        before, behind = ("only its steps were checked", "") if checked else (before, behind)
        return f"{before}: {trace.facts.surrogate}{behind}"
    if diagnosis.outcome is Outcome.IMPROVING:
        return _still_falling_words(diagnosis, trace)
    return _finished_words(diagnosis, trace)


def _epochs(trace: Trace) -> str:
    """How many epochs the steps are, where a program has any."""
    return "" if trace.epochs is None else f" ({count(trace.epochs, 'epoch')})"


def _finished_words(diagnosis: Diagnosis, trace: Trace) -> str:
    if trace.ending is not None and trace.ending.reason == "stopped early":
        return f"the validation loss fell no further: stopped after {trace.length:,} steps"
    best = diagnosis.numbers.get("validation_best_step")
    if best is not None:
        when = f"{trace.facts.unit} {best:,.0f} of {trace.length:,}"
        return f"the validation loss was at its best at {when}"
    if _more_in_reach(diagnosis):
        return "learned; the loss is flat, but not at a minimum yet"
    return "finished: at a minimum"


def _flat_words(trace: Trace) -> str:
    """Why the loss may have stopped falling, or what would tell."""
    after = count(trace.length, trace.facts.unit)
    if rate_ran_out(trace):
        rates = trace.series["learning_rate"].values
        return (
            f"the loss no longer falls after {after}: its learning rate fell from "
            f"{number(float(rates.max()))} to {number(float(rates[-1]))}, which ends any run"
        )
    classes = guessed_classes(trace)
    if classes is not None:
        return (
            f"the loss no longer falls after {after}: it stays at ln {classes}, the cross-entropy "
            f"of guessing among {classes} classes, whatever the inputs are"
        )
    return (
        f"the loss no longer falls after {after}; whether it can, the loss of always predicting "
        "the mean would tell: it is not known here"
    )


def _still_falling_words(diagnosis: Diagnosis, trace: Trace) -> str:
    gain, final = (diagnosis.numbers.get(x) for x in ("expected_gain", "final_loss"))
    if gain is None or not final:
        return "still falling: not finished"
    steps = count(trace.length, trace.facts.unit)
    if abs(gain / final) < _HARDLY:
        return f"not finished: too early to tell after {steps}{_epochs(trace)}"
    more = steps.replace(" ", " more ")
    share = abs(gain / final)
    part = "most of it" if share > _MOST else f"about {percent(share)}"
    more = more if trace.epochs is None else f"{trace.epochs:,} more epochs"
    return f"still falling: {more} would remove {part}"


def _more_in_reach(diagnosis: Diagnosis) -> bool:
    """Whether a local quadratic step would still take off a share of a loss that is not tiny."""
    final, baseline, decrement = (
        diagnosis.numbers.get(x, 0.0) for x in ("final_loss", "baseline_loss", "newton_decrement")
    )
    return decrement > _IN_REACH * final and final > _TINY * baseline


def _of(total: int | None) -> str:
    return "" if total is None else f" of {total:,}"


def _details(
    diagnosis: Diagnosis, most: Finding | None, trace: Trace
) -> Iterator[tuple[str, Text]]:
    """Name and certainty of the cause, its evidence, and what `fix` tries first."""
    cause = diagnosis.cause
    if cause is not None:
        yield "cause", cause_words(cause)
    if most is not None and most.evidence:
        yield (
            "evidence",
            Text(" · ".join(evidence_words(one, unit=trace.facts.unit) for one in most.evidence)),
        )
    if most is not None and diagnosis.suggested:
        words = [suggestion_words(x, trace.facts.settings) for x in diagnosis.suggested]
        yield "try", Text(" · ".join(words))


def without_cause(diagnosis: Diagnosis) -> Iterator[Text]:
    """What is said where there is no cause."""
    narrow = _narrow(diagnosis)
    if diagnosis.failing or diagnosis.outcome in (Outcome.DIVERGED, Outcome.STALLED):
        looked = f"looked for {narrow} only" if narrow else "nothing that nndiag looks for fits"
        yield Text(f"Unexplained: {looked}.", style="bold")
        if diagnosis.ruled_out:
            yield Text(f"Ruled out: {', '.join(diagnosis.ruled_out)}.")
    elif all(finding.severity is Severity.NOTE for finding in diagnosis.findings):
        finished = diagnosis.outcome is Outcome.CONVERGED
        r_squared = diagnosis.numbers.get("r_squared")
        share = ""
        little = ": it predicts little more than the mean" * learned_little(diagnosis)
        if (finished or little) and r_squared is not None:
            share = f" R² {r_squared_words(r_squared)}{little}."
        only = f" (looked for {narrow} only)" if narrow else ""
        if diagnosis.outcome is Outcome.FLAT:
            yield Text(f"Nothing that was recorded tells why{only}.")
            return
        yield Text(f"Nothing wrong was found{'' if finished else ' so far'}{only}.{share}")


def _narrow(diagnosis: Diagnosis) -> str:
    """What was looked for, where it is not all that nndiag knows."""
    from nndiag.detectors import DETECTORS  # noqa: PLC0415 (sixty files)

    skipped = (check.problem for check in diagnosis.not_checked)
    found = (finding.problem for finding in diagnosis.findings)
    looked = dict.fromkeys((*diagnosis.ruled_out, *skipped, *found))
    every = DETECTORS.names()
    if set(every) <= set(looked):
        return ""
    few = len(looked) <= _MOST_NAMED
    return ", ".join(looked) if few else f"{len(looked)} of {len(every)} problems"


def one_line(diagnosis: Diagnosis) -> str:
    """Outcome and most important finding in one line of text."""
    most = most_important(diagnosis)
    return str(diagnosis.outcome) if most is None else f"{diagnosis.outcome}: {most.message}"
