"""What theory says of a learning rate before the first step, as it is recorded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
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
    """A learning rate and its ceiling before the first step.

    Attributes:
        rule: The ceiling's formula.
        learning_rate: The configured rate.
        adaptive: Whether the ceiling moves with the run, because each parameter has its own rate.
        sharpness: λ_max, preconditioned for adaptive optimizers; None where it is not finite.
        ceiling: The ceiling; None where nothing curves upwards.
        batch_ceilings: Smallest and largest ceiling of single mini-batches, where there are some.
        batch_size: Examples per step; None for all.
        changes: What would lower λ_max, the most effective first; only where the rate is above.
    """

    rule: str
    learning_rate: float
    adaptive: bool
    sharpness: float | None = None
    ceiling: float | None = None
    batch_ceilings: tuple[float, float] | None = None
    batch_size: int | None = None
    changes: tuple[Change, ...] = ()

    @property
    def ratio(self) -> float | None:
        """The rate over the ceiling; above 1 it is unstable where the run starts."""
        return None if self.ceiling is None else self.learning_rate / self.ceiling

    @property
    def above(self) -> bool:
        """Whether the rate is above a ceiling that holds still."""
        return not self.adaptive and self.ratio is not None and self.ratio > 1
