"""The JSON Schema of the config, for editors."""

from typing import Any

from nndiag.experiment.config import Config, ProgramConfig


def json_schema() -> dict[str, Any]:
    """The schema of every key, with the options of every component.

    A config describes a network, or extends one that does, or names the user's own program.
    """
    network = Config.model_json_schema(by_alias=True)
    definitions = network.pop("$defs", {})
    required = network.pop("required")
    definitions["Network"].pop("required")  # a config that extends another one may have it there
    program = ProgramConfig.model_json_schema(by_alias=True)
    definitions |= program.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **network,
        "title": "nndiag config",
        "anyOf": [{"required": required}, {"required": ["extends"]}, {"required": ["code"]}],
        "$defs": definitions,
    }
