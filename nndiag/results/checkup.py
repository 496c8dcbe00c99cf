"""What is worth checking before any training, checked."""

from typing import TYPE_CHECKING, Any

from nndiag.checkup import Checkup
from nndiag.results.shown import Shown

if TYPE_CHECKING:
    from rich.console import RenderableType


class CheckupResult(Shown, Checkup):
    """A `Checkup` that shows itself."""

    def to_dict(self) -> dict[str, Any]:
        """The same object as `nndiag doctor --json` prints."""
        from nndiag.report.doctor import doctor_document  # noqa: PLC0415 (rich costs 50 ms)

        return doctor_document(self)

    def __repr__(self) -> str:
        from nndiag.report.doctor import doctor_line  # noqa: PLC0415 (rich costs 50 ms)

        return f"<CheckupResult {self.name!r}: {doctor_line(self)}>"

    def __rich__(self) -> "RenderableType":
        from nndiag.report.doctor import doctor_report  # noqa: PLC0415 (rich costs 50 ms)

        return doctor_report(self)
