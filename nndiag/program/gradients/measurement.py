"""One program, measured: its loop, parameters, loss, and the step against the numeric gradient."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nndiag.program.execution.host import Host
from nndiag.program.execution.numbers import Vector
from nndiag.program.gradients.candidates import Candidate
from nndiag.program.gradients.computed import Computed, Residual
from nndiag.program.gradients.examples import examples_of, shared_length
from nndiag.program.gradients.judgement import Verdict, alone_and_odd, reference_scales, verdicts
from nndiag.program.gradients.laboratory import Laboratory, Moment, Point
from nndiag.program.gradients.objective import Trial
from nndiag.program.gradients.rates import Rate
from nndiag.program.gradients.slopes import Fit, Slopes
from nndiag.program.loop.discovery import Watched


@dataclass(eq=False)
class Measurement:
    """All that was measured on one program.

    Attributes:
        host: The program.
        watched: Its training loop.
        lab: Runs its step.
        points: Where it was checked.
        trial: Its loss, compared with the step.
        all_trials: The other numbers that may be the loss.
        fits: Per point: tensor name → fit.
        slopes: Per point: the numeric gradient.
        entries: Per point: the entries that were compared.
        steps: Per point: the step.
        rates_there: Per point: the learning rate that the program names.
        computed: The values of one iteration.
        residuals: Its differences between output and target.
        updates: Tensor name → serials of the statements that change it.
        rate: Its learning rate.
        moments: Its optimizer's state.
        kinks: Tensors with entries at a kink, which were left out.
        doubted: Tensors that are wrong by more than rounding or a step size could explain.
        notes: What else was noticed.
        said: The user's own expressions, by the key of the config.
        stand_in: The loop over `code.functions`, where the program has none.
    """

    host: Host
    watched: Watched
    lab: Laboratory
    points: list[Point]
    trial: Trial
    all_trials: list[Trial]
    computed: Computed
    residuals: list[Residual]
    updates: dict[str, tuple[int, ...]]
    rate: Rate | None
    moments: tuple[Moment, ...]
    fits: list[dict[str, Fit]] = field(default_factory=list)
    slopes: list[Slopes] = field(default_factory=list)
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Vector]] = field(default_factory=list)
    rates_there: list[float | None] = field(default_factory=list)
    kinks: set[str] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    stand_in: list[ast.stmt] = field(default_factory=list)

    @property
    def loss(self) -> Candidate:
        """The loss that was taken."""
        return self.trial.candidate

    @property
    def rates(self) -> list[float | None]:
        """The learning rate at each point, where it is what right tensors must have."""
        if self.lab.gradients and set(self.lab.gradients) == set(self.fits[0]):
            return [1.0] * len(self.fits)  # gradients are compared, not steps
        stated = self.loss.own and not self.moments and self.rate is not None
        return [value if stated else None for value in self.rates_there]

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each tensor."""
        return verdicts(self.fits, self.references, self._groups)

    @property
    def references(self) -> list[float | None]:
        """The factor of right tensors at each point."""
        if self.rate_tells:
            return list(self.rates_there)
        return reference_scales(self.fits, self.rates, self._groups)

    @property
    def rate_tells(self) -> bool:
        """Whether right tensors are told by the rate that the program names, not by one of them."""
        return not self.moments and alone_and_odd(self.fits, self.rates_there)

    @property
    def _groups(self) -> list[int]:
        """Which iteration each point belongs to."""
        return [point.snapshot.iteration for point in self.points]

    @property
    def examples(self) -> int:
        """How many examples one step sees."""
        for residual in self.residuals:
            if residual.serial in self.loss.serials or self.loss.own:
                values = self.computed.base.values[residual.serial]
                shape = np.shape(values[-1])
                many = len(values)
                return examples_of(shape, many, self.lab.tensors)
        return shared_length(self.computed, self.lab.tensors)

    @property
    def is_right(self) -> bool:
        """Whether all tensors with a signal are right, with a steady factor."""
        good = {Verdict.RIGHT, Verdict.NO_SIGNAL, Verdict.KINK, Verdict.NOISE}
        found = self.verdicts.values()
        return all(item in good for item in found) and any(item is Verdict.RIGHT for item in found)
