"""What a verb is given: a config, a program, a log or a run, told apart in one place."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nndiag.errors import ConfigError, Problem

if TYPE_CHECKING:
    from nndiag.experiment import Experiment, ProgramExperiment
    from nndiag.program import CodeSettings

Overrides: TypeAlias = Mapping[str, Any] | Sequence[str]
ExperimentLike: TypeAlias = "Experiment | Mapping[str, Any] | str | Path"

_PROGRAM = re.compile(r"(?P<file>.*\.(py|ipynb))(:(?P<class>[A-Za-z_]\w*))?", re.DOTALL)
_KEYS = ("loss", "parameters", "learning_rate", "functions", "gradients")


class Kind(StrEnum):
    """What a file is to nndiag."""

    CONFIG = "config"
    PROGRAM = "program"
    LOG = "log"
    RUN = "run"


_KINDS = {
    **dict.fromkeys((".yaml", ".yml"), Kind.CONFIG),
    **dict.fromkeys((".csv", ".tsv", ".json", ".jsonl", ".txt", ".log"), Kind.LOG),
}


def kind_of(target: str | Path) -> Kind | None:
    """What a path is by its name, or because it is a folder; None where that cannot be told."""
    text = str(target)
    if _PROGRAM.fullmatch(text):
        return Kind.PROGRAM
    kind = _KINDS.get(Path(text).suffix.lower())
    try:
        return Kind.RUN if kind is None and Path(text).is_dir() else kind
    except OSError:  # a name that is too long
        return kind


def words_of(target: ExperimentLike, overrides: Overrides = ()) -> str | None:
    """A target and its overrides as a command line has them; None where it is no file."""
    from nndiag.experiment import Experiment  # noqa: PLC0415 (only where there is one)

    source = target.source if isinstance(target, Experiment) else target
    if not isinstance(source, str | Path):
        return None
    return shlex.join([str(source), *override_texts(overrides)])


def override_texts(overrides: Overrides) -> list[str]:
    """`key=value` each, as a config file would have the values."""
    if isinstance(overrides, str):
        return [overrides]
    if isinstance(overrides, Mapping):
        return [f"{key}={_yaml_value(value)}" for key, value in overrides.items()]
    return list(overrides)


def load_experiment(config: ExperimentLike, overrides: Overrides = ()) -> "Experiment":
    """A config, read and checked.

    Args:
        config: A file, the settings of one as a dict, or an experiment.
        overrides: Settings that replace those of the config: `{"optimizer.learning_rate": 0.01}`
            or `["optimizer.learning_rate=0.01"]`.

    Raises:
        ConfigError: Anything that is wrong with it, all problems at once.
    """
    from nndiag.experiment import Experiment, experiment_of  # noqa: PLC0415 (only what is needed)
    from nndiag.experiment import load_experiment as load  # noqa: PLC0415

    texts = override_texts(overrides)
    if isinstance(config, str | Path):
        return load(config, texts)
    if isinstance(config, Experiment) and not texts:
        return config
    settings = config.resolved if isinstance(config, Experiment) else config
    return experiment_of(settings, overrides=texts)


def program_of(target: ExperimentLike, overrides: Overrides = ()) -> "CodeSettings | None":
    """Which program is meant; None where it is a config of a network.

    Args:
        target: `"net.py"`, `"net.py:Class"`, `"net.ipynb"`, or a config with a `code` section.
        overrides: What is what in the program: `loss=…`, `parameters=a,b`, `gradients.w=dw`.

    Raises:
        ConfigError: An override says nothing about a program, or the config cannot be used.
    """
    if not isinstance(target, str | Path):
        return None
    texts = override_texts(overrides)
    match = _PROGRAM.fullmatch(str(target))
    if match is not None:
        return _named_program(match, texts)
    from nndiag.experiment import load_program  # noqa: PLC0415 (only for a config)

    program = load_program(target, texts)
    return None if program is None else _configured_program(program)


def _named_program(match: "re.Match[str]", overrides: Sequence[str]) -> "CodeSettings":
    """The settings of a program that is named by its file."""
    from nndiag.program import CodeSettings  # noqa: PLC0415

    values: dict[str, Any] = {"gradients": {}}
    for override in overrides:
        key, value = _override(override)
        name, _, tensor = key.partition(".")
        if name == "gradients":
            values["gradients"][tensor] = value
        else:
            values[name] = tuple(re.split(r"[,\s]+", value)) if name == "parameters" else value
    if match["class"] is None:
        return CodeSettings(script=match["file"], **values)
    return CodeSettings(class_name=match[0], **values)


def _override(text: str) -> tuple[str, str]:
    """Key and value of `key=value`; the key may begin with `code.`.

    Raises:
        ConfigError: It is not written like that, or no such key exists.
    """
    from nndiag.registry import suggestion  # noqa: PLC0415

    key, equals, value = text.partition("=")
    key = key.strip().removeprefix("code.")
    name, dot, tensor = key.partition(".")
    value = value.strip()
    if equals and value and name in _KEYS and (name == "gradients") == bool(dot and tensor):
        return key, value.strip("[] ") if name == "parameters" else value
    raise ConfigError(
        Problem(
            f"{text!r} says nothing about a program",
            allowed="loss=…, parameters=a,b, learning_rate=…, functions=…, gradients.NAME=…",
            hint=suggestion(name, _KEYS),
        )
    )


def _configured_program(program: "ProgramExperiment") -> "CodeSettings":
    """The settings of a config's `code` section."""
    from nndiag.program import CodeSettings  # noqa: PLC0415

    code = program.config.code
    functions = code.functions
    rate = code.learning_rate
    return CodeSettings(
        script=None if code.script is None else _near(str(code.script)),
        class_name=None if code.class_ is None else _near(code.class_),
        functions="\n".join(functions) if isinstance(functions, list) else functions,
        loss=code.loss,
        parameters=tuple(code.parameters or ()),
        learning_rate=None if rate is None else str(rate),
        gradients=dict(code.gradients or {}),
    )


def _near(path: str) -> str:
    """A path as a person in the working folder would write it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def _yaml_value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    return json.dumps(value, default=str)
