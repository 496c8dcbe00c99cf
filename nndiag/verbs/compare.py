"""`compare`: what differs in the settings, what in the outcome, all curves."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nndiag.errors import Problem, RunError, warn
from nndiag.finding import Severity
from nndiag.report.compare import Side, best_first, known_settings
from nndiag.trace.difference import Difference, differences
from nndiag.verbs.diagnose import stored_run
from nndiag.verbs.result import Result
from nndiag.verbs.run import RunResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from rich.console import RenderableType

    from nndiag.report.document import Document

RunLike: TypeAlias = RunResult | str | Path


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonResult(Result):
    """Runs beside each other.

    Attributes:
        sides: The runs, each with what is said about it; the best one first.
        differences: Settings that differ.
    """

    sides: tuple[Side, ...]
    differences: tuple[Difference, ...]

    def gravest(self) -> Severity | None:
        """None: a comparison judges none of the runs."""
        return None

    def line(self) -> str:
        """The best run, and by how much."""
        from nndiag.report.compare import labels_of, verdict  # noqa: PLC0415 (only when shown)

        return verdict(self.sides, labels_of(self.sides, self.differences))

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.compare_document import compare_document  # noqa: PLC0415 (only when shown)

        return compare_document(self.sides, self.differences)

    def drawings(self) -> "Sequence[Callable[[Axes], object]]":
        """The losses of all."""
        from nndiag.plots import losses  # noqa: PLC0415 (matplotlib costs 400 ms)
        from nndiag.report.compare import lettered  # noqa: PLC0415

        return [partial(losses.draw, lettered(self.sides, self.differences))]

    def pictures(self) -> dict[str, str]:
        """Name → SVG element."""
        from nndiag.plots.vector import vector_losses  # noqa: PLC0415 (matplotlib costs 400 ms)
        from nndiag.report.compare import lettered  # noqa: PLC0415

        return vector_losses(lettered(self.sides, self.differences))

    def __rich__(self) -> "RenderableType":
        from nndiag.report.compare import compare_report  # noqa: PLC0415 (only when shown)

        return compare_report(self.sides, self.differences)


def compare(
    *runs: RunLike,
    ignore: Collection[str] | None = None,
    select: Collection[str] | None = None,
) -> ComparisonResult:
    """Compare runs: settings that differ, outcomes, all curves.

    Args:
        runs: Folders of runs, folders of such folders, logs of other programs, or results.
        ignore: Problems that are not looked at, besides those that the configs ignore.
        select: The only problems that are looked at.

    Raises:
        RunError: A run cannot be read, or there is only one.
    """
    results = [
        run if isinstance(run, RunResult) else stored_run(Path(run), ignore=ignore, select=select)
        for run in _found(runs)
    ]
    if len(results) < 2:
        raise RunError(Problem("one run is nothing to compare", allowed="two runs or more"))
    sides = tuple(best_first([Side(one.name, one.trace, one.diagnosis) for one in results]))
    changed = differences([known_settings(side.trace) for side in sides])
    return ComparisonResult(sides, tuple(changed))


def _found(runs: Iterable[RunLike]) -> Iterable[RunLike]:
    """The runs that are meant; what a sweep has stored among them is passed over."""
    from nndiag.trace.stored import begun, holds_sweep, runs_in  # noqa: PLC0415 (what a verb needs)

    for run in runs:
        if isinstance(run, RunResult):
            yield run
        elif holds_sweep(Path(run)):
            warn(f"{run} holds a sweep of many runs and is left out")
        else:
            yield from filter(begun, runs_in(Path(run))) if runs_in(Path(run)) else [Path(run)]
