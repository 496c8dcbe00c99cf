"""`schema`: the JSON Schema of the config, or of what `--json` prints."""

from enum import StrEnum
from typing import Any


class Of(StrEnum):
    """What has a schema."""

    CONFIG = "config"
    REPORT = "report"


def schema(of: str = Of.CONFIG) -> dict[str, Any]:
    """The JSON Schema of a config, or of what `--json` prints.

    Args:
        of: "config" or "report".

    Raises:
        ValueError: There is no such schema.
    """
    if Of(of) is Of.CONFIG:
        from nndiag.experiment.schema import json_schema  # noqa: PLC0415 (pydantic costs 100 ms)

        return json_schema()
    from nndiag.report.schema import report_schema  # noqa: PLC0415 (only when asked for)

    return report_schema()
