"""Which value of the backward pass, given what is due in its place, makes gradients right.

The backward pass was recorded; it can be computed again with some of its values replaced. Where the
derivatives by an expression of the forward pass, in the place of the values of an expression of the
backward pass, make wrong gradients right and leave the right ones alone, that expression ought to
give these derivatives, and it does not. The first such expression is at fault.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.location.evidence import Evidence
from nndiag.program.location.families import Family
from nndiag.program.location.tape import FAR, MOST_SCALES, Tape, is_in, with_keys
from nndiag.program.loop.step_evaluator import Point
from nndiag.program.roles.multiples import factor_between, laid_out

_SECONDS = 3.0  # of processor time
_MOST_OCCURRENCES = 2000
_SAME = 1e-5


@dataclass(frozen=True, eq=False)
class Substitution:
    """Derivatives in the place of an expression's values.

    Attributes:
        node_id: The expression.
        nodes: Its values in the first reading, in order.
        targets: By which node each of them is due to be the derivative.
        mends: The parameters that it makes right.
        dues: Per reading: its number, and each value with how often its expression was computed
            before, and what is due.
        scaled: Whether the factor of what is due is known.
        is_right: Whether the first value is a derivative as it is, only not the one that is due.
        first: The first of its values in the first reading that is no multiple of what is due.
    """

    node_id: int
    nodes: tuple[int, ...]
    targets: tuple[int, ...]
    mends: tuple[str, ...]
    dues: tuple[tuple[int, dict[int, np.ndarray]], ...]
    scaled: bool
    is_right: bool
    first: int

    @property
    def rank(self) -> tuple[int, int]:
        """What of two is to be preferred: the larger; that where the earlier value is wrong."""
        return len(self.mends), -self.first

    def first_wrong(self, evidence: Evidence) -> list[tuple[Point, int, np.ndarray]]:
        """Per reading: the point, how often the expression was computed before, what is due."""
        found = []
        for number, dues in self.dues:
            reading = evidence.readings[number]
            counts = {
                index: key[2] for key, index in reading.keyed.items() if key[0] == self.node_id
            }
            for node in sorted(dues):
                value = np.asarray(reading.graph[node].value, float)
                if not np.any(dues[node]) or node not in counts:
                    continue
                if value.shape != dues[node].shape or not np.allclose(
                    value, dues[node], rtol=_SAME, atol=0
                ):
                    found.append((reading.point, counts[node], dues[node]))
                    break
        return found


class Search:
    """Tries derivatives in the place of values."""

    def __init__(
        self,
        evidence: Evidence,
        gradients: Sequence[Mapping[str, list[int]]],
        wrong: Sequence[str],
        right: Sequence[str],
    ) -> None:
        keys = evidence.readings[0].keys
        carrying = {keys[node] for node in evidence.carrying if node in keys}
        errors = {keys[node] for node in evidence.errors if node in keys}
        tapes = [
            Tape(
                number,
                reading,
                adjoints,
                nodes,
                with_keys(reading, carrying),
                with_keys(reading, errors),
            )
            for number, (reading, adjoints, nodes) in enumerate(
                zip(evidence.readings, evidence.adjoints, gradients)
            )
        ]
        telling = [tape for tape in tapes if tape.is_finite and tape.feels(wrong, evidence.loss)]
        self.tapes = telling or [tape for tape in tapes if tape.is_finite] or tapes
        self.wrong = [name for name in wrong if all(name in tape.gradients for tape in self.tapes)]
        self.known = [n for n in right if all(n in tape.gradients for tape in self.tapes)]
        self._usual: dict[Tape, float | None] = {}
        self.deadline = time.process_time() + _SECONDS

    def best(self) -> list[Substitution]:
        """Those that make most wrong gradients right, the likeliest first; one an expression.

        What already is a derivative, only another one than is due, may lack a factor, or be right
        where what is made of it is not: the first of either kind is given.
        """
        found: dict[bool, Substitution] = {}
        tape = self.tapes[0]
        for node_id, nodes in sorted(tape.sites.items(), key=lambda item: item[1][0]):
            if len(nodes) > _MOST_OCCURRENCES:
                continue
            for item in self._at(node_id, nodes):
                known = found.get(item.is_right)
                if known is None or known.rank < item.rank:
                    found[item.is_right] = item
                if len(item.mends) == len(self.wrong):
                    break
            whole = [k for k, item in found.items() if len(item.mends) == len(self.wrong)]
            if False in whole or time.process_time() > self.deadline:
                break
        most = max((len(item.mends) for item in found.values()), default=0)
        return [found[k] for k in sorted(found) if len(found[k].mends) == most]

    def _at(self, node_id: int, nodes: tuple[int, ...]) -> Iterator[Substitution]:
        tape = self.tapes[0]
        scales, sources = tape.scales(nodes)
        near = set().union(*(tape.above(target) for target in sources))
        for key, family in tape.families.items():
            if near and near.isdisjoint(family.targets):
                continue
            for alignment in self._alignments(nodes, family):
                if not self._has_shapes(nodes, family, alignment):
                    continue
                for scale in range(max(1, len(scales))):
                    mends = self._mended(tape, node_id, key, alignment, scale)
                    if not mends:
                        continue
                    item = self._everywhere(node_id, key, alignment, scale)
                    if item is not None:
                        yield item

    def _alignments(self, nodes: tuple[int, ...], family: Family) -> list[tuple[int | None, ...]]:
        """The alignments with a family, first those where the first value is near its target."""
        found = list(_alignments(len(nodes), len(family.targets)))
        if len(found) < 2 or len(nodes) < 2:
            return found
        tape = self.tapes[0]
        firsts = [item[0] for item in found]
        near = [FAR if p is None else tape.distance(nodes[0], family.nodes[p]) for p in firsts]
        return [found[place] for place in np.argsort(near, kind="stable")]

    def _has_shapes(
        self, nodes: tuple[int, ...], family: Family, alignment: Sequence[int | None]
    ) -> bool:
        graph, heads = self.tapes[0].graph, self.tapes[0].heads
        return all(
            place is None
            or graph[node].size == family.values[place].size
            or family.targets[place] in heads
            for node, place in zip(nodes, alignment)
        )

    def _given(
        self,
        tape: Tape,
        node_id: int,
        key: tuple[int, int, int],
        alignment: Sequence[int | None],
        scale: int,
    ) -> dict[int, Any] | None:
        nodes, family = tape.sites.get(node_id, ()), tape.families.get(key)
        if scale < 0:
            return None
        if family is None or len(nodes) != len(alignment):
            return None
        if any(place is not None and place >= len(family.values) for place in alignment):
            return None
        scales, _ = tape.scales(nodes)
        factor = scales[scale] if scale < len(scales) else 1.0
        given: dict[int, Any] = {}
        for node, place in zip(nodes, alignment):
            if place is None:
                continue
            value = factor * family.values[place]
            layout = next(laid_out(value, tape.graph[node].shape), None)
            if layout is None and not set(family.targets) <= set(tape.heads):
                return None
            layout = value if layout is None else layout
            given[node] = layout if layout.ndim else float(layout)
        return given

    def _mended(
        self,
        tape: Tape,
        node_id: int,
        key: tuple[int, int, int],
        alignment: Sequence[int | None],
        scale: int,
    ) -> tuple[str, ...]:
        """The wrong parameters that become right; none where a right one becomes wrong."""
        given = self._given(tape, node_id, key, alignment, scale)
        changed = None if given is None else tape.again(given)
        if changed is None:
            return ()
        for name in self.known:
            touched = any(node in changed for node in tape.gradients[name])
            if touched and not self._stays_right(tape, name, changed):
                return ()
        return tuple(
            name
            for name in self.wrong
            if any(node in changed for node in tape.gradients[name])
            and _is_due(tape.gradient(name, changed), tape.due(name), self.usual(tape))
        )

    def _is_due_at_all(
        self, name: str, values: Sequence[np.ndarray], wanted: Sequence[np.ndarray]
    ) -> bool:
        """Whether values are the derivatives at all points, times one factor.

        Where batches differ in size so does the factor; it may as long as it tells something that
        each point alone was no multiple before.
        """
        one, other = np.concatenate(values), np.concatenate(wanted)
        if one.size != other.size:
            return False
        if factor_between(one, other) is not None:
            return True
        before = [factor_between(t.gradient(name, {}), t.due(name)) for t in self.tapes]
        if None not in before or any(item.size == 1 for item in values):
            return False
        return all(factor_between(a, b) is not None for a, b in zip(values, wanted) if np.any(b))

    def _stays_right(self, tape: Tape, name: str, changed: Mapping[int, Any]) -> bool:
        before, after = tape.gradient(name, {}), tape.gradient(name, changed)
        if before.size != after.size:
            return False
        same = np.linalg.norm(before - after) <= _SAME * np.linalg.norm(before)
        return bool(same) or _is_due(after, tape.due(name), None)

    def usual(self, tape: Tape) -> float | None:
        """The factor that the right gradients have; None where they have several."""
        if tape not in self._usual:
            self._usual[tape] = self._usual_of(tape)
        return self._usual[tape]

    def _usual_of(self, tape: Tape) -> float | None:
        pairs = [(tape.gradient(name, {}), tape.due(name)) for name in self.known]
        found = [factor_between(one, other) for one, other in pairs if one.size > 1]
        known = [factor for factor in found if factor is not None]
        return known[0] if known and all(is_in(f, known[:1]) for f in known) else None

    def _everywhere(
        self, node_id: int, key: tuple[int, int, int], alignment: Sequence[int | None], scale: int
    ) -> Substitution | None:
        """The substitution, where it holds in all readings with one factor."""
        values: dict[str, list[np.ndarray]] = {name: [] for name in self.wrong}
        wanted: dict[str, list[np.ndarray]] = {name: [] for name in self.wrong}
        dues = []
        for tape in self.tapes:
            if key not in tape.families or len(tape.sites.get(node_id, ())) != len(alignment):
                continue
            scales = [scale, *(s for s in range(MOST_SCALES) if s != scale)]
            usable = (s for s in scales if self._mended(tape, node_id, key, alignment, s))
            given = self._given(tape, node_id, key, alignment, next(usable, -1))
            changed = None if given is None else tape.again(given)
            if changed is None or given is None:
                return None
            dues.append(
                (tape.number, {node: np.asarray(value, float) for node, value in given.items()})
            )
            for name in self.wrong:
                values[name].append(tape.gradient(name, changed))
                wanted[name].append(tape.due(name))
        if len(dues) * 2 < len(self.tapes):
            return None
        mends = tuple(
            name
            for name in self.wrong
            if self._is_due_at_all(name, values[name], wanted[name])
            and any(
                not np.array_equal(a, self.tapes[0].gradient(name, {})) for a in values[name][:1]
            )
        )
        if not mends:
            return None
        tape = self.tapes[0]
        chosen = [(n, p) for n, p in zip(tape.sites[node_id], alignment) if p is not None]
        own = {node: np.asarray(tape.graph[node].value, float) for node, _ in chosen}
        unlike = (n for n, due in dues[0][1].items() if factor_between(own[n], due) is None)
        return Substitution(
            node_id,
            tuple(node for node, _ in chosen),
            tuple(tape.families[key].targets[place] for _, place in chosen),
            mends,
            tuple(dues),
            bool(tape.scales(tape.sites[node_id])[0]),
            bool(tape.explained.factors(own[chosen[0][0]])),
            next(unlike, chosen[0][0]),
        )


def _is_due(value: np.ndarray, due: np.ndarray, usual: float | None) -> bool:
    factor = factor_between(value, due)
    if factor is None:
        return False
    if usual is None or due.size > 1:
        return True
    return abs(abs(factor) - abs(usual)) <= _SAME * abs(usual)


def _alignments(sites: int, members: int) -> Iterator[tuple[int | None, ...]]:
    """The ways in which values may stand for the members of a family."""
    if sites == 1:
        for place in range(min(members, 12)):
            yield (place,)
    elif sites == members:
        yield tuple(range(members))
        yield tuple(reversed(range(members)))
    elif members == 1:
        return
    elif abs(members - sites) <= 2:
        for start in range(abs(members - sites) + 1):
            rows = range(sites)
            forward = [place + start if members > sites else place - start for place in rows]
            usable = [p if 0 <= p < members else None for p in forward]
            yield tuple(usable)
            yield tuple(None if p is None else members - 1 - p for p in usable)
