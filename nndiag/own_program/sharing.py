"""One bias for all examples in the place of one for each: its start, and its gradient's sum."""

import ast
from collections.abc import Sequence

from nndiag.own_program.absorbing import shapes
from nndiag.own_program.mirror import Told
from nndiag.own_program.places import Places, Splice


def shared(
    places: Places, told: Told, names: Sequence[str]
) -> tuple[int, tuple[Splice, ...]] | None:
    """The first line, and the changes; None where a start or an update is not found.

    Args:
        places: Finds places in the program.
        told: What was watched of it.
        names: Parameters with a row, or a column, for each example.
    """
    splices, line = [], 0
    for name in names:
        start, steps = places.assigned(name), list(_steps(places, name))
        shape = shapes(told).get(name, ())
        if start is None or not steps or len(shape) != 2:
            return None
        axis = int(_examples(told, names) == shape[1])
        splices.append(places.wrapped(start, "({})[:, :1]" if axis else "({})[:1]"))
        template = f"np.sum({{}}, axis={axis}, keepdims=True)"
        splices += [places.replaced(x, template.format(places.text_of(x))) for x in steps]
        line = line or start.lineno
    return (line, tuple(splices)) if splices else None


def _examples(told: Told, names: Sequence[str]) -> int:
    """The number that all the parameters have in their shapes; the first of the largest."""
    known = [set(shapes(told).get(name, ())) for name in names]
    return max(set.intersection(*known), default=0)


def _steps(places: Places, name: str) -> list[ast.expr]:
    """What a parameter is changed by in the loop: `name -= step`, or `name = name - step`."""
    loop = places.outer_loop()
    return [x for node in (() if loop is None else ast.walk(loop)) for x in steps_of(node, name)]


def steps_of(node: ast.AST, name: str) -> list[ast.expr]:
    """By what one statement changes a parameter; nothing where it does not."""
    if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == name:
        return [node.value] if isinstance(node.op, ast.Add | ast.Sub) else []
    if not isinstance(node, ast.Assign) or ast.unparse(node.targets[0]) != name:
        return []
    value = node.value
    plain = isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub)
    return [value.right] if plain and ast.unparse(value.left) == name else []  # type: ignore[attr-defined]
