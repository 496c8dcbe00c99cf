"""Which value of the backward pass, given what is due in its place, makes gradients right.

The backward pass was recorded; it can be computed again with some of its values replaced. Where the
derivatives by an expression of the forward pass, in the place of the values of an expression of the
backward pass, make wrong gradients right and leave the right ones alone, that expression ought to
give these derivatives, and it does not. The first such expression is at fault. What is due has the
factor of the derivatives that it is made from; a sign or a factor comes in where that is lost.
Where none comes in and one is wanted, what is due is the value of the program itself, times that.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.location.aims import Aims
from nndiag.program.location.alignment import Alignment, alignments
from nndiag.program.location.evidence import Evidence
from nndiag.program.location.families import Family
from nndiag.program.location.proposed import Candidate, Known, Passed, is_summed_to_one
from nndiag.program.location.tape import FAR, Tape
from nndiag.program.loop.step_evaluator import Point
from nndiag.program.roles.multiples import factor_between

_SECONDS = 3.0  # of processor time
_MOST_OCCURRENCES = 2000
_MOST_UNSTEADY = 6  # expressions that are looked at behind one that leaves another factor each time
_MOST_ALIGNMENTS = 3  # a backward pass goes the way of the forward pass: the nearest are tried
_MORE = 3  # single numbers of one point that an expression is to come to, beside the first
_SAME = 1e-5


@dataclass(frozen=True, eq=False)
class Substitution:
    """Derivatives in the place of an expression's values.

    Attributes:
        node_id: The expression.
        nodes: Its values in the first reading, in order.
        targets: By which node each of them is due to be the derivative; none where only a factor
            of the program's own values is due.
        mends: The parameters that it makes right.
        dues: Per reading: its number, and each value with what is due in its place.
        scaled: Whether the factor of what is due is known.
        is_right: Whether the first value is a derivative as it is, only not the one that is due.
        first: The first of its values in the first reading that is no multiple of what is due.
        steady: Whether gradients have one factor over the derivatives at all points then.
    """

    node_id: int
    nodes: tuple[int, ...]
    targets: tuple[int, ...]
    mends: tuple[str, ...]
    dues: tuple[tuple[int, dict[int, np.ndarray]], ...]
    scaled: bool
    is_right: bool
    first: int
    steady: bool = True

    @property
    def rank(self) -> tuple[int, bool, int]:
        """What of two is to be preferred: the larger; that where the earlier value is wrong."""
        return len(self.mends), self.steady, -self.first

    def ratio(self, evidence: Evidence) -> float | None:
        """How many times what is due its values are; None where they are no multiple of it.

        Args:
            evidence: That it was found in.
        """
        found: list[float] = []
        for number, dues in self.dues:
            graph = evidence.readings[number].graph
            pairs = [(graph[node].value, due) for node, due in dues.items() if np.any(due)]
            ratios = [factor_between(value, due) for value, due in pairs]
            if not ratios or None in ratios:
                return None
            found += [ratio for ratio in ratios if ratio is not None]
        spread = max(found) - min(found) if found else 1.0
        return found[0] if spread <= _SAME * abs(found[0]) else None

    def first_wrong(self, evidence: Evidence) -> list[tuple[Point, int, np.ndarray]]:
        """Per reading: the point, how often the expression was computed before, what is due.

        The readings where a value is wrong come first; in others it is to stay what it is. The
        last wrong value of the first of them comes at the end: it may be made of the others. Of
        single numbers a few more do, which any expression comes to by chance.
        """
        wrong: list[tuple[Point, int, np.ndarray]] = []
        right: list[tuple[Point, int, np.ndarray]] = []
        again: list[tuple[Point, int, np.ndarray]] = []
        for number, dues in self.dues:
            reading = evidence.readings[number]
            counts = {
                index: key[2] for key, index in reading.keyed.items() if key[0] == self.node_id
            } or {node: count for count, node in enumerate(dues)}  # a variable that is added up
            usable = [node for node in sorted(dues) if np.any(dues[node]) and node in counts]
            unlike = [n for n in usable if not _is_due(reading.graph[n].value, dues[n])]
            rows = wrong if unlike else right
            more = [] if wrong else unlike[1:]
            if more and dues[more[0]].size == 1:
                more = [more[len(more) * part // _MORE] for part in range(_MORE)] + more[-1:]
                more += [n for n in usable if n not in unlike][:1]
                more += [n for n in sorted(dues) if not np.any(dues[n]) and n in counts][:1]
            else:
                more = more[-1:]
            again += [(reading.point, counts[n], dues[n]) for n in dict.fromkeys(more)]
            for node in unlike[:1] or usable[:1]:
                rows.append((reading.point, counts[node], dues[node]))
        return [*wrong, *right, *again] if wrong else []


def _is_due(found: Any, due: np.ndarray) -> bool:
    value = np.asarray(found, float)
    return value.shape == due.shape and np.allclose(value, due, rtol=_SAME, atol=0)


class Search:
    """Tries derivatives in the place of values."""

    def __init__(self, aims: Aims) -> None:
        self.aims, self.tapes, self.wrong = aims, aims.tapes, aims.wrong
        self.deadline = time.process_time() + _SECONDS

    def best(self) -> list[Substitution]:
        """Those that make most wrong gradients right, the likeliest first; one an expression.

        What already is a derivative, only another one than is due, may lack a factor, or be right
        where what is made of it is not: the first of either kind is given. Behind them come others
        for the same values: what is summed up is right in any order.
        """
        found: dict[bool, Substitution] = {}
        more: list[Substitution] = []
        unsteady = 0
        for node_id in self.tapes[0].likely:
            nodes = self.tapes[0].sites[node_id]
            if len(nodes) > _MOST_OCCURRENCES:
                continue
            for item in self._at(node_id, nodes):
                known = found.get(item.is_right)
                if known is None or known.rank < item.rank:
                    found[item.is_right] = item
                elif known.node_id == node_id and len(known.mends) == len(item.mends):
                    more.append(item)
                if len(item.mends) == len(self.wrong) and len(more) >= _MOST_ALIGNMENTS:
                    break
            known = found.get(self.aims.exact)  # a sign is lost where a derivative is
            whole = known is not None and len(known.mends) == len(self.wrong)
            unsteady += whole  # a factor that goes with the data may be left behind
            done = whole and (known.steady or unsteady > _MOST_UNSTEADY)  # type: ignore[union-attr]
            if done or time.process_time() > self.deadline:
                break
        most = max((len(item.mends) for item in found.values()), default=0)
        kept = [found[k] for k in sorted(found) if len(found[k].mends) == most]
        others = [
            x for x in more if len(x.mends) == most and x.node_id in {k.node_id for k in kept}
        ]
        return [*kept, *others[:_MOST_ALIGNMENTS]]

    def rescaled(self, node_ids: Collection[int]) -> Substitution | None:
        """The last of some expressions whose values, times a factor, make wrong gradients right."""
        name, tape = self.wrong[0], self.tapes[0]
        for node_id, nodes in sorted(tape.sites.items(), key=lambda item: -item[1][-1]):
            if node_id not in node_ids:
                continue
            dues = []
            mends = set(self.wrong)
            for one in self.tapes:
                ratio = self.aims.ratio(one, name)
                own = one.sites.get(node_id, ())
                given = {n: one.graph[n].value / ratio for n in own} if ratio and own else None
                mends &= set(self._made_right(one, node_id, given))
                dues.append((one.number, {n: np.asarray(v) for n, v in (given or {}).items()}))
            if mends:
                kept = tuple(n for n in self.wrong if n in mends)
                return Substitution(node_id, nodes, (), kept, tuple(dues), True, True, nodes[0])
        return None

    def _at(self, node_id: int, nodes: tuple[int, ...]) -> Iterator[Substitution]:
        tape = self.tapes[0]
        common = [set(tape.sources(node)) for node in nodes]
        for through in sorted(set.intersection(*common)):
            source = tape.graph[tape.sources(nodes[0])[through][0]]
            for slot in (s for s, item in enumerate(source.inputs) if item in tape.adjoints):
                yield from self._tried(Passed(node_id, through, slot))
        scales, sources = tape.scales(node_id)
        for name in self.wrong:
            if tape.due(name).size == 1 and tape.gradients[name] == list(nodes):
                yield from self._tried(Known(node_id, name, self.aims))
        near = set().union(*(tape.above(target) for target in sources))
        for key, family in tape.nearest_first:
            if near and near.isdisjoint(family.targets):
                continue
            if not family.tells and not set(family.targets) & set(tape.heads):
                continue
            difference = len(family.values) - len(nodes)
            for alignment in self._alignments(nodes, family):
                if not self._has_shapes(nodes, family, alignment):
                    continue
                for scale in range(max(1, len(scales))):
                    yield from self._tried(Candidate(node_id, key, alignment, difference, scale))

    def _tried(self, candidate: Candidate | Passed | Known) -> Iterator[Substitution]:
        """The substitution that a candidate is, where it makes something right."""
        if self._mended(self.tapes[0], candidate):
            item = self._everywhere(candidate)
            if item is not None:
                yield item

    def _alignments(self, nodes: tuple[int, ...], family: Family) -> list[Alignment]:
        """The alignments with a family, first those where the first value is near its target."""
        sites, members = len(nodes), len(family.targets)
        found = list(alignments(sites, members))
        if len(found) < 2 or sites < 2:
            return found
        tape = self.tapes[0]
        near = []
        for item in found:
            first = item.places(sites, members)[0]
            node = None if first is None else family.nodes[first]
            steps, apart = (FAR, 0) if node is None else tape.distance(nodes[0], node)
            aside = item.first != 0 and sites == members
            near.append((node is None, aside, steps, apart))
        order = sorted(range(len(found)), key=lambda place: near[place])
        return [found[place] for place in order[:_MOST_ALIGNMENTS]]

    def _has_shapes(self, nodes: tuple[int, ...], family: Family, alignment: Alignment) -> bool:
        tape = self.tapes[0]
        graph, gradients = tape.graph, {n for nodes in tape.gradients.values() for n in nodes}
        return all(
            place is None
            or graph[node].size == family.values[place].size
            or (family.targets[place] in tape.heads and node in gradients)  # not summed, say
            or is_summed_to_one(graph, node, family.values[place].size)
            for node, place in zip(nodes, alignment.places(len(nodes), len(family.values)))
        )

    def _mended(self, tape: Tape, candidate: Candidate | Passed | Known) -> tuple[str, ...]:
        """The wrong parameters that become right; none where a right one becomes wrong."""
        return self._made_right(tape, candidate.node_id, candidate.given(tape))

    def _made_right(
        self, tape: Tape, node_id: int, given: Mapping[int, Any] | None
    ) -> tuple[str, ...]:
        changed = None if given is None else tape.put_in(node_id, given)
        if changed is None or not all(
            self.aims.stays_right(tape, name, changed) for name in self.aims.known
        ):
            return ()
        return tuple(
            name
            for name in self.wrong
            if any(node in changed for node in tape.gradients[name])
            and self.aims.is_met(tape, name, tape.gradient(name, changed))
        )

    def _everywhere(self, candidate: Candidate | Passed | Known) -> Substitution | None:
        """The substitution, where it holds in all readings with one factor."""
        values: dict[str, list[np.ndarray]] = {name: [] for name in self.wrong}
        wanted: dict[str, list[np.ndarray]] = {name: [] for name in self.wrong}
        dues, tapes = [], []
        for tape in self.tapes:
            if not candidate.fits(tape):
                continue
            usable = next((x for x in candidate.forms() if self._mended(tape, x)), None)
            given = None if usable is None else usable.given(tape)
            changed = None if given is None else tape.put_in(candidate.node_id, given)
            if changed is None or given is None:
                return None
            dues.append((tape.number, {node: np.asarray(v, float) for node, v in given.items()}))
            tapes.append(tape)
            for name in self.wrong:
                values[name].append(tape.gradient(name, changed))
                wanted[name].append(tape.due(name))
        first = {name: found[0] for name, found in values.items() if found}
        values = {name: self.aims.per_unit(name, tapes, values[name]) for name in values}
        if len(dues) * 2 < len(self.tapes):
            return None
        before = self.tapes[0]
        mends = tuple(
            name
            for name in self.wrong
            if self.aims.are_met(name, values[name], wanted[name])
            and not np.array_equal(first[name], before.gradient(name, {}))
        )
        steady = all(self.aims.are_steady(values[name], wanted[name]) for name in mends)
        return self._made(candidate, mends, dues, steady=steady) if mends else None

    def _made(
        self,
        candidate: Candidate | Passed | Known,
        mends: tuple[str, ...],
        dues: list[tuple[int, dict[int, np.ndarray]]],
        *,
        steady: bool,
    ) -> Substitution:
        tape, node_id = self.tapes[0], candidate.node_id
        own = {node: np.asarray(tape.graph[node].value, float) for node in dues[0][1]}
        first = next(iter(own))
        unlike = (n for n, due in dues[0][1].items() if factor_between(own[n], due) is None)
        return Substitution(
            node_id,
            tuple(own),
            tuple(candidate.targets(tape)),
            mends,
            tuple(dues),
            bool(tape.scales(node_id)[0]),
            bool(tape.explained.factors(own[first], singles=True)),
            next(unlike, first),
            steady,
        )
