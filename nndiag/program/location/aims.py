"""What the gradients of a program ought to be: the derivatives, with the factor that others have.

A gradient of a wrong direction is right as soon as it is a multiple of the derivative. One that has
a wrong sign or size only is right when its step has the factor that the steps of the right
parameters have; where there are none, when it goes downhill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nndiag.program.location.tape import Tape
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.multiples import factor_between

_SAME = 1e-5


class Aims:
    """The gradients that are wrong, those that are right, and what makes one right.

    Attributes:
        tapes: The readings, to be computed again.
        wrong: The parameters to be made right.
        known: Those that are right.
        exact: Whether only a sign or a factor of the wrong ones is wrong.
    """

    def __init__(
        self,
        tapes: Sequence[Tape],
        loss: Loss,
        wrong: Sequence[str],
        right: Sequence[str],
        *,
        exact: bool = False,
        scale: float | None = None,
    ) -> None:
        telling = [tape for tape in tapes if tape.is_finite and tape.feels(wrong, loss)]
        self.tapes = telling or [tape for tape in tapes if tape.is_finite] or list(tapes)
        self.wrong = [name for name in wrong if all(name in t.gradients for t in self.tapes)]
        self.known = [name for name in right if all(name in t.gradients for t in self.tapes)]
        self.exact, self._scale = exact, scale
        self._tables: dict[Tape, dict[str, float | None]] = {}

    def without(self, names: Sequence[str]) -> None:
        """Look for what makes the others right from now on."""
        self.wrong = [name for name in self.wrong if name not in names]

    def is_behind(self, name: str) -> bool:
        """Whether a gradient is right, so that what is wrong with a step comes in behind it."""
        return all(self._is_behind(tape, name) for tape in self.tapes)

    def _is_behind(self, tape: Tape, name: str) -> bool:
        own = factor_between(tape.gradient(name, {}), tape.due(name))
        others = [factor_between(tape.gradient(n, {}), tape.due(n)) for n in self.known]
        known = [factor for factor in others if factor is not None]
        if own is None or tape.is_held(name):
            return False
        ratio = self.ratio(tape, name)
        if known and ratio is not None and abs(ratio + 1) <= _SAME:  # a sign, and no factor
            return all(own * factor > 0 for factor in known)
        if known:
            return all(abs(own - factor) <= _SAME * abs(factor) for factor in known)
        before = (1.0, *(factor for _, factor in tape.stages(name)[:-1]))
        return any(own * factor > 0 for factor in before)

    def factors(self, tape: Tape) -> dict[str, float | None]:
        """Parameter → the factor that its gradient ought to have; None where it is not known."""
        if tape not in self._tables:
            self._tables[tape] = self._factors(tape)
        return self._tables[tape]

    def _factors(self, tape: Tape) -> dict[str, float | None]:
        found = {name: tape.taken(name) for name in tape.gradients}
        taken = {name: factor for name, factor in found.items() if factor is not None}
        if len(taken) < len(found):  # an adaptive step has a sign only
            taken = {name: tape.direction(name) for name in found}
        pairs = [(taken[n], tape.gradient(n, {}), tape.due(n)) for n in self.known]
        own = [(one.size, t, factor_between(one, due)) for t, one, due in pairs]
        told = [(size, t * factor) for size, t, factor in own if factor is not None]
        whole = [factor for size, factor in told if size > 1]
        if not whole and len(told) > 1:  # one number is a multiple of any other, two tell
            whole = [factor for _, factor in told]
        alike = bool(whole) and max(whole) - min(whole) <= _SAME * abs(whole[0])
        common = whole[0] if alike else self._scale
        return {n: common / t if common is not None and t else None for n, t in taken.items()}

    def ratio(self, tape: Tape, name: str) -> float | None:
        """How many times too large a gradient is, −1 where only its sign is known to be wrong."""
        found = factor_between(tape.gradient(name, {}), tape.due(name))
        wanted = self.factors(tape)[name]
        if found is None or not wanted:
            return None if found is None else -1.0
        return found / wanted

    def is_met(self, tape: Tape, name: str, value: np.ndarray) -> bool:
        """Whether a value makes the gradient of a parameter right."""
        due = tape.due(name)
        factor = factor_between(value, due)
        if factor is None or (due.size > 1 and not self.exact):
            return factor is not None
        wanted = self.factors(tape)[name]
        if wanted is None:
            return not self.exact or factor * tape.direction(name) > 0
        return abs(factor - wanted) <= _SAME * abs(wanted)

    def are_met(
        self, name: str, values: Sequence[np.ndarray], wanted: Sequence[np.ndarray]
    ) -> bool:
        """Whether values are the derivatives at all points, times one factor.

        Where batches differ in size so does the factor; it may as long as it tells something that
        each point alone was no multiple before.
        """
        one, other = np.concatenate(values), np.concatenate(wanted)
        alone = all(item.size == 1 for item in wanted)  # any number is a multiple of another
        if one.size != other.size or (self.exact and not alone):
            return self.exact
        factor = factor_between(one, other)
        if factor is not None or self.exact:
            return factor is not None
        before = [factor_between(t.gradient(name, {}), t.due(name)) for t in self.tapes]
        if None not in before or any(item.size == 1 for item in values):
            return False
        return all(factor_between(a, b) is not None for a, b in zip(values, wanted) if np.any(b))

    def per_unit(self, name: str, tapes: Sequence[Tape], values: Sequence[np.ndarray]) -> list[Any]:
        """Values over the factor that is due at each point, where all are known: a batch's size."""
        known = [self.factors(tape)[name] for tape in tapes]
        if not all(known):
            return [*values]
        return [value / factor for value, factor in zip(values, known) if factor is not None]

    @staticmethod
    def are_steady(values: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> bool:
        """Whether values have one factor over the derivatives at all points."""
        one, other = np.concatenate(values), np.concatenate(wanted)
        return one.size == other.size and factor_between(one, other) is not None

    def stays_right(self, tape: Tape, name: str, changed: Mapping[int, Any]) -> bool:
        """Whether a right gradient is right with some values changed."""
        if not any(node in changed for node in tape.gradients[name]):
            return True
        before, after = tape.gradient(name, {}), tape.gradient(name, changed)
        if before.size != after.size:
            return False
        same = np.linalg.norm(before - after) <= _SAME * np.linalg.norm(before)
        if same or self.exact:
            return bool(same)
        return factor_between(after, tape.due(name)) is not None
