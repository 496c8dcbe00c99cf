"""`diagnose`: judge a run that was made already."""

import shlex
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    return judged(
        trace,
        **wanted,
        name=str(trace.facts.settings.get("name", path.resolve().name)),
        run=path,
        config=shlex.quote(str(config)) if config.exists() else None,
    )
