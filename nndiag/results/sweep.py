"""Which learning rates work."""

from typing import TYPE_CHECKING, Any

from nndiag.diagnosis.sweep_findings import sweep_findings
from nndiag.finding import Finding
from nndiag.results.shown import Shown
from nndiag.training.lr_sweep import SweepResult as Sweep

if TYPE_CHECKING:
    from rich.console import RenderableType


class SweepResult(Shown, Sweep):
    """A sweep that shows itself."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is said about the configured rate."""
        return sweep_findings(self)

    def to_dict(self) -> dict[str, Any]:
        """The same object as `nndiag sweep-lr --json` prints."""
        from nndiag.report.sweep import sweep_document  # noqa: PLC0415 (rich costs 50 ms)

        return sweep_document(self, self.findings)

    def __repr__(self) -> str:
        from nndiag.report.sweep import sweep_line  # noqa: PLC0415 (rich costs 50 ms)

        return f"<SweepResult {self.name!r}: {sweep_line(self)}>"

    def __rich__(self) -> "RenderableType":
        from nndiag.report.sweep import sweep_report  # noqa: PLC0415 (rich costs 50 ms)

        return sweep_report(self, self.findings)

    def _pictures(self) -> dict[str, str]:
        from functools import partial  # noqa: PLC0415 (only where a notebook shows it)

        from nndiag.plots.sweep import draw  # noqa: PLC0415 (matplotlib costs 400 ms)
        from nndiag.plots.vector import vector_figure  # noqa: PLC0415

        picture = vector_figure("sweep", partial(draw, self))
        return {} if picture is None else {"sweep": picture}
