"""The cured config: a file that extends the failing one and holds only what has to change."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from nndiag.errors import ConfigError, unwritable
from nndiag.experiment import Experiment, load_experiment, yaml_of
from nndiag.remedies import smallest_changes

_MOST_FILES = 1_000


def write_cured(config: Path, cured: Experiment, *, comment: str) -> Path:
    """Write `<config>.fixed.yaml` beside the config; what is there already stays.

    Args:
        config: The failing config's file.
        cured: The experiment that is cured; overrides of the command line are part of it.
        comment: What the file is, one line or several.

    Returns:
        The file that was written: `<config>.fixed.yaml`, or the first of `<config>.fixed-2.yaml`,
        … that did not exist.

    Raises:
        RunError: The folder cannot be written.
        ConfigError: The file cannot be read back as `cured`.
    """
    changes = smallest_changes(load_experiment(config), cured)
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    text = "\n".join([*lines, yaml_of({"extends": config.name, **changes})])
    path = _written(config, text)
    again = load_experiment(path)
    own = ("name", "expect")
    if any(again.resolved.get(key) != value for key, value in _shared(cured, own)):
        raise ConfigError(f"{path} does not give the cured config; this is a fault of nndiag")
    return path


def _written(config: Path, text: str) -> Path:
    """The first free file name, with the text in it."""
    stem = config.stem if config.suffix in (".yaml", ".yml") else config.name
    suffix = config.suffix if config.suffix in (".yaml", ".yml") else ".yaml"
    for number in range(1, _MOST_FILES):
        ending = ".fixed" if number == 1 else f".fixed-{number}"
        path = config.with_name(f"{stem}{ending}{suffix}")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            with contextlib.suppress(OSError):  # a disk that is full leaves a piece of it
                path.unlink()
            raise unwritable(path, error, hint="the change is in the report") from error
        return path
    raise ConfigError(f"there are {_MOST_FILES} cured configs beside {config} already")


def _shared(experiment: Experiment, own: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    return ((key, value) for key, value in experiment.resolved.items() if key not in own)
