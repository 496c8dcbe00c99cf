"""`nndiag schema [OF]`: the JSON Schema of the config, or of what `--json` prints."""

from enum import StrEnum
from typing import Annotated

import typer

from nndiag.cli.streams import emit_text


class Of(StrEnum):
    """What has a schema."""

    CONFIG = "config"
    REPORT = "report"


def schema(
    of: Annotated[
        Of, typer.Argument(metavar="OF", help="A config, or what --json prints.")
    ] = Of.CONFIG,
) -> None:
    """Print the JSON Schema of a config, or of what --json prints."""
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    if of is Of.CONFIG:
        from nndiag.experiment.schema import json_schema  # noqa: PLC0415

        emit_text(json_text(json_schema()))
        return
    from nndiag.report.schema import report_schema  # noqa: PLC0415

    emit_text(json_text(report_schema()))
