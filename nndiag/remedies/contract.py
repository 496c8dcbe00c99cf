"""What a remedy is: a function from an experiment to the keys of its config that it changes."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from nndiag.arrays import FloatArray
from nndiag.experiment import Experiment
from nndiag.experiment.building import Built, build
from nndiag.registry import Registry
from nndiag.trace import Facts
from nndiag.training.facts import facts_of

Changes: TypeAlias = Mapping[str, Any]
"""Keys of a config, nested as there, that `extends` can carry: lists are replaced as a whole."""


@dataclass(frozen=True, eq=False)
class Case:
    """An experiment that is to be cured, with what a remedy may ask about it.

    Attributes:
        experiment: The experiment.
        known: What is known before its first step, where that was found out before.
    """

    experiment: Experiment
    known: Facts | None = None

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The whole resolved config as plain data; a copy."""
        return deepcopy(dict(self.experiment.resolved))

    @cached_property
    def built(self) -> Built:
        """Arrays, architecture, initial parameters."""
        return build(self.experiment)

    @cached_property
    def facts(self) -> Facts:
        """What is known before the first step, the stability limit among it."""
        return self.known or facts_of(self.built)

    @cached_property
    def raw_targets(self) -> FloatArray:
        """Training targets before scaling, shape (B, O)."""
        return self.built.target_scaling.undo(self.built.training[1])

    @cached_property
    def raw_inputs(self) -> FloatArray:
        """Training inputs before scaling, shape (B, D)."""
        raw = self.built.raw_inputs
        return self.built.training[0] if raw is None else raw

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The layers as the config has them; a copy that may be changed."""
        layers: list[dict[str, Any]] = deepcopy(self.settings["network"]["layers"])
        return layers

    @property
    def activations(self) -> list[str]:
        """Name of each layer's activation."""
        return [layer["activation"]["name"] for layer in self.settings["network"]["layers"]]


@dataclass(frozen=True)
class Remedy:
    """One change that can cure a run.

    Attributes:
        name: Its name, as reports have it.
        title: What it does, in a line.
        source: Where it comes from.
        cures: Problems against which it is tried first.
        price: What it costs: 1 a setting, 2 another model or optimizer, 3 more computing time.
        group: Of remedies with one group, a combination holds at most one.
        kind: What it changes: the file that it is in.
        last: Whether it depends on the other changes and is worked out after them.
        blind: Whether it makes sense for a run of which nothing is known but its losses.
        function: Experiment → changes, None where it does not apply.
    """

    name: str
    title: str
    source: str
    cures: frozenset[str]
    price: int
    group: str | None
    kind: str
    last: bool
    blind: bool
    function: Callable[[Case], Changes | None]

    def changes(self, case: Case) -> Changes | None:
        """The keys that it changes; None where it does not apply."""
        return self.function(case)


REMEDIES: Registry[Callable[[Case], Changes | None]] = Registry("remedy", package="nndiag.remedies")
_KNOWN: dict[str, Remedy] = {}


def remedy(
    name: str,
    *,
    cures: Sequence[str],
    price: int = 1,
    group: str | None = None,
    last: bool = False,
    blind: bool = False,
) -> Callable[[Callable[[Case], Changes | None]], Callable[[Case], Changes | None]]:
    """Decorator that makes a function the remedy `name`; its docstring gives title and source.

    Raises:
        ValueError: The docstring names no source.
    """

    def decorate(function: Callable[[Case], Changes | None]) -> Callable[[Case], Changes | None]:
        text = inspect.getdoc(function) or ""
        title = text.partition("\n")[0].rstrip(".")
        source = re.search(r"Source: (.+)\Z", text, re.DOTALL)
        if source is None:
            raise ValueError(f"remedy {name!r} names no source")
        words = " ".join(source.group(1).split()).rstrip(".")
        kind = function.__module__.rpartition(".")[2]
        _KNOWN[name] = Remedy(
            name, title, words, frozenset(cures), price, group, kind, last, blind, function
        )
        return REMEDIES.register(name)(function)

    return decorate


def remedies() -> dict[str, Remedy]:
    """All remedies by name: data, network, start, loss, training, optimizer, as in the folder."""
    return {name: _KNOWN[name] for name in REMEDIES.names()}


def remedy_of(name: str) -> Remedy:
    """The remedy of a name.

    Raises:
        UnknownNameError: There is no such remedy; the message suggests one.
    """
    REMEDIES.get(name)
    return _KNOWN[name]
