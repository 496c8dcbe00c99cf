"""What an optimizer's memory ought to be, written with the program's own names.

The recurrence that is due is `m = β m + (1 − β) g`, with g² in an average of squares, divided by
`1 − βᵗ`. What stands there is varied until it has that form; the whole check tells which one it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits
from nndiag.program.roles.optimizers import State
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_SIZES = frozenset({"abs", "absolute", "fabs"})
_SHARES = (ast.Name, ast.Constant)
_EMPTY = (
    "np.zeros_like({0})",
    "[np.zeros_like(item) for item in {0}]",
    "{{key: np.zeros_like(item) for key, item in {0}.items()}}",
)


def kept_and_added(facts: Facts, node_id: int) -> Edits:
    """An assignment of a moment turned into an average of what it held and what comes."""
    statement = facts.lines.statement(node_id)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return []
    target, value = ast.unparse(statement.targets[0]), ast.unparse(statement.value)
    shares = dict.fromkeys(ast.unparse(item) for item in _complements(statement.value))
    shares |= dict.fromkeys(_kept_elsewhere(facts.lines.tree))
    texts = [f"{target} = {share} * {target} + {value}" for share in shares]
    return [(Change(node_id_of(statement), text),) for text in [*texts, f"{target} += {value}"]]


def _kept_elsewhere(tree: ast.AST) -> Iterator[str]:
    """The shares that other averages keep: the `β` of each `m = β * m + …`."""
    for node in _walk(tree, ast.Assign):
        target = ast.unparse(node.targets[0])
        for product in _walk(node.value, ast.BinOp):
            sides = (product.left, product.right)
            if isinstance(product.op, ast.Mult) and target in map(ast.unparse, sides):
                others = [side for side in sides if ast.unparse(side) != target]
                yield from (ast.unparse(side) for side in others if isinstance(side, _SHARES))


def squared(facts: Facts, node_id: int) -> Edits:
    """What comes, squared: in the place of its size, or of itself."""
    value = _value(facts, node_id)
    sizes = [call for call in _walk(value, ast.Call) if _name(call) in _SIZES and call.args]
    found: Edits = [(Change(node_id_of(call), f"{_b(call.args[0])} ** 2"),) for call in sizes]
    shares = {ast.unparse(item) for item in (_complements(value) if value else ())}
    statement = facts.lines.statement(node_id)
    held = _targets(statement) | shares
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        found.append((Change(node_id_of(statement.value), f"{_b(statement.value)} ** 2"),))
    for product in _walk(value, ast.BinOp):
        if isinstance(product.op, ast.Mult):
            sides = [s for s in (product.right, product.left) if ast.unparse(s) not in held]
            found += [(Change(node_id_of(s), f"{_b(s)} ** 2"),) for s in sides if _may_come(s)]
    return found


def _targets(statement: ast.AST | None) -> set[str]:
    """What a statement assigns to."""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    known = [target for target in targets if target is not None]
    held = [target.value for target in known if isinstance(target, ast.Subscript)]
    return {ast.unparse(target) for target in [*known, *held]}


def rooted(facts: Facts, node_id: int) -> Edits:
    """The divisor, or the one part of it that is no number, under a root."""
    parts = [
        part
        for quotient in _walk(_value(facts, node_id), ast.BinOp)
        if isinstance(quotient.op, ast.Div)
        for part in ast.walk(quotient.right)
        if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp))
        and node_id_of(part) >= 0
    ]
    parts.sort(key=lambda part: isinstance(part, ast.BinOp))
    return [(Change(node_id_of(part), f"np.sqrt({ast.unparse(part)})"),) for part in parts]


def complemented(facts: Facts, node_id: int) -> Edits:
    """Shares that add up to 1: either is what the other leaves."""
    value = _value(facts, node_id)
    factors = [
        side
        for product in _walk(value, ast.BinOp)
        if isinstance(product.op, ast.Mult)
        for side in (product.left, product.right)
        if not _may_come(side) or isinstance(side, ast.Name)
    ]
    return [
        (Change(node_id_of(one), _complement(other)),)
        for other in factors
        for one in reversed(factors)
        if one is not other
    ]


def _complement(share: ast.expr) -> str:
    """What a share leaves of 1."""
    own = next(iter(_complements(share)), None) if isinstance(share, ast.BinOp) else None
    return f"(1 - {_b(share)})" if own is None else ast.unparse(own)


def corrected(facts: Facts, node_id: int) -> Edits:
    """A correction for the start with the β of another average."""
    loop = facts.found.watched.loop.node
    bases = [ast.unparse(power.left) for power in _powers(loop)]
    bases += [ast.unparse(share) for share in _complements(loop)]
    bases += _kept_elsewhere(facts.lines.tree)
    powers = list(_powers(_value(facts, node_id)))
    return [(Change(node_id_of(p.left), base),) for base in dict.fromkeys(bases) for p in powers]


def counted(facts: Facts, node_id: int) -> Edits:
    """A correction for the start with the number of the step."""
    value, loop = _value(facts, node_id), facts.found.watched.loop.node
    counts = dict.fromkeys(ast.unparse(power.right) for power in _powers(loop))
    if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name):
        counts |= dict.fromkeys([loop.target.id, f"({loop.target.id} + 1)"])
    statement = facts.lines.statement(node_id)
    found: Edits = list(_stepped(facts, value))
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        text = f"{ast.unparse(statement.targets[0])} += 1"
        found.append((Change(node_id_of(statement), text),))
    for power in _powers(value):
        found += [(Change(node_id_of(power.right), count),) for count in counts]
    for share in _complements(value) if value is not None else ():
        text = ast.unparse(share)
        found += [(Change(node_id_of(share), f"{text} ** {count}"),) for count in counts]
    return found


def _stepped(facts: Facts, value: ast.AST | None) -> Iterator[tuple[Change, ...]]:
    """A count that nothing counts on: at the head of the loop, or function, that reads it, or end.

    One that starts at zero is counted first.
    """
    loop, powers = facts.found.watched.loop.node, list(_powers(value))
    assigned = [
        (ast.unparse(target), node)
        for node in ast.walk(facts.lines.tree)
        if isinstance(node, (ast.Assign, ast.AugAssign))
        for whole in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for target in (whole.elts if isinstance(whole, ast.Tuple) else [whole])
    ]
    for name in dict.fromkeys(ast.unparse(power.right) for power in powers):
        given = [node for target, node in assigned if target == name]
        if len(given) != 1 or given[0] in set(ast.walk(loop)):
            continue
        power = next(item for item in powers if ast.unparse(item.right) == name)
        own = facts.lines.function(node_id_of(power))
        block = getattr(loop if own is None or loop in set(ast.walk(own)) else own, "body", None)
        if not isinstance(block, list):
            continue
        first = Change(node_id_of(block[0]), f"{name} += 1", "before")
        last = Change(node_id_of(block[-1]), f"{name} += 1", "after")
        zero = isinstance(given[0].value, ast.Constant) and given[0].value.value == 0
        yield from ([(first,), (last,)] if zero else [(last,), (first,)])


def _powers(tree: ast.AST | None) -> Iterator[ast.BinOp]:
    """The powers with an exponent that may change."""
    for item in _walk(tree, ast.BinOp):
        if isinstance(item.op, ast.Pow) and not isinstance(item.right, ast.Constant):
            yield item


def parted(facts: Facts, node_id: int) -> Edits:
    """A second name given memory of its own."""
    value = _value(facts, node_id)
    if not isinstance(value, ast.expr):
        return []
    texts = [form.format(ast.unparse(value)) for form in _EMPTY]
    return [(Change(node_id_of(value), text),) for text in texts]


def emptied(facts: Facts, states: Sequence[State]) -> Edits:
    """All sums of gradients set back to zero: behind the update, or at the head of the loop."""
    beside = [_emptied_beside(facts, state) for state in states]
    known = tuple(dict.fromkeys(change for change in beside if change is not None))
    if None not in beside:
        return [known]
    body = getattr(facts.found.watched.loop.node, "body", [])
    if not body or any(len(state.leaves) > 1 for state in states):
        return []
    forms = ("{0} = np.zeros_like({0})", "{0} = 0.0")
    first, names = node_id_of(body[0]), [state.name for state in states]
    return [tuple(Change(first, form.format(n), "before") for n in names) for form in forms]


def _emptied_beside(facts: Facts, state: State) -> Change | None:
    """A sum set to zero behind the update of the number beside it: `p.grad = 0.0`."""
    tensor = next(x.tensor for x in facts.readings[0].parameters if x.name == state.parameter)
    own, leaf = state.leaves[0], tensor.leaves[0]
    update = facts.lines.statement(facts.update(state.parameter))
    targets = getattr(update, "targets", [getattr(update, "target", None)])
    if update is None or not isinstance(targets[0], ast.Attribute):
        return None
    if (own.root, own.steps[:-1]) != (leaf.root, leaf.steps[:-1]) or own.steps[-1][0] != "attr":
        return None
    text = f"{ast.unparse(targets[0].value)}.{own.steps[-1][1]} = 0.0"
    return Change(node_id_of(update), text, "after")


def _value(facts: Facts, node_id: int) -> ast.AST | None:
    """What the statement of an expression computes."""
    statement = facts.lines.statement(node_id)
    return getattr(statement, "value", None) or statement


def _walk(tree: ast.AST | None, kind: type) -> Iterator:  # type: ignore[type-arg]
    return (item for item in ast.walk(tree) if isinstance(item, kind)) if tree else iter(())


def _complements(tree: ast.AST) -> Iterator[ast.expr]:
    """The β of each `1 - β`."""
    for item in _walk(tree, ast.BinOp):
        one = isinstance(item.left, ast.Constant) and item.left.value == 1
        if one and isinstance(item.op, ast.Sub) and isinstance(item.right, _SHARES):
            yield item.right


def _may_come(side: ast.expr) -> bool:
    """Whether a factor may be what comes, and is no share."""
    return not isinstance(side, (ast.Constant, ast.BinOp))


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _b(part: ast.expr) -> str:
    text = ast.unparse(part)
    simple = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant)
    return text if isinstance(part, simple) else f"({text})"
