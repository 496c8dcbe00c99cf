"""Which tensors a container holds, and which of them make a layer."""

from typing import Any

import numpy as np
import pytest

from nndiag.errors import UserCodeError
from nndiag.pytree import as_array, layers_of, tensor_at, tensors_of

A = np.zeros


def grouped(value: Any) -> dict[str, list[str]]:
    layers = layers_of(tensors_of(value, what="gradients"))
    return {name: [tensor.name for tensor in tensors] for name, tensors in layers.items()}


W, V, B, C = A((2, 3)), A((3, 1)), A(3), A(1)


@pytest.mark.parametrize(
    ("container", "layers"),
    [
        ({"W1": W, "b1": B, "W2": V, "b2": C}, {"layer1": ["W1", "b1"], "layer2": ["W2", "b2"]}),
        (
            {"dW2": V, "db2": C, "dW1": W, "db1": B},
            {"layer1": ["dW1", "db1"], "layer2": ["dW2", "db2"]},
        ),
        ({"W10": W, "W9": V}, {"layer1": ["W9"], "layer2": ["W10"]}),
        ({"dL_dW1": W, "dLdb1": B}, {"layer1": ["dL_dW1", "dLdb1"]}),
        ({"hidden_weights": W, "hidden_bias": B}, {"hidden": ["hidden_weights", "hidden_bias"]}),
        ({"fc1.weight": W, "fc1.bias": B}, {"fc1": ["fc1.weight", "fc1.bias"]}),
        ({"wh": W, "bh": B, "wout": V, "bout": C}, {"h": ["wh", "bh"], "out": ["wout", "bout"]}),
        ({"Wxh": W, "bh": B, "Why": V, "by": C}, {"Wxh": ["Wxh", "bh"], "Why": ["Why", "by"]}),
        ({"decoder": W, "deep": V}, {"decoder": ["decoder"], "deep": ["deep"]}),
        ({"hidden": {"W": W, "b": B}}, {"hidden": ["hidden.W", "hidden.b"]}),
        (
            {"weights": [W, V], "biases": [B, C]},
            {"layer1": ["weights[0]", "biases[0]"], "layer2": ["weights[1]", "biases[1]"]},
        ),
        ([W, B, V, C], {"layer1": ["[0]", "[1]"], "layer2": ["[2]", "[3]"]}),
        ([W, V, B, C], {"layer1": ["[0]", "[2]"], "layer2": ["[1]", "[3]"]}),
        ([A((1, 9)), A((9, 1))], {"layer1": ["[0]"], "layer2": ["[1]"]}),
        ([(W, B), (V, C)], {"layer1": ["[0][0]", "[0][1]"], "layer2": ["[1][0]", "[1][1]"]}),
        ([{"W": W}, {"W": V, "b": None}], {"layer1": ["[0].W"], "layer2": ["[1].W"]}),
        ({"w": 0.5, "b": 0.1}, {"network": ["w", "b"]}),
        ([0.5, 0.1], {"network": ["value"]}),
        (W, {"network": ["value"]}),
        ([[[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0]], {"layer1": ["[0]", "[1]"]}),
    ],
)
def test_weights_and_biases_of_a_layer_belong_together(
    container: Any, layers: dict[str, list[str]]
) -> None:
    found = grouped(container)
    assert found == layers
    assert list(found) == list(layers)


def test_a_path_leads_back_to_its_tensor() -> None:
    container = {"a": [W, {"b": V}]}
    for tensor in tensors_of(container, what="parameters"):
        assert as_array(tensor_at(container, tensor.path)).shape == tensor.shape


def test_lists_of_numbers_are_one_tensor() -> None:
    (table,) = tensors_of({"W": [[1, 2, 3], [4, 5, 6]]}, what="parameters")
    assert table.shape == (2, 3)


@pytest.mark.parametrize("thing", ["text", object(), A(3, dtype=complex), A(2, dtype=object)])
def test_what_is_no_tensor_is_refused_by_its_name(thing: Any) -> None:
    with pytest.raises(UserCodeError, match=r"gradients hold .* layers\[1\]\.W"):
        tensors_of({"layers": [{"W": W}, {"W": thing}]}, what="gradients")


def test_a_container_inside_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append({"again": endless})
    with pytest.raises(UserCodeError, match="nested more than"):
        tensors_of(endless, what="parameters")
