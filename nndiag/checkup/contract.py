"""What a check is, and what it looks at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.experiment import Experiment
from nndiag.experiment.building import Built, build
from nndiag.nn.network import Examples, examples, loss_and_gradient
from nndiag.trace import Facts
from nndiag.training.facts import facts_of
from nndiag.training.reference import reference_starts


class Status(StrEnum):
    """What a check says."""

    OK = "ok"
    WARNING = "warning"
    """It may train; this will be in the way."""
    FAILED = "failed"
    """It cannot train like this."""
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Check:
    """One line of the list.

    Attributes:
        name: What was looked at.
        status: What it says.
        message: One phrase with numbers.
        remedy: What to change; None where nothing is wrong.
        problem: The problem that `nndiag explain` knows it by, where it has one.
        numbers: What was measured, by name.
    """

    name: str
    status: Status
    message: str
    remedy: str | None = None
    problem: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkup:
    """The whole list.

    Attributes:
        name: The config's name.
        layout: The network in a phrase: "1-100-1 tanh linear, 200 examples".
        checks: All checks, in order.
    """

    name: str
    layout: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that say that it cannot train."""
        return tuple(check for check in self.checks if check.status is Status.FAILED)

    @property
    def warnings(self) -> tuple[Check, ...]:
        """The checks that say what will be in the way."""
        return tuple(check for check in self.checks if check.status is Status.WARNING)


@dataclass(frozen=True, eq=False)
class Sample:
    """The examples, whatever is to learn them.

    Attributes:
        inputs: Shape (B, D).
        targets: Shape (B, O).
        names: Of the columns of the inputs.
        of_classes: Whether the targets are classes.
        is_normalised: Whether the first layer normalises what it takes.
    """

    inputs: FloatArray
    targets: FloatArray
    names: tuple[str, ...]
    of_classes: bool
    is_normalised: bool = False


@dataclass(frozen=True, eq=False)
class Patient:
    """A network before its first step, with what several checks need.

    Attributes:
        built: Ready to train.
        data: Its training examples.
        starting: Gives where a fit begins: name → parameters (P,).
    """

    built: Built
    data: Examples
    starting: Callable[[], dict[str, FloatArray]]

    @classmethod
    def of(cls, experiment: Experiment) -> "Patient":
        """A config, built.

        Raises:
            NndiagError: It cannot be built.
        """
        built = build(experiment)
        data = examples(built.shape, *built.training)
        return cls(built, data, lambda: reference_starts(built))

    @property
    def sample(self) -> Sample:
        """Its examples."""
        built = self.built
        normalised = any(built.shape.batch_norm[:1])
        return Sample(*built.training, built.input_names, built.classes is not None, normalised)

    @property
    def layout(self) -> str:
        """The network in a phrase."""
        built = self.built
        sizes = "-".join(map(str, (built.shape.inputs, *built.shape.units)))
        return f"{sizes} {' '.join(dict.fromkeys(built.activation_names))}"

    @cached_property
    def facts(self) -> Facts:
        """What is known before the first step, with the stability limit."""
        with np.errstate(all="ignore"):
            return facts_of(self.built)

    @cached_property
    def start(self) -> tuple[float, FloatArray]:
        """Loss and gradient (P,) at the initial parameters."""
        with np.errstate(all="ignore"):
            value, slope = loss_and_gradient(self.built.shape, self.built.parameters, self.data)
        return float(value), np.array(slope)

    @property
    def baseline(self) -> float:
        """Loss of the mean baseline outputs."""
        return self.facts.baseline_loss or 0.0
