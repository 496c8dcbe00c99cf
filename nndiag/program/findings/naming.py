"""From measurements and repairs to findings: the bug, the tensors, the line and what to write."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

import numpy as np

from nndiag.finding import Evidence, Finding, Severity
from nndiag.program.gradients.judgement import SAME, Verdict
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.parts import Part, wrong_part
from nndiag.program.repair.bug import BUGS, Bug, Symptoms, biases_of
from nndiag.program.repair.search import Repair, Search
from nndiag.program.text.source import Source

BAD = frozenset({Verdict.WRONG, Verdict.WRONG_SCALE, Verdict.WRONG_SIGN, Verdict.NEVER_UPDATED})
"""The verdicts that say that a tensor is not right."""


@dataclass(frozen=True, eq=False)
class Context:
    """What findings are made from.

    Attributes:
        measurement: The program as it was measured.
        source: Its text.
        nodes: Its syntax tree by serial.
        verdicts: Tensor name → verdict.
        references: The factor of right tensors at each point.
        symptoms: The comparison, as bugs see it.
    """

    measurement: Measurement
    source: Source
    nodes: dict[int, ast.AST]
    verdicts: dict[str, Verdict]
    references: list[float | None]
    symptoms: Symptoms

    @classmethod
    def of(
        cls,
        measurement: Measurement,
        verdicts: dict[str, Verdict],
        references: list[float | None],
    ) -> Context:
        """The context of one measurement, before any edit is tried."""
        heard = [
            number
            for number, fits in enumerate(measurement.fits)
            if any(item.signal for item in fits.values())
        ]
        symptoms = Symptoms(
            verdicts=verdicts,
            scales={
                name: tuple(measurement.fits[number][name].scale for number in heard)
                for name in verdicts
            },
            reference=tuple(references[number] for number in heard),
            examples=measurement.examples,
            shapes={tensor.name: tensor.shape for tensor in measurement.lab.tensors},
        )
        nodes = dict(measurement.lab.nodes)
        return cls(measurement, measurement.host.source, nodes, verdicts, references, symptoms)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The tensors that are not right."""
        return tuple(name for name, verdict in self.verdicts.items() if verdict in BAD)

    def update_line(self, tensor: str) -> int | None:
        """Line of the statement that updates a tensor."""
        serials = self.measurement.updates.get(tensor, ())
        line = getattr(self.nodes[serials[-1]], "lineno", None) if serials else None
        return line if isinstance(line, int) else None

    def cosine(self, tensor: str) -> float:
        """The cosine between a tensor's step and the negative gradient, where it is worst."""
        values = [fits[tensor].cosine for fits in self.measurement.fits if fits[tensor].signal]
        return min(values, default=0.0)

    def scale(self, tensor: str) -> float | None:
        """A tensor's factor over that of right tensors, at the first point that has both."""
        for fits, reference in zip(self.measurement.fits, self.references):
            if fits[tensor].signal and reference:
                return fits[tensor].scale / reference
        return None


def target(context: Context) -> float | None:
    """The factor that mended tensors must have: that of the right ones, where it is known."""
    right = any(verdict is Verdict.RIGHT for verdict in context.verdicts.values())
    if not right and not context.measurement.rate_tells:
        return None
    signals = [sum(item.signal for item in fits.values()) for fits in context.measurement.fits]
    return context.references[int(np.argmax(signals))]


def findings(context: Context, found: Search, *, proven: bool) -> list[Finding]:
    """The findings of the repairs, and of what they leave wrong."""
    kept = [repair for repair in found.repairs if proven or _is_evidence(context, repair)]
    made = [_of_repair(context, repair, proven=proven) for repair in kept]
    if proven:
        return _merged(made)
    done = {name for repair in kept for name in repair.mended}
    left = [name for name in context.wrong if name not in done]
    return _merged(made) + _suspicions(context, left, found)


def _is_evidence(context: Context, repair: Repair) -> bool:
    """Whether an edit says something although the whole check does not pass with it.

    It does where it makes tensors right with the factor of others that were right before; being
    parallel, or having some factor, may be chance.
    """
    known = any(verdict is Verdict.RIGHT for verdict in context.verdicts.values())
    telling = any(np.prod(context.symptoms.shapes[name]) > 1 for name in repair.mended)
    return repair.sure and telling and (known or len(repair.mended) > 1)


def _problem(context: Context, repair: Repair) -> str:
    """The bug's name: what the tensors show comes before how the edit is written."""
    seen = {context.verdicts.get(name) for name in repair.mended}
    alone = len(context.measurement.lab.tensors) > len(repair.mended)
    if seen == {Verdict.NEVER_UPDATED}:
        return "gradient-never-computed"
    if seen == {Verdict.WRONG_SIGN} and _opposite(context, repair):
        return "wrong-sign"
    scaled = seen == {Verdict.WRONG_SCALE} and alone and _steady(context, repair)
    if scaled and repair.edit.bug in _DIRECTIONS:
        suspects = BUGS.get("summed-instead-of-averaged")().suspects(context.symptoms)
        many = set(repair.mended) <= set(suspects)
        return "summed-instead-of-averaged" if many else "wrong-constant-factor"
    return _of_edit(context, repair)


def _of_edit(context: Context, repair: Repair) -> str:
    """The bug's name by its edit, where the tensors that it mends do not contradict."""
    bug = repair.edit.bug
    known = biases_of(context.symptoms.shapes)
    biases = [name for name in repair.mended if name in known]
    weights = set(context.wrong) - known
    if bug == "wrong-activation-derivative" and biases == list(repair.mended) and not weights:
        return "wrong-bias-gradient"  # the weights are right, and so are the derivatives
    if bug in _VARIABLES and biases == list(repair.mended) and not (weights and bug == _RAW):
        return "wrong-bias-gradient"
    if bug == "wrong-layer-activation" and biases:
        return "wrong-activation-derivative"  # a bias has no part in the layer's inputs
    return bug


def _steady(context: Context, repair: Repair) -> bool:
    """Whether the tensors are off by the same factor at every point.

    On one example at a time a lost derivative is one number, but another one at each point.
    """
    for name in repair.mended:
        known = zip(context.symptoms.scales[name], context.symptoms.reference)
        factors = [own / right for own, right in known if right]
        if factors and np.ptp(factors) > SAME * abs(factors[0]):
            return False
    return True


_RAW = "raw-error-instead-of-delta"  # of a whole layer, where its weights are wrong too
_VARIABLES = ("raw-error-instead-of-delta", "wrong-layer-activation")


def _opposite(context: Context, repair: Repair) -> bool:
    """Whether the tensors go uphill with the very size of right steps, at every point.

    An absolute value looks the same where all residuals have one sign; dropping it is said then.
    """
    if repair.edit.bug == "wrong-loss-gradient":
        return False
    for name in repair.mended:
        scales = context.symptoms.scales[name]
        known = zip(scales, context.symptoms.reference)
        off = any(right is not None and abs(own + right) > SAME * right for own, right in known)
        if off or max(scales, default=1.0) >= 0 or min(scales) < 1.5 * max(scales):
            return False
    return True


_DIRECTIONS = frozenset(
    {
        "broken-chain-rule", "raw-error-instead-of-delta", "wrong-layer-activation",
        "missing-activation-derivative", "wrong-activation-derivative", "wrong-loss-gradient",
    }
)  # fmt: skip


def _of_repair(context: Context, repair: Repair, *, proven: bool) -> Finding:
    problem = _problem(context, repair)
    bug = BUGS.get(problem)()
    names = ", ".join(repair.mended)
    cosines = [context.cosine(name) for name in repair.mended if name in context.verdicts]
    numbers = f" (cosine to the negative gradient {min(cosines):+.3f})" if cosines else ""
    proof = "" if proven else "; with this change they are right, the others are not yet"
    uphill = min(cosines, default=1.0) < 0
    return Finding(
        problem=problem,
        severity=Severity.ERROR if uphill or proven is False else _severity(problem, cosines),
        message=f"{names}: {bug.sentence}{_only(context, repair, problem)}{numbers}{proof}",
        evidence=tuple(Evidence("cosine", value, 1.0) for value in cosines),
        tensor=names,
        remedies=(f"line {repair.line}: {repair.edit.says}",) if repair.edit.says else (),
        file=context.source.name,
        line=repair.line,
        replacement=repair.after,
    )


def _only(context: Context, repair: Repair, problem: str) -> str:
    """Which entries are meant, where a parameter is changed but for these."""
    name = next(iter(repair.mended), None)
    if problem != "gradient-never-computed" or context.verdicts.get(name or "") != Verdict.WRONG:
        return ""
    part = wrong_part(context.measurement, name or "")
    return f"; only {part.where}" if part is not None else ""


MEANT = frozenset({"clipped-gradient", "weight-decay-not-in-loss"})
"""Bugs that are often meant so: warnings, though they change the direction."""


def _severity(problem: str, cosines: list[float]) -> Severity:
    """An error where the direction is wrong; the bug's own severity where only the size is."""
    bug = BUGS.get(problem)()
    if problem in MEANT:
        return bug.severity
    return Severity.ERROR if min(cosines, default=0.0) < 1 - 1e-6 else bug.severity


def _merged(made: list[Finding]) -> list[Finding]:
    """Findings of one problem at one line, once."""
    merged: dict[tuple[str, int | None], Finding] = {}
    for finding in made:
        merged.setdefault((finding.problem, finding.line), finding)
    return list(merged.values())


def _suspicions(context: Context, left: list[str], found: Search) -> list[Finding]:
    """What the signatures say of tensors for which no repair was found."""
    rest = list(left)
    made = []
    mended = {name: Verdict.RIGHT for name in context.wrong if name not in left}
    symptoms = replace(context.symptoms, verdicts={**context.verdicts, **mended})
    for name in left:
        part = wrong_part(context.measurement, name)
        if part is not None:
            made.append(_of_part(context, name, part, found))
            rest.remove(name)
    for name in BUGS.names():
        bug = BUGS.get(name)()
        if name == "bias-per-example":
            continue
        members = [item for item in bug.suspects(symptoms) if item in rest]
        if members:
            made.append(_suspicion(context, name, bug, members, found))
            rest = [item for item in rest if item not in members]
    if rest:
        name = "broken-chain-rule" if _below_right(context, rest) else "wrong-loss-gradient"
        if _above_right(context, rest):
            name = "wrong-layer-activation"
        made.append(_suspicion(context, name, BUGS.get(name)(), rest, found))
    return made


_OF_PART = {
    Verdict.NEVER_UPDATED: "gradient-never-computed",
    Verdict.WRONG_SIGN: "wrong-sign",
    Verdict.WRONG_SCALE: "wrong-constant-factor",
}


def _of_part(context: Context, tensor: str, part: Part, found: Search) -> Finding:
    """What is said of a tensor of which a part is wrong."""
    other = "wrong-bias-gradient" if part.last else "wrong-layer-activation"
    problem = _OF_PART.get(part.verdict, other)
    share = f"{part.where} ({part.count} of {part.compared} compared), the others are right"
    tried = f"; {found.tried} small edits were tried, none mends it" if found.tried else ""
    return Finding(
        problem=problem,
        severity=Severity.ERROR,
        message=f"{tensor}: {BUGS.get(problem)().sentence}; only {share}{tried}",
        evidence=(Evidence("wrong entries", float(part.count), float(part.compared)),),
        tensor=tensor,
        file=context.source.name,
        line=context.update_line(tensor) or nearest_update(context),
    )


def _above_right(context: Context, wrong: list[str]) -> bool:
    """Whether the wrong tensors are used behind right ones: what is passed back is right then."""
    computed = context.measurement.computed
    theta = context.measurement.points[0].theta
    first: dict[str, int] = {}
    for serial, values in computed.base.values.items():
        for name, numbers in theta.items():
            same = numbers.size > 1 and np.array_equal(np.ravel(values[0]), numbers)
            if same:
                first[name] = min(first.get(name, 1 << 60), computed.base.order[serial])
    right = [name for name, verdict in context.verdicts.items() if verdict is Verdict.RIGHT]
    earliest = min((first[name] for name in right if name in first), default=1 << 60)
    return bool(wrong) and all(first.get(name, 0) > earliest for name in wrong)


def _below_right(context: Context, wrong: list[str]) -> bool:
    """Whether tensors nearer to the output are right."""
    return any(
        verdict is Verdict.RIGHT for name, verdict in context.verdicts.items() if name not in wrong
    )


def _suspicion(context: Context, name: str, bug: Bug, members: list[str], found: Search) -> Finding:
    cosines = [context.cosine(item) for item in members]
    right = [item for item, verdict in context.verdicts.items() if verdict is Verdict.RIGHT]
    beside = f"; right: {', '.join(right)}" if right else ""
    tried = f"; {found.tried} small edits were tried, none mends it" if found.tried else ""
    return Finding(
        problem=name,
        severity=Severity.ERROR,
        message=f"{', '.join(members)}: {bug.sentence} (cosine {min(cosines):+.3f}{beside}){tried}",
        evidence=tuple(Evidence("cosine", value, 1.0) for value in cosines),
        tensor=", ".join(members),
        file=context.source.name,
        line=context.update_line(members[0]) or nearest_update(context),
    )


def nearest_update(context: Context) -> int | None:
    """Line of the last statement that updates a parameter."""
    lines = [context.update_line(name) for name in context.verdicts]
    return max((line for line in lines if line is not None), default=None)


def other_loops(measurement: Measurement, source: Source) -> tuple[str, ...]:
    """Other calls of the function that the loop stands in: they are not checked."""
    loop = measurement.watched.loop
    functions = [scope for scope in loop.scopes if not isinstance(scope, ast.ClassDef)]
    if not functions:
        return ()
    name = functions[-1].name
    lines = [
        node.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
    ]
    return tuple(source.place(line) for line in sorted(lines)[1:])


__all__ = [
    "Context",
    "findings",
    "nearest_update",
    "other_loops",
    "target",
]
