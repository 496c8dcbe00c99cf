"""What was tried on a failing config, and what cured it."""

from typing import TYPE_CHECKING, Any

from nndiag.fixing import Fix
from nndiag.results.shown import Shown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nndiag.experiment import Experiment


class FixResult(Shown, Fix):
    """A `Fix` that shows itself."""

    @property
    def fixed(self) -> "Experiment | None":
        """The cured experiment; None where there is no cure."""
        run = None if self.winner is None else self.winner.trial.run
        return None if run is None else run.experiment

    def to_dict(self) -> dict[str, Any]:
        """The same object as `nndiag fix --json` prints."""
        from nndiag.report.fix import fix_document  # noqa: PLC0415 (rich costs 50 ms)

        return fix_document(self, config=self.experiment.config.name, fixed=None)

    def __repr__(self) -> str:
        from nndiag.report.fix import fix_line  # noqa: PLC0415 (rich costs 50 ms)

        return f"<FixResult {self.experiment.config.name!r}: {fix_line(self)}>"

    def __rich__(self) -> "RenderableType":
        from nndiag.report.fix import fix_report  # noqa: PLC0415 (rich costs 50 ms)

        return fix_report(self, name=self.experiment.config.name)

    def _pictures(self) -> dict[str, str]:
        from nndiag.plots.vector import vector_losses  # noqa: PLC0415 (matplotlib costs 400 ms)

        return vector_losses(self.traces)
