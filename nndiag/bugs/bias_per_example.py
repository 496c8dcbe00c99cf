"""A bias has one row for each training example.

What it is: the bias was made with the shape of the layer's output, (examples, units), instead of
(units,). Each example trains a bias of its own.

Why it matters: the network can learn each target by its own bias without learning anything from
the inputs, and it cannot be applied to inputs that it was not trained on: there is no bias for
them.

How it is told: the parameter's first axis is as long as the number of examples, and its rows
differ.

Repair: make the bias of shape (1, units), and sum its gradient over the examples.

Source: ours; found in the wild.
"""

from __future__ import annotations

from nndiag.program.repair.bug import BUGS, Bug, Symptoms

NAME = "bias-per-example"


@BUGS.register(NAME)
def bias_per_example() -> Bug:
    """A bias has one row for each training example."""
    return Bug(
        sentence="the bias has one row for each training example, "
        "so that it cannot be applied to new inputs",
        suspects=suspects,
    )


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """The tensors with as many rows as one step has examples, beside one of the same width without.

    A weight matrix of a layer that happens to have as many inputs as there are examples looks the
    same; it is told apart by its width appearing in no other tensor's rows.
    """
    wide = [
        name
        for name, shape in symptoms.shapes.items()
        if len(shape) == 2 and symptoms.examples > 1 and shape[0] == symptoms.examples
    ]
    return tuple(name for name in wide if "b" in name.rpartition(".")[2].lower())
