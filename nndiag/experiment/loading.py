"""From a file to an experiment: read, extended, overridden, checked.

All problems of a config are found before any is told.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from nndiag.errors import ConfigError, Location, Problem, similar_path
from nndiag.experiment.components import Section
from nndiag.experiment.config import Config, ProgramConfig
from nndiag.experiment.document import parsed
from nndiag.experiment.merging import anchored, extended, normalised, overridden, without
from nndiag.experiment.messages import ordered, problems_of
from nndiag.experiment.node import Node, planted
from nndiag.experiment.scalars import resolved_scalar
from nndiag.experiment.suggestion import respelt

_LARGEST_FILE = 4_000_000  # bytes
_MOST_PARENTS = 20
_DATA = {".csv", ".tsv", ".npz", ".npy"}
_PROGRAMS = {".py", ".ipynb"}

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, eq=False)
class Experiment:
    """A config that was read and checked.

    Attributes:
        config: Every setting, with defaults filled in.
        resolved: The same as plain data: a config that gives this experiment again.
        source: The file it was read from; None where it was built in memory.
        tree: Where each key stands.
    """

    config: Config
    resolved: Mapping[str, Any]
    source: Path | None
    tree: Node = field(repr=False)

    def location(self, *path: str | int) -> Location:
        """Where a key stands, or the innermost section of it that is written."""
        return self.tree.follow(path)[0].head

    def __repr__(self) -> str:
        config = self.config
        layers = "-".join(
            f"{layer.units} {layer.activation.name}" for layer in config.network.layers
        )
        rate = config.optimizer.options.get("learning_rate")
        about = f"{config.dataset.name}, {layers}, {config.optimizer.name} {rate}"
        return f"<Experiment {config.name!r}: {about}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.source, self.tree)  # models of components are made where they are used


@dataclass(frozen=True, eq=False)
class ProgramExperiment:
    """A config that only names the user's own program; as `Experiment`."""

    config: ProgramConfig
    resolved: Mapping[str, Any]
    source: Path | None
    tree: Node = field(repr=False)


def load_experiment(path: Path | str, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment of a config file.

    Args:
        path: The file, YAML.
        overrides: `key=value` each, applied in this order.

    Raises:
        ConfigError: Anything that is wrong with the file, the configs it extends or the overrides,
            all problems at once.
    """
    root, problems = _tree(Path(path), overrides, Config)
    if isinstance(root.value, dict) and "code" in root.value and "network" not in root.value:
        place = root.value["code"].head
        hint = f"nndiag gradcheck {path} checks the program; training needs dataset: and network:"
        raise ConfigError(Problem("this config names a program and no network", place, hint=hint))
    config, resolved = _checked(root, problems, Config)
    return Experiment(config, resolved, Path(path), root)


def load_program(path: Path | str, overrides: Sequence[str] = ()) -> ProgramExperiment | None:
    """The config of a user's program; None where a config describes a network instead.

    Raises:
        ConfigError: As `load_experiment`.
    """
    root, problems = _tree(Path(path), overrides, ProgramConfig)
    if not isinstance(root.value, dict) or "code" not in root.value:
        return None
    if "network" in root.value:
        root, problems = _tree(Path(path), overrides, Config)
        _checked(root, problems, Config)
        root = without(root, *(Config.model_fields.keys() - ProgramConfig.model_fields.keys()))
        problems = []
    config, resolved = _checked(root, problems, ProgramConfig)
    return ProgramExperiment(config, resolved, Path(path), root)


def experiment_of(
    settings: Mapping[str, Any], *, overrides: Sequence[str] = (), source: str = "settings"
) -> Experiment:
    """The experiment of plain data, such as a changed copy of `Experiment.resolved`.

    Args:
        settings: As a config file has them.
        overrides: `key=value` each, applied in this order.
        source: What to call them in messages.

    Raises:
        ConfigError: As `load_experiment`.
    """
    root = normalised(planted(dict(settings), Location(source)), Config)
    root, problems = _overridden(root, overrides, Config)
    root = anchored(root, Config)
    config, resolved = _checked(root, problems, Config)
    return Experiment(config, resolved, None, root)


def resolved_yaml(experiment: Experiment | ProgramExperiment) -> str:
    """The config with every default written out, as YAML that can be trained again anywhere."""
    return yaml_of(experiment.resolved)


def yaml_of(settings: Mapping[str, Any]) -> str:
    """Settings, or some of them, as the YAML text of a config."""
    text = yaml.dump(
        _with_bare_names(dict(settings)),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )
    return str(text)


def _tree(path: Path, overrides: Sequence[str], shape: type[Section]) -> tuple[Node, list[Problem]]:
    """A config's tree with its parents below and the overrides on top."""
    root, problems = _file_tree(path, (), shape)
    root, found = _overridden(root, overrides, shape)
    problems.extend(found)
    if isinstance(root.value, dict) and "name" not in root.value:
        place = Location(str(path))
        root.value["name"] = Node(_file_name(path), place, place)
    return anchored(root, shape), problems


def _overridden(
    root: Node, overrides: Sequence[str], shape: type[Section]
) -> tuple[Node, list[Problem]]:
    """A tree with overrides on top, and those that could not be applied."""
    problems: list[Problem] = []
    for override in overrides:
        try:
            root = overridden(root, override, shape)
        except ConfigError as error:
            problems.extend(error.problems)
    return root, problems


def _file_name(path: Path) -> str:
    """A config's default name: the file's, without what a folder's name should not have."""
    return re.sub(r"[^\w.+=-]+", "-", path.stem).lstrip("-.+=")[:100] or "experiment"


def _file_tree(
    path: Path, children: tuple[Path, ...], shape: type[Section]
) -> tuple[Node, list[Problem]]:
    """A file's tree on top of the tree of the file that it extends.

    Raises:
        ConfigError: A file cannot be read, or is no mapping.
    """
    root, problems = parsed(_text(path), str(path))
    if root is None or not isinstance(root.value, dict):
        empty = root is None or root.value is None
        message = "the config is empty" if empty else "the config is not a mapping of keys"
        place = Location(str(path)) if root is None else root.place
        raise ConfigError([*problems, Problem(message, place, hint=_way_out(path))])
    root = normalised(root, shape)
    assert isinstance(root.value, dict)
    parent = root.value.get("extends")
    if parent is None or parent.value is None:
        return without(root, "extends"), problems
    try:
        below, found = _parent_tree(parent, path, children, shape)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from error
    return extended(below, root, shape), [*found, *problems]


def _way_out(path: Path) -> str:
    """What to do with a file that is no config."""
    name = shlex.quote(str(path))
    if path.suffix in _DATA:
        return f"nndiag init --data {name} writes a config for such data"
    if path.suffix in _PROGRAMS:
        return f"nndiag gradcheck {name} checks a program"
    return "begin with dataset: and network:"


def _parent_tree(
    parent: Node, path: Path, children: tuple[Path, ...], shape: type[Section]
) -> tuple[Node, list[Problem]]:
    """The tree of the file that `path` extends.

    Raises:
        ConfigError: It does not exist, or extends one of its children.
    """
    if not isinstance(parent.value, str) or "\0" in parent.value:
        raise ConfigError(Problem("'extends' must be the path of a config", parent.place))
    file = path.parent / parent.value
    chain = (*children, path)
    if not _is_file(file):
        hint = similar_path(file)
        raise ConfigError(Problem(f"no such config: {file}", parent.place, hint=hint))
    if file.resolve() in [child.resolve() for child in chain]:
        route = " → ".join(str(link) for link in (*chain, file))
        raise ConfigError(Problem("configs extend each other in a circle", parent.place, route))
    if len(chain) > _MOST_PARENTS:
        message = f"more than {_MOST_PARENTS} configs extend each other"
        raise ConfigError(Problem(message, parent.place))
    return _file_tree(file, chain, shape)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _text(path: Path) -> str:
    """A file's text, without a byte order mark.

    Raises:
        ConfigError: It cannot be read, is too large, or is not UTF-8.
    """
    place = Location(str(path))
    try:
        if path.is_dir():
            own = path / "config.yaml"
            hint = (
                f"the config of this run is {own}"
                if own.is_file()
                else f"nndiag diagnose {path}, if runs are in it"
            )
            raise ConfigError(Problem("this is a folder, not a config", place, hint=hint))
        if not path.exists() and str(path) != "-":
            raise ConfigError(Problem("no such config", place, hint=similar_path(path)))
        if not path.is_file():
            hint = "store the config in a file; its folder is where paths in it begin"
            raise ConfigError(Problem("a pipe or a device is no config", place, hint=hint))
        if path.suffix in (".py", ".ipynb"):
            hint = f"nndiag gradcheck {path}, or nndiag sweep-lr {path}"
            raise ConfigError(Problem("this is a program, not a config", place, hint=hint))
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            allowed = f"up to {_LARGEST_FILE:,} bytes"
            got = f"{size:,} bytes"
            raise ConfigError(Problem("the config is too large", place, got, allowed))
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(Problem(f"cannot read the config: {reason.lower()}", place)) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise ConfigError(
            Problem(
                "the config is not UTF-8 text",
                Location(str(path), line, column),
                got=f"byte {data[error.start]:#04x}",
                hint="save it as UTF-8",
            )
        ) from error


def _checked(root: Node, problems: list[Problem], shape: type[S]) -> tuple[S, dict[str, Any]]:
    """The model of a tree, and its plain data.

    Raises:
        ConfigError: All problems.
    """
    try:
        config = shape.model_validate(root.plain())
    except ValidationError as error:
        found = [*problems, *problems_of(error, root, shape), *_below_misspelt(root, shape)]
        raise ConfigError(ordered(found)) from error
    if problems:
        raise ConfigError(ordered(problems))
    return config, config.model_dump(mode="json", by_alias=True, exclude_none=True)


def _below_misspelt(root: Node, shape: type[Section]) -> list[Problem]:
    """What is wrong below keys that are misspelt themselves."""
    tree = normalised(respelt(root, shape), shape)
    try:
        shape.model_validate(tree.plain())
    except ValidationError as error:
        return problems_of(error, tree, shape)
    return []


def _again(source: Path | None, tree: Node) -> Experiment:
    """The experiment of a tree that was checked before."""
    config, resolved = _checked(tree, [], Config)
    return Experiment(config, resolved, source, tree)


def _with_bare_names(value: Any) -> Any:
    """Plain data in which a component without options is written as its name."""
    if isinstance(value, dict):
        return {
            key: below["name"]
            if isinstance(below, dict) and list(below) == ["name"]
            else _with_bare_names(below)
            for key, below in value.items()
        }
    return [_with_bare_names(item) for item in value] if isinstance(value, list) else value


class _Dumper(yaml.SafeDumper):
    """Writes YAML that reads back as the same values by this package's stricter rules."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = not isinstance(resolved_scalar(text), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if quoted else None)


_Dumper.add_representer(str, _represent_text)
