"""`diagnose`: judge a run that was made already."""

import shlex
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndiag.detectors import DETECTORS
from nndiag.errors import warn
from nndiag.finding import Cause, Confidence, Diagnosis, Severity
from nndiag.trace import Trace
from nndiag.verbs.run import RunResult, judged
from nndiag.verbs.wanted import Thresholds

if TYPE_CHECKING:
    from nndiag.verbs.fix import FixResult
    from nndiag.verbs.sweep_lr import SweepResult


def diagnose(
    run: RunResult | Trace | str | Path,
    *,
    thresholds: Thresholds | None = None,
    ignore: Collection[str] | None = None,
    select: Collection[str] | None = None,
    loss: str | None = None,
) -> "RunResult | SweepResult | FixResult":
    """What is to be said about a run; nothing is trained.

    Args:
        run: A run's folder, that of a sweep or of a search for a fix that was killed, a folder of
            such folders (the newest), a log of another program, a trace, or a result.
        thresholds: Problem → threshold → value; they go before the config's own.
        ignore: Problems that are not looked at, besides those that the config ignores.
        select: The only problems that are looked at.
        loss: For a log: the column of its loss, where it is not found.

    Raises:
        RunError: There is no run, or it cannot be read.
        ConfigError, UnknownNameError: A threshold or a problem does not exist.
    """
    if isinstance(run, str | Path):
        from nndiag.trace.stored import holds_many, meant  # noqa: PLC0415 (only what a verb needs)

        path = meant(Path(run))
        wanted: Any = {"thresholds": thresholds, "ignore": ignore, "select": select}
        if holds_many(path) and not (path / "sweep.json").exists():
            return _many(path, unused=[name for name, value in wanted.items() if value])
        return stored_run(path, loss=loss, **wanted)
    trace = run if isinstance(run, Trace) else run.trace
    name = str(trace.facts.settings.get("name", Path(trace.source).name or "run"))
    again = judged(trace, thresholds=thresholds, ignore=ignore, select=select, name=name)
    return again if isinstance(run, Trace) else replace(run, diagnosis=again.diagnosis)


def stored_run(path: Path, *, loss: str | None = None, **wanted: Any) -> RunResult:
    """What is to be said about one stored run, or a log.

    Args:
        path: The run's folder, or the log.
        loss: As `diagnose` takes it.
        wanted: What is looked for, as `diagnose` takes it.
    """
    from nndiag.trace.logs import read_run  # noqa: PLC0415 (only what a verb needs)

    trace = read_run(path, loss=loss)
    config = path / "config.yaml"
    result = judged(
        trace,
        **wanted,
        name=str(trace.facts.settings.get("name", path.resolve().name)),
        run=path,
        config=shlex.quote(str(config)) if config.exists() else None,
    )
    if wanted.get("select") is not None:
        return result
    return replace(result, diagnosis=_with_what_was_seen(result.diagnosis, path))


def _many(folder: Path, *, unused: Collection[str]) -> "SweepResult | FixResult":
    """What a sweep or a search for a fix has found that was killed."""
    from nndiag.trace.stored import holds_sweep  # noqa: PLC0415 (only what a verb needs)
    from nndiag.verbs.fix import killed_fix  # noqa: PLC0415
    from nndiag.verbs.sweep_lr import killed_sweep  # noqa: PLC0415

    if unused:
        warn(f"{folder} holds many runs: {', '.join(unused)} are for a single one")
    return killed_sweep(folder) if holds_sweep(folder) else killed_fix(folder)


def _with_what_was_seen(diagnosis: Diagnosis, run: Path) -> Diagnosis:
    """The diagnosis with what was found in the program itself when it ran, as its gradient's bug.

    No series of a run holds that: judged by its series alone, such a run would be called healthy.
    """
    from nndiag.trace.stored import findings_in  # noqa: PLC0415 (only what a verb needs)

    cause, found = findings_in(run)
    seen = tuple(one for one in found if one.problem not in DETECTORS.names())
    if not seen:
        return diagnosis
    graver = tuple(one for one in diagnosis.findings if one.severity is not Severity.NOTE)
    first = next((one for one in seen if one.problem == cause), None)
    return replace(
        diagnosis,
        findings=(*seen, *diagnosis.findings),
        cause=diagnosis.cause if first is None else Cause(first, Confidence.LIKELY, graver),
        suggested=diagnosis.suggested if first is None else (),
    )
