"""A trace: every recorded number of one run, frozen, with the facts that explain it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.trace.stability import Stability


@dataclass(frozen=True, eq=False)
class Series:
    """One quantity over some steps of a run.

    Attributes:
        steps: Steps at which it was recorded, increasing, shape (N,).
        values: Its values, shape (N,), or (N, L) with one column per layer.
    """

    steps: NDArray[np.int64]
    values: FloatArray

    def at_end(self) -> FloatArray:
        """The last recorded value, shape () or (L,)."""
        return np.asarray(self.values[-1])

    def until(self, step: int) -> "Series":
        """The part recorded before `step`."""
        keep = self.steps < step
        return Series(self.steps[keep], self.values[keep])


@dataclass(frozen=True)
class LayerFacts:
    """What is known of one layer.

    Attributes:
        name: "layer1" … "layerL", from the input side.
        units: Number of units.
        activation: Name of the activation.
        low: Greatest lower bound of the activation's values, -inf where unbounded.
        high: Least upper bound, inf where unbounded.
        bias: Whether the layer has biases.
        dropout: Share of its values that training steps set to zero.
        batch_norm: Whether steps normalise it over their batch.
    """

    name: str
    units: int
    activation: str
    low: float
    high: float
    bias: bool
    dropout: float = 0.0
    batch_norm: bool = False


@dataclass(frozen=True, eq=False)
class Facts:
    """What was known before the first step. Everything is optional: a foreign log has none.

    Attributes:
        inputs: Training inputs as the network sees them (after scaling), shape (B, D).
        targets: Training targets as the loss sees them (after scaling), shape (B, O).
        raw_inputs: Inputs before scaling, shape (B, D), where they were scaled.
        validation_inputs: Inputs of the validation examples, scaled as the others, shape (V, D).
        validation_targets: Their targets, shape (V, O).
        layers: The layers, from the input side.
        initial_weights: Weights before the first step, one array (units, inputs) per layer.
        initial_biases: Biases before the first step, one array (units,) or None per layer.
        loss: Name of the loss.
        reduction: Its reduction, where it has one.
        baseline_loss: Loss of the mean baseline, on the scale of `loss`.
        validation_baseline_loss: Loss of the same constant on the validation examples.
        optimizer: Name of the optimizer.
        learning_rate: Configured learning rate.
        batch_size: Examples per step.
        total_steps: Number of steps that were asked for.
        steps_per_epoch: Steps of each pass of the loop around them, in a program that has one.
        settings: The whole resolved config, as plain data.
        initial_sharpness: Largest eigenvalue of the loss Hessian before the first step.
        stability_limit: Largest stable learning rate by theory before the first step; None for
            adaptive optimizers, whose bound moves with them.
        noise_limit: Largest learning rate at which the noise of the batches fades, likewise;
            None where each step sees all examples.
        stability: More of what theory says of the learning rate, where that was asked for.
        unit: What the trace's steps count: "step", or in a log "epoch" or "row".
        surrogate: Why the loss is no measure of what was learned; None where it is one.
    """

    inputs: FloatArray | None = None
    targets: FloatArray | None = None
    raw_inputs: FloatArray | None = None
    validation_inputs: FloatArray | None = None
    validation_targets: FloatArray | None = None
    layers: tuple[LayerFacts, ...] = ()
    initial_weights: tuple[FloatArray, ...] = ()
    initial_biases: tuple[FloatArray | None, ...] = ()
    loss: str | None = None
    reduction: str | None = None
    baseline_loss: float | None = None
    validation_baseline_loss: float | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    total_steps: int | None = None
    steps_per_epoch: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    initial_sharpness: float | None = None
    stability_limit: float | None = None
    noise_limit: float | None = None
    stability: Stability | None = None
    unit: str = "step"
    surrogate: str | None = None

    @property
    def full_batch(self) -> bool | None:
        """Whether each step saw all training examples; None where that is not known."""
        if self.batch_size is None or self.inputs is None:
            return None
        return self.batch_size >= len(self.inputs)

    @property
    def exact_steps(self) -> bool | None:
        """Whether each step's loss was that of the whole network over all training examples."""
        return False if any(layer.dropout for layer in self.layers) else self.full_batch

    @property
    def whole_steps(self) -> bool:
        """Whether each step's loss was that of the network as it predicts, if of few examples."""
        return not any(layer.dropout or layer.batch_norm for layer in self.layers)


@dataclass(frozen=True, eq=False)
class Ending:
    """What was measured at the last parameters. Absent for a run that was killed.

    Attributes:
        reason: "finished" (all steps taken), "non-finite", "converged" (stopped because nothing was
            left to gain), "stopped early" (by its validation loss) or "interrupted".
        loss: Loss over all training examples after the last update.
        predictions: Predictions for the training inputs, shape (B, O).
        validation_predictions: Predictions for the validation inputs, shape (V, O).
        plane_predictions: Predictions over the plane of two inputs, as `classes.plane_of` has its
            points, where the targets are classes, shape (G², O).
        newton_decrement: ½ gᵀH⁻¹g over the non-negligible positive eigenvalues: the loss that a
            local quadratic step could still remove. None where it was not computed.
        smallest_eigenvalue: Smallest eigenvalue of the loss Hessian.
        largest_eigenvalue: Largest eigenvalue of the loss Hessian.
        reference_loss: Smallest loss that a strong optimizer found for the same network, from any
            of several starts. None where it was not asked for or the run needs no explanation.
        reference_loss_from_end: The same from where the run ended.
        settled_since: The step since when nothing had changed in a run that was stopped for that.
    """

    reason: str
    loss: float
    predictions: FloatArray | None = None
    validation_predictions: FloatArray | None = None
    plane_predictions: FloatArray | None = None
    newton_decrement: float | None = None
    smallest_eigenvalue: float | None = None
    largest_eigenvalue: float | None = None
    reference_loss: float | None = None
    reference_loss_from_end: float | None = None
    settled_since: int | None = None


@dataclass(frozen=True, eq=False)
class Trace:
    """All that was recorded of one run.

    Attributes:
        step: Recorded steps, increasing, shape (T,).
        loss: Loss at each of them, before the step's update, shape (T,).
        series: All other series, by their name in `SERIES`.
        layers: Names of the layers, from the input side; the columns of per-layer series.
        facts: What was known before the first step.
        ending: What was measured at the end; None where the run was killed.
        source: Where the trace comes from: a run folder, a log file, "memory".
    """

    step: NDArray[np.int64]
    loss: FloatArray
    series: Mapping[str, Series] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
    ending: Ending | None = None
    source: str = "memory"

    def __repr__(self) -> str:
        about = f"{self.steps:,} steps of {self.source!r}: {', '.join(('loss', *self.series))}"
        return f"<Trace with {about}>"

    @property
    def steps(self) -> int:
        """Number of recorded steps, T."""
        return len(self.step)

    @property
    def length(self) -> int:
        """Number of steps, epochs or rows that the record spans; T where each is recorded."""
        if self.steps < 2:
            return self.steps
        spacing = int(np.median(np.diff(self.step)))
        return int(self.step[-1] - self.step[0]) + spacing

    @property
    def epochs(self) -> int | None:
        """Number of epochs that were begun, where a program has epochs of several steps."""
        per_epoch = self.facts.steps_per_epoch or 1
        return -(-self.length // per_epoch) if per_epoch > 1 else None
