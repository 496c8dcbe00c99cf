"""`nndiag schema`: the JSON Schema of the config."""

from nndiag.cli.streams import emit_text


def schema() -> None:
    """Print the JSON Schema of the config, for editors."""
    from nndiag.experiment.schema import json_schema  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    emit_text(json_text(json_schema()))
