"""`diagnose`: judge a run that was made already."""

import shlex
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nndiag.detectors import DETECTORS
from nndiag.finding import Cause, Confidence, Diagnosis, Severity
from nndiag.trace import Trace
from nndiag.verbs.run import RunResult, judged
from nndiag.verbs.wanted import Thresholds


def diagnose(
    run: RunResult | Trace | str | Path,
    *,
    thresholds: Thresholds | None = None,
    ignore: Collection[str] | None = None,
    select: Collection[str] | None = None,
    loss: str | None = None,
) -> RunResult:
    """What is to be said about a run; nothing is trained.

    Args:
        run: A run's folder, a folder of such folders (the newest), a log of another program, a
            trace, or a result.
        thresholds: Problem → threshold → value; they go before the config's own.
        ignore: Problems that are not looked at, besides those that the config ignores.
        select: The only problems that are looked at.
        loss: For a log: the column of its loss, where it is not found.

    Raises:
        RunError: There is no run, or it cannot be read.
        ConfigError, UnknownNameError: A threshold or a problem does not exist.
    """
    if isinstance(run, str | Path):
        wanted: Any = {"thresholds": thresholds, "ignore": ignore, "select": select}
        return _stored(Path(run), loss=loss, wanted=wanted)
    trace = run if isinstance(run, Trace) else run.trace
    name = str(trace.facts.settings.get("name", Path(trace.source).name or "run"))
    again = judged(trace, thresholds=thresholds, ignore=ignore, select=select, name=name)
    return again if isinstance(run, Trace) else replace(run, diagnosis=again.diagnosis)


def _stored(
    path: Path,
    *,
    loss: str | None,
    wanted: Mapping[str, Any],
) -> RunResult:
    from nndiag.trace.logs import read_run  # noqa: PLC0415 (only what a verb needs)
    from nndiag.trace.stored import runs_in  # noqa: PLC0415

    path = (runs_in(path) or [path])[-1]
    trace = read_run(path, loss=loss)
    config = path / "config.yaml"
    result = judged(
        trace,
        **wanted,
        name=str(trace.facts.settings.get("name", path.resolve().name)),
        run=path,
        config=shlex.quote(str(config)) if config.exists() else None,
    )
    if wanted["select"] is not None:
        return result
    return replace(result, diagnosis=_with_what_was_seen(result.diagnosis, path))


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
