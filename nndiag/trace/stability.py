"""What theory says of a learning rate before the first step, as it is recorded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SharpnessChange:
    """A change of the experiment that lowers λ_max.

    Attributes:
        name: "mean-loss", "standardized-inputs", "half-weights" or "half-units".
        title: The change in words.
        factor: What it divides λ_max by.
        override: The `key=value` that makes it, where one does.
    """

    name: str
    title: str
    factor: float
    override: str | None = None


@dataclass(frozen=True)
class Stability:
    """A learning rate and its stability limit before the first step.

    Attributes:
        rule: The limit's formula.
        learning_rate: The configured rate.
        adaptive: Whether the limit moves with the run, because each parameter has its own rate.
        sharpness: λ_max, preconditioned for adaptive optimizers; None where it is not finite.
        stability_limit: The limit; None where nothing curves upwards.
        batch_limits: Smallest and largest limit of single mini-batches, where there are some.
        batch_size: Examples per step; None for all.
        changes: What would lower λ_max, the most effective first; only where the rate is above.
    """

    rule: str
    learning_rate: float
    adaptive: bool
    sharpness: float | None = None
    stability_limit: float | None = None
    batch_limits: tuple[float, float] | None = None
    batch_size: int | None = None
    changes: tuple[SharpnessChange, ...] = ()

    @property
    def ratio(self) -> float | None:
        """The rate over the stability limit; above 1 it is unstable where the run starts."""
        return None if self.stability_limit is None else self.learning_rate / self.stability_limit

    @property
    def above(self) -> bool:
        """Whether the rate is above a stability limit that holds still."""
        return not self.adaptive and self.ratio is not None and self.ratio > 1
