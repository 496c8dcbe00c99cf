"""`schema`: the JSON Schema of the config, or of what `--json` prints."""

from enum import StrEnum
from typing import Any

from nndiag.kept import kept


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
    return dict(kept(f"schema-of-{Of(of)}", _of_config if Of(of) is Of.CONFIG else _of_report))


def _of_config() -> dict[str, Any]:
    from nndiag.experiment.schema import json_schema  # noqa: PLC0415 (pydantic costs 100 ms)

    return json_schema()


def _of_report() -> dict[str, Any]:
    from nndiag.report.schema import report_schema  # noqa: PLC0415 (only when asked for)

    return report_schema()
