"""The config as models: every key, its type, its bounds, its default.

The options of components are not here: they come from the components' signatures.
"""

from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from nndiag.bounds import Fraction, NonNegative, Positive
from nndiag.experiment.components import Component, ComponentOf, FilePath, Section
from nndiag.finding import Outcome
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.datasets import DATASETS
from nndiag.nn.initializers import INITIALIZERS
from nndiag.nn.losses import LOSSES
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.schedules import SCHEDULES

Seed = Annotated[int, Field(ge=0, lt=2**63)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
NonNegativeCount = Annotated[int, Field(ge=0, le=100_000_000)]
Units = Annotated[int, Field(ge=1, le=100_000)]
Length = Annotated[int, Field(ge=1, le=100_000_000)]
Name = Annotated[str, Field(pattern=r"^\w[\w .+=-]*$", max_length=100)]
ScalingName = Literal["none", "standardize", "minmax", "divide_by_variance"]

PROGRAM = "program"  # marks text that begins with a file: my_net.py or my_net.py:Network
Program = Annotated[str, PROGRAM]


class Validation(Section):
    """Which examples are kept out: the last share of the rows, or those that a condition names."""

    last: OpenFraction | None = None
    where: str | None = None

    alternatives: ClassVar = (frozenset({"last", "where"}),)

    @model_validator(mode="after")
    def _check(self) -> "Validation":
        _refuse_both(self, *self.alternatives)
        if self.last is None and self.where is None:
            message = "names no examples: give one of 'last', 'where'"
            raise PydanticCustomError("conflict", message)
        return self


def _validation(value: Any) -> Any:
    """A mapping as the section, so that what is wrong in it is told without the share's words."""
    return Validation.model_validate(value) if isinstance(value, dict) else value


class DatasetSection(Component):
    """The data, how it is scaled, and what is kept out for validation: a share, drawn, or which."""

    scale_inputs: ScalingName = "none"
    scale_targets: ScalingName = "none"
    validation: Annotated[Fraction | Validation, BeforeValidator(_validation)] = 0.0
    seed: Seed | None = None


class ScheduleSection(Component):
    """How the learning rate changes with the steps, after a linear rise."""

    warmup_steps: NonNegativeCount = 0


AnySchedule = Annotated[ScheduleSection, ComponentOf(SCHEDULES, ScheduleSection, "constant")]


class OptimizerSection(Component):
    """The optimizer, with what any optimizer can have."""

    learning_rate: Positive = 0.1
    weight_decay: NonNegative = 0.0
    schedule: AnySchedule | None = None
    clip_norm: Positive | None = None


AnyDataset = Annotated[DatasetSection, ComponentOf(DATASETS, DatasetSection)]
AnyActivation = Annotated[Component, ComponentOf(ACTIVATIONS)]
AnyInitializer = Annotated[Component, ComponentOf(INITIALIZERS, default="glorot_uniform")]
AnyBiasInitializer = Annotated[Component, ComponentOf(INITIALIZERS, default="zeros")]
AnyLoss = Annotated[Component, ComponentOf(LOSSES, default="mean_squared_error")]
AnyOptimizer = Annotated[OptimizerSection, ComponentOf(OPTIMIZERS, OptimizerSection, "sgd")]


class Layer(Section):
    """One layer. What it does not say itself, the network says.

    `weights` are written as rows of inputs: `weights[i][j]` leads from input i to unit j.
    """

    units: Units
    activation: AnyActivation = Field(
        default_factory=lambda: ComponentOf(ACTIVATIONS).parse("linear")
    )
    bias: bool | None = None
    weight_decay: NonNegative | None = None
    dropout: Fraction | None = None
    batch_norm: bool | None = None
    initializer: AnyInitializer | None = None
    bias_initializer: AnyBiasInitializer | None = None
    weights: list[list[float]] | None = None
    biases: list[float] | None = None

    alternatives: ClassVar = (
        frozenset({"initializer", "weights"}),
        frozenset({"bias_initializer", "biases"}),
    )

    @model_validator(mode="after")
    def _check(self) -> "Layer":
        _refuse_both(self, *self.alternatives)
        if self.bias is False and self.biases is not None:
            raise PydanticCustomError("conflict", "has 'biases' although its 'bias' is false")
        return self


class Network(Section):
    """The layers, from the input side, and what holds for all of them."""

    layers: list[Layer] = Field(min_length=1, max_length=1000)
    initializer: AnyInitializer = Field(
        default_factory=lambda: ComponentOf(INITIALIZERS).parse("glorot_uniform")
    )
    bias_initializer: AnyBiasInitializer = Field(
        default_factory=lambda: ComponentOf(INITIALIZERS).parse("zeros")
    )
    bias: bool = True
    seed: Seed | None = None


class Stopping(Section):
    """When to stop because the validation loss falls no further: epochs without progress."""

    patience: Length = 10
    min_delta: NonNegative = 0.0
    restore_best_weights: bool = True


class Training(Section):
    """How long to train, and which examples each step sees."""

    steps: Length | None = None
    epochs: Length | None = None
    batch_size: Literal["full"] | Length = "full"
    order: Literal["shuffled", "sequential", "with_replacement"] = "shuffled"
    stop_when_converged: bool = False
    early_stopping: Stopping | None = None

    alternatives: ClassVar = (frozenset({"steps", "epochs"}),)

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        if isinstance(values, dict) and not {"steps", "epochs"} & values.keys():
            return {"steps": 1000, **values}
        return values

    @model_validator(mode="after")
    def _check(self) -> "Training":
        _refuse_both(self, *self.alternatives)
        return self


class Diagnosing(Section):
    """Thresholds of detectors by problem, and problems that are not to be looked for."""

    thresholds: dict[str, dict[str, float]] = Field(default_factory=dict)
    ignore: list[str] = Field(default_factory=list)


class Expectation(Section):
    """What a shipped config shows; a test checks it."""

    outcome: Annotated[Outcome, Field(strict=False)] | None = None
    cause: str | None = None
    findings: list[str] = Field(default_factory=list)


class Code(Section):
    """The user's own program, for the gradient check. It runs with the user's rights.

    `script` or `class` names it; the other keys say what is what in it, where that cannot be found
    out. `functions` are statements that make one step of a program that has no training loop.
    """

    script: FilePath | None = None
    class_: Program | None = Field(default=None, alias="class")
    functions: str | list[str] | None = None
    loss: str | None = None
    parameters: list[str] | None = None
    learning_rate: str | Positive | None = None
    gradients: dict[str, str] | None = None

    alternatives: ClassVar = (frozenset({"script", "class"}),)

    @model_validator(mode="after")
    def _check(self) -> "Code":
        _refuse_both(self, *self.alternatives)
        if self.script is None and self.class_ is None:
            message = "names no program: give one of 'script', 'class'"
            raise PydanticCustomError("conflict", message)
        return self


class Config(Section):
    """One experiment: what is trained, how, and what is looked for."""

    extends: str | None = None
    name: Name = "experiment"
    seed: Seed = 0
    dataset: AnyDataset
    network: Network
    loss: AnyLoss = Field(default_factory=lambda: ComponentOf(LOSSES).parse("mean_squared_error"))
    optimizer: AnyOptimizer = Field(
        default_factory=lambda: cast(
            OptimizerSection, ComponentOf(OPTIMIZERS, OptimizerSection).parse("sgd")
        )
    )
    training: Training = Field(default_factory=lambda: Training(steps=1000))
    diagnosis: Diagnosing = Field(default_factory=Diagnosing)
    expect: Expectation | None = None
    code: Code | None = None


class ProgramConfig(Section):
    """A config that only names the user's own program."""

    extends: str | None = None
    name: Name = "program"
    seed: Seed = 0
    code: Code
    diagnosis: Diagnosing = Field(default_factory=Diagnosing)
    expect: Expectation | None = None


def _refuse_both(section: Section, *groups: frozenset[str]) -> None:
    """Refuses two keys of one group.

    Raises:
        PydanticCustomError: Both are given.
    """
    fields = type(section).model_fields.items()
    present = {field.alias or key for key, field in fields if getattr(section, key) is not None}
    for group in groups:
        given = sorted(group & present)
        if len(given) > 1:
            names = " and ".join(repr(name) for name in given)
            raise PydanticCustomError("conflict", "has {names}: keep one", {"names": names})
