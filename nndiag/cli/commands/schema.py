"""`nndiag schema [OF]`: the JSON Schema of the config, or of what `--json` prints."""

from typing import Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.streams import emit_text
from nndiag.verbs.schema import Of


@command("schema", rank=11, without=("json", "quiet", "fail_on", "html"))
def schema(
    of: Annotated[
        Of, typer.Argument(metavar="OF", help="A config, or what --json prints.")
    ] = Of.CONFIG,
) -> None:
    """Print the JSON Schema of a config, or of what --json prints."""
    from nndiag.plain import json_text  # noqa: PLC0415
    from nndiag.verbs.schema import schema as schema_of  # noqa: PLC0415

    emit_text(json_text(schema_of(of)))
