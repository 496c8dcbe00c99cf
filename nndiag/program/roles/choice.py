"""Which loss the updates of a program belong to: that which they fit, or that which it states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.graph.nodes import Graph, Ref
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.parameters import step_factor
from nndiag.program.roles.reading import Reading, has_signal

_MOST_BRANCHES = 3
_PRODUCTS = frozenset({"mul", "imul", "multiply"})


@dataclass(frozen=True)
class Fit:
    """How well a loss explains the updates of an iteration.

    Attributes:
        matched: Parameters whose chain has a multiple of the derivative.
        telling: Parameters of several numbers that move and have a derivative at all.
        factors: What the steps of all parameters have over the derivative.
        steady: Whether some factor is the same at other parameters of the same iteration.
        varies: Whether it is known that none is.
        single: Whether only single numbers tell, which are multiples of any other.
    """

    matched: frozenset[str]
    telling: frozenset[str]
    factors: tuple[float, ...]
    steady: bool = False
    varies: bool = False
    single: bool = False

    @property
    def explains(self) -> bool:
        """Whether it explains all that can tell."""
        return bool(self.telling) and self.telling <= self.matched and bool(self.factors)


def fit_of(reading: Reading, loss: Loss) -> Fit:
    """Compares the derivatives of a loss with what leads to the updates."""
    matched, telling = set(), set()
    common: set[float] | None = None
    alone: set[float] | None = None
    derivatives, penalties = reading.derivatives(loss), reading.penalties(loss)
    for parameter in reading.parameters:
        derivative, penalty = derivatives[parameter.name], penalties[parameter.name]
        if derivative is None or not parameter.moves:
            continue
        if not has_signal(reading, loss, derivative, parameter):
            continue
        chain, shape = reading.chains[parameter.name], parameter.tensor.shape
        found = chain.multiples(derivative, shape)
        step = step_factor(parameter, derivative)
        if not found and step is None and penalty is not None and np.any(penalty):
            found = chain.multiples(derivative - penalty, shape)  # a decay that is wrong
        factors = {*found.values(), *(() if step is None else (step,))}
        if np.count_nonzero(derivative) > 1:  # one number is a multiple of any other
            telling.add(parameter.name)
            if factors:
                matched.add(parameter.name)
        common = factors if common is None else _shared(common, factors)
        own = set() if step is None else {step}
        alone = own if alone is None else _shared(alone, own)
    single = not telling
    if single:  # of single numbers only the steps tell
        common = alone or common
        telling = {item.name for item in reading.parameters if item.moves}
        matched = telling if common else set()
    return Fit(frozenset(matched), frozenset(telling), tuple(common or ()), single=single)


def _shared(first: set[float], second: set[float]) -> set[float]:
    """The factors that stand in both sets, but for rounding."""
    return {one for one in first if any(abs(one - two) <= 1e-4 * abs(one) for two in second)}


def is_even(reading: Reading, loss: Loss) -> bool:
    """Whether a loss grows with each error's size: a mean of errors, say, does not."""
    adjoints = reading.adjoints(loss)
    if adjoints is None:
        return False
    for residual in reading.residuals:
        value = np.asarray(reading.forward[residual.node].value, float)
        slope = adjoints.get(residual.node)
        computed = reading.forward[residual.output].operation != "leaf"  # no parameter by itself
        if slope is None and computed and (by_output := adjoints.get(residual.output)) is not None:
            slope = residual.sign * by_output
        if slope is not None and slope.shape == value.shape and np.any(slope):
            size = float(np.max(np.abs(slope * value), initial=0.0))
            if np.any(slope * value < -1e-9 * size):
                return False
    return True


def chosen_loss(readings: Sequence[Reading]) -> Loss | None:
    """The loss, with those of the branches that the first iterations do not run."""
    loss = _chosen(readings) if readings else None
    for _ in range(_MOST_BRANCHES):
        missing = [] if loss is None else [item for item in readings if _value(item, loss) is None]
        other = _chosen(missing) if missing else None
        if loss is None or other is None or other.kind != loss.kind:
            break
        loss = replace(loss, others=(*loss.others, other))
    return loss


def _of_one_iteration(readings: Sequence[Reading]) -> list[Reading]:
    """The first reading and another one of the same iteration, where there is one."""
    first, *others = readings
    same = [r for r in others if r.point.snapshot.iteration == first.point.snapshot.iteration]
    return [first, *(same or others)[:1]]


def _value(reading: Reading, loss: Loss) -> float | None:
    return loss.value(reading.forward, reading.keyed_forward)


def _chosen(readings: Sequence[Reading]) -> Loss | None:
    """The loss that the updates belong to, or that the program states; None where there is none."""
    first = readings[0]
    losses = [loss for loss in first.losses if not _only_decides(first, loss)]
    pair = _of_one_iteration(readings)
    fits = {loss: _common_fit(pair, loss) for loss in losses}
    own = [
        loss
        for loss in fits
        if loss.own and all(is_even(r, loss) for r in readings if _value(r, loss))
    ]
    implied = [loss for loss in fits if not loss.own]
    stated = {loss: _kinds_of(first, loss, implied) for loss in own}
    explaining_own = [
        loss for loss in own if fits[loss].explains and (loss.shown or not fits[loss].varies)
    ]
    explaining = [loss for loss in implied if fits[loss].explains]
    if len(explaining) > 1:  # of one example any is a multiple of any other
        last = {loss for loss in explaining if _lasts(readings, loss)}
        explaining.sort(key=lambda loss: (not fits[loss].steady, loss not in last))
    if explaining_own:
        numbers = _numbers_of_steps(first)
        best = max(
            explaining_own, key=lambda loss: (fits[loss].steady, *_rank(loss, fits[loss], numbers))
        )
        # of a root of the squares, say, the steps are a multiple, another one at each point
        is_root = fits[best].varies and explaining and fits[explaining[0]].steady
        lasting = [loss for loss in explaining if fits[best].single and _lasts(readings, loss)]
        if lasting and not _lasts(readings, best):
            return lasting[0]
        return explaining[0] if is_root else best
    rivals = [loss for loss in own if stated[loss]]
    if explaining:
        implied_best = explaining[0]  # what is stated may have a penalty that no step has
        alike = [loss for loss in rivals if implied_best.kind in stated[loss]]
        return max(alike or rivals, key=_prominence) if rivals else implied_best
    likely = rivals or [*own, *implied]
    wholes = {loss.node_id for loss in own if len(loss.terms) > 1}
    parts = {loss for loss in own if loss.node_id in wholes and len(loss.terms) == 1}
    return max(
        likely,
        key=lambda loss: _likelihood(loss, fits[loss], is_part=loss in parts and not loss.shown),
        default=None,
    )


def _likelihood(
    loss: Loss, fit: Fit, *, is_part: bool
) -> tuple[int, bool, tuple[bool, bool, int, int]]:
    """By how many updates it explains; one that the program computes comes first among equals.

    One term of several is a multiple of much that an iteration makes of it, and explains nothing.
    """
    matched = 0 if is_part or fit.varies else len(fit.matched)
    return matched, loss.own, _prominence(loss) if loss.own else (False, False, 0, 0)


def _only_decides(reading: Reading, loss: Loss) -> bool:
    """Whether an own number is compared with something, and neither shown nor kept."""
    nodes = [reading.keyed_forward[key] for term in loss.terms for key in term]
    graph, users = reading.forward, reading.forward.users()
    return loss.own and all(
        node not in graph.shown | graph.kept
        and (node in graph.compared or _is_compared(graph, users[node]))
        for node in nodes
    )


def _is_compared(graph: Graph, users: Sequence[int]) -> bool:
    """Whether all that is made of an array of one number is whether it is larger than another."""
    return bool(users) and all(np.asarray(graph[user].value).dtype.kind == "b" for user in users)


def _common_fit(readings: Sequence[Reading], loss: Loss) -> Fit:
    """How well a loss explains the updates at several points."""
    fits = [fit_of(reading, loss) for reading in readings]
    telling = frozenset().union(*(fit.telling for fit in fits))
    missed = frozenset().union(*(fit.telling - fit.matched for fit in fits))
    factors = min((fit.factors for fit in fits if fit.telling), key=len, default=())
    same = len({reading.point.snapshot.iteration for reading in readings}) == 1
    steady = same and bool(_shared(set(fits[0].factors), set(fits[-1].factors)))
    varies = same and not steady and all(fit.factors for fit in fits)
    single = all(fit.single for fit in fits)
    return Fit(telling - missed, telling, factors, steady, varies, single)


def _lasts(readings: Sequence[Reading], loss: Loss) -> bool:
    """Whether the steps have one factor over a loss in all iterations."""
    fits = [fit_of(reading, loss) for reading in readings]
    factors = [set(fit.factors) for fit in fits if fit.telling]
    return bool(factors) and bool(reduce(_shared, factors))


def _prominence(loss: Loss) -> tuple[bool, bool, int, int]:
    return (loss.shown, not loss.behind, -len(loss.terms), loss.node_id)


def _rank(loss: Loss, fit: Fit, numbers: set[float]) -> tuple[bool, bool, int, bool, bool, int]:
    """Its prominence; of equals, that comes first whose derivative the updates are made from.

    That is there by itself, or times one of the numbers that the updates are multiplied by.
    """
    shown, inside, terms, place = _prominence(loss)
    is_derived = bool(_shared(numbers, set(fit.factors)))
    return shown, inside, terms, is_derived, not loss.multiplied, place


def _numbers_of_steps(reading: Reading) -> set[float]:
    """The single numbers that what leads to the updates is multiplied by, and 1."""
    found = {1.0}
    for index in reading.leading:
        node = reading.graph[index]
        for item in node.arguments if node.operation in _PRODUCTS else ():
            value = reading.graph[item.node].value if isinstance(item, Ref) else item
            if isinstance(value, (int, float, np.number)):
                found.add(float(value))
    return found


def _kinds_of(reading: Reading, loss: Loss, implied: Sequence[Loss]) -> frozenset[str]:
    """The kinds of implied losses that an own one is a multiple of."""
    found = set()
    penalties = reading.penalties(loss)
    own = {
        name: whole if whole is None or penalties[name] is None else whole - penalties[name]
        for name, whole in reading.derivatives(loss).items()
    }
    for other in implied:
        theirs = reading.derivatives(other)
        pairs = [(own[name], theirs[name]) for name in own]
        telling = [(a, b) for a, b in pairs if a is not None and b is not None and a.size > 1]
        telling = [(a, b) for a, b in telling if np.any(a) or np.any(b)] or [
            (a, b) for a, b in pairs if a is not None and b is not None
        ]
        if telling and all((factor_between(a, b) or 0) > 0 for a, b in telling):
            found.add(other.kind)
    return frozenset(found)


def takes_one_step(reading: Reading, loss: Loss) -> bool:
    """Whether no error that leads to an update is made after another one.

    An iteration that goes through all examples and updates behind each takes many steps, each from
    other parameters. Their sum is no gradient.

    Args:
        reading: One iteration.
        loss: Its loss.
    """
    adjoints = reading.adjoints(loss)
    outputs = (
        set() if adjoints is None else {i.node for i in reading.residuals if i.output in adjoints}
    )
    errors = {
        reading.keyed[key]
        for key, node in reading.keyed_forward.items()
        if node in outputs and key in reading.keyed
    } & reading.leading
    last = max(errors, default=-1)
    return last < 0 or not ancestors(reading.graph, last) & (errors - {last})
