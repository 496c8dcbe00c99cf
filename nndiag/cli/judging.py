"""From a trace to what a person sees: shared by the commands that judge a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nndiag.cli.streams import emit, emit_text, warn
from nndiag.diagnosis import diagnose
from nndiag.errors import ConfigError, Problem, RunError
from nndiag.finding import Diagnosis
from nndiag.trace import Trace
from nndiag.trace.plain import json_text
from nndiag.trace.run_folder import write_file


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        thresholds: Problem → threshold → value, where it differs from the default.
        ignore: Problems that are not looked for.
        select: The only problems that are looked for; None for all.
    """

    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None

    @classmethod
    def of_settings(
        cls,
        settings: Mapping[str, Any],
        *,
        ignore: Sequence[str] | None = None,
        select: Sequence[str] | None = None,
        thresholds: Sequence[str] = (),
    ) -> "Wanted":
        """What a config and the command line ask for together.

        Args:
            settings: The resolved config.
            ignore: More problems to ignore.
            select: The only problems to look for.
            thresholds: `problem.threshold=value` each.

        Raises:
            ConfigError: A threshold is not written like that, or does not exist.
            UnknownNameError: A problem does not exist.
        """
        from nndiag.detectors import DETECTORS, checked_thresholds  # noqa: PLC0415

        section = settings.get("diagnosis") or {}
        merged = {problem: dict(values) for problem, values in _thresholds_in(section).items()}
        for text in thresholds:
            problem, name, value = _threshold(text)
            merged.setdefault(problem, {})[name] = value
        wanted = cls(
            thresholds=checked_thresholds(merged),
            ignore=(*section.get("ignore", ()), *(ignore or ())),
            select=None if not select else tuple(select),
        )
        for problem in (*wanted.ignore, *(wanted.select or ())):
            DETECTORS.get(problem)
        return wanted


def _thresholds_in(section: Mapping[str, Any]) -> Mapping[str, Mapping[str, float]]:
    thresholds: Mapping[str, Mapping[str, float]] = section.get("thresholds") or {}
    return thresholds


def _threshold(text: str) -> tuple[str, str, float]:
    """The parts of `problem.threshold=value`."""
    key, equals, value = text.partition("=")
    problem, dot, name = key.partition(".")
    try:
        if not equals or not dot:
            raise ValueError
        number = float(value)
    except ValueError:
        raise ConfigError(
            Problem(
                f"{text!r} sets no threshold",
                allowed="problem.threshold=number",
                hint="vanishing-gradients.ratio=1e-4; `nndiag explain PROBLEM` has the names",
            )
        ) from None
    return problem, name, int(number) if number.is_integer() and "." not in value else number


@dataclass(frozen=True, eq=False)
class Judged:
    """A run with what is said about it.

    Attributes:
        trace: The run.
        diagnosis: What is said about it.
        command: The command that asked.
        name: What the run is called.
        config: The config as a person would give it again; None for a foreign trace.
    """

    trace: Trace
    diagnosis: Diagnosis
    command: str
    name: str
    config: str | None


def judge(trace: Trace, wanted: Wanted, *, command: str, name: str, config: str | None) -> Judged:
    """Diagnose a run."""
    diagnosis = diagnose(
        trace, thresholds=wanted.thresholds, ignore=wanted.ignore, select=wanted.select
    )
    return Judged(trace, diagnosis, command, name, config)


def tell(judged: Judged, *, run: str | None, as_json: bool, quiet: bool) -> None:
    """Print the report, or the JSON object, or the verdict alone."""
    if as_json:
        emit_text(json_text(_document(judged, run=run)))
        return
    from nndiag.report.next_command import next_command  # noqa: PLC0415
    from nndiag.report.terminal import run_report  # noqa: PLC0415
    from nndiag.report.verdict import one_line  # noqa: PLC0415

    if quiet:
        emit_text(f"{judged.name}: {one_line(judged.diagnosis)}\n")
        return
    advice = next_command(judged.diagnosis, judged.trace, config=judged.config)
    emit(run_report(judged.diagnosis, judged.trace, name=judged.name, run=run, next_command=advice))


def store(judged: Judged, folder: Path) -> None:
    """Write `diagnosis.json`; a folder that cannot be written is a warning."""
    try:
        text = json_text(_document(judged, run=str(folder)))
        write_file(folder / "diagnosis.json", text.encode())
    except RunError as error:
        warn(f"the diagnosis could not be stored: {error}")


def draw(judged: Judged, folder: Path) -> None:
    """Draw the run into its folder; a folder that cannot be written is a warning."""
    from nndiag.plots import save_plots  # noqa: PLC0415

    try:
        save_plots(judged.trace, folder / "plots", onset=judged.diagnosis.numbers.get("onset_step"))
    except RunError as error:
        warn(f"the plots could not be stored: {error}")


def _document(judged: Judged, *, run: str | None) -> dict[str, Any]:
    from nndiag.report.json import run_document  # noqa: PLC0415

    return run_document(
        judged.diagnosis, judged.trace, command=judged.command, config=judged.name, run=run
    )
