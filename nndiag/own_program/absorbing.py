"""Statements behind a training that undo the scaling of data and network.

With x = (X − mean) / std: x W + b = X (W / std) + (b − mean / std · W), and likewise behind a
linear last layer. What the program predicts and prints afterwards is then in its own units.
"""

import ast

from nndiag.own_program.mirror import Told
from nndiag.own_program.places import Places, last_name


def absorbed(told: Told, places: Places, place: int, *, names: tuple[str, str]) -> list[str] | None:
    """The statements; None where a layer has no biases, or cannot be named behind the loop.

    Args:
        told: What was watched.
        places: The program.
        place: 0 for inputs that the first layer takes, 1 for targets of the last one.
        names: Of the variables with the mean and the standard deviation.
    """
    links = told["links"]
    if not links:
        return None
    link = links[-1] if place == 1 else links[0]
    weights, biases = link["weights"], link["biases"]
    if biases is None or len(shapes(told)[weights]) != 2 or len(shapes(told)[biases]) == 0:
        return None
    if not all(_is_in_reach(places, name) for name in (weights, biases)):
        return None
    mean, std = names
    column, row = ("(1, -1)", "(-1, 1)") if link["turned"] else ("(-1, 1)", "(1, -1)")
    like = f"np.shape({biases})"
    if place == 1:
        if (told["output"] or {}).get("activation") != "linear":
            return None
        return [
            f"{weights} = {weights} * np.reshape({std}, {column})",
            f"{biases} = {biases} * np.reshape({std}, {like}) + np.reshape({mean}, {like})",
        ]
    matrix = weights if link["turned"] else f"{weights}.T"
    shift = f"np.reshape({mean} / {std}, (1, -1)) @ {matrix}"
    return [
        f"{biases} = {biases} - np.reshape({shift}, {like})",
        f"{weights} = {weights} / np.reshape({std}, {row})",
    ]


def shapes(told: Told) -> dict[str, tuple[int, ...]]:
    """The shapes of the parameters by name."""
    return {name: tuple(shape) for name, shape, _ in told["tensors"]}


def _is_in_reach(places: Places, name: str) -> bool:
    """Whether a parameter can be set behind the loop, by its name."""
    node = ast.parse(name, mode="eval").body
    if isinstance(node, ast.Name):
        body = places.function() or places.tree
        return any(
            isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store) and x.id == node.id
            for x in ast.walk(body)
        )
    functions = {x.name for x in ast.walk(places.tree) if isinstance(x, ast.FunctionDef)}
    if isinstance(node, ast.Attribute) and last_name(node.value) in functions:
        return False
    is_slice = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
    return isinstance(node, ast.Attribute | ast.Subscript) and not is_slice
