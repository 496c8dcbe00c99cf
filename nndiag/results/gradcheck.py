"""Whether a gradient is right: of a config's network, or of a program of the user's own."""

from typing import TYPE_CHECKING, Any

from nndiag.analysis.network_check import NetworkCheck
from nndiag.finding import Finding
from nndiag.program import ProgramCheck
from nndiag.results.shown import Shown

if TYPE_CHECKING:
    from rich.console import RenderableType


class NetworkCheckResult(Shown, NetworkCheck):
    """The check of a config's network; it shows itself."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, tensor by tensor."""
        from nndiag.report.gradcheck_network import network_findings  # noqa: PLC0415 (rich)

        return network_findings(self)

    def to_dict(self) -> dict[str, Any]:
        """The same object as `nndiag gradcheck --json` prints."""
        from nndiag.report.gradcheck_network import network_document  # noqa: PLC0415 (rich)

        return network_document(self)

    def __repr__(self) -> str:
        from nndiag.report.gradcheck_network import network_line  # noqa: PLC0415 (rich)

        return f"<NetworkCheckResult {self.name!r}: {network_line(self)}>"

    def __rich__(self) -> "RenderableType":
        from nndiag.report.gradcheck_network import network_report  # noqa: PLC0415 (rich)

        return network_report(self, next_command="nndiag.train(…)")


class ProgramCheckResult(Shown, ProgramCheck):
    """The check of a program; it shows itself."""

    def to_dict(self) -> dict[str, Any]:
        """The same object as `nndiag gradcheck --json` prints."""
        from nndiag.report.gradcheck_program import program_document  # noqa: PLC0415 (rich)

        return program_document(self, written=None)

    def __repr__(self) -> str:
        from nndiag.report.gradcheck_program import program_line  # noqa: PLC0415 (rich)

        return f"<ProgramCheckResult {self.path.name!r}: {program_line(self)}>"

    def __rich__(self) -> "RenderableType":
        from nndiag.report.gradcheck_program import program_report  # noqa: PLC0415 (rich)

        return program_report(self, written=None)
