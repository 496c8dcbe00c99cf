"""Derivatives through a graph, against central differences of the same code run untraced."""

import ast
import math

import numpy as np
import pytest

from nndiag.program.graph.adjoints import adjoints_from, descendants
from nndiag.program.graph.tracer import Tracer
from nndiag.program.text.instrument import number_nodes
from nndiag.program.text.tracing import TRACE, TracingTransformer

STEP = 1e-6
TOLERANCE = 1e-6  # central differences of smooth functions of size 1: h² + ε/h ≈ 1e-10


def run(text, variables, tracer=None):
    """Runs statements; the number they leave in `loss`."""
    tree = ast.parse(text)
    number_nodes(tree)
    space = {"np": np, "math": math, "__nnd_tick__": lambda: None, **variables}
    if tracer is not None:
        tree = ast.fix_missing_locations(TracingTransformer().visit(tree))
        space[TRACE] = tracer
    exec(compile(tree, "<test>", "exec"), space)
    return space["loss"]


def numbers():
    """A matrix, another one, a vector, and a single number."""
    random = np.random.default_rng(3)
    return {
        "W": random.normal(size=(4, 3)),
        "V": random.normal(size=(3, 2)),
        "b": random.normal(size=3),
        "s": float(random.normal()),
    }


def by_tape(text, variables):
    """Name → derivative of `loss`, through the graph."""
    tracer = Tracer()
    graph = tracer.begin(lambda item: getattr(item, "__module__", "") == "__main__")
    variables = {
        name: value.copy() if isinstance(value, np.ndarray) else float(np.float64(value))
        for name, value in variables.items()
    }
    heads = {name: tracer.leaf(value, name) for name, value in variables.items()}
    loss = run(text, variables, tracer)
    node = tracer.memory.known(loss)
    tracer.end()
    within = descendants(graph, heads.values())
    found = adjoints_from(graph, {node: np.ones(np.shape(loss))}, within=within)
    assert not found.unknown
    zero = {name: np.zeros(np.shape(value)) for name, value in variables.items()}
    return {name: found.values.get(head, zero[name]) for name, head in heads.items()}


def by_differences(text, variables, name):
    """The derivative by one variable, entry by entry."""
    start = np.array(variables[name], dtype=float)
    found = np.empty(start.size)
    for entry in range(start.size):
        ends = []
        for sign in (1, -1):
            moved = start.copy().reshape(-1)
            moved[entry] += sign * STEP
            given = moved.reshape(start.shape)
            copies = {k: np.copy(v) if np.ndim(v) else v for k, v in variables.items()}
            copies[name] = given if start.ndim else float(given)
            ends.append(float(np.sum(run(text, copies))))
        found[entry] = (ends[0] - ends[1]) / (2 * STEP)
    return found.reshape(start.shape)


PROGRAMS = {
    "a product and an activation": "loss = np.sum(np.tanh(W @ V) ** 2)",
    "a bias that is broadcast": "loss = np.mean((W + b) * W)",
    "dot as a method": "loss = W.dot(V).sum()",
    "a quotient": "loss = np.sum(W / (2 + np.sin(b)))",
    "a softmax": "e = np.exp(W - W.max(axis=1, keepdims=True))\n"
    "p = e / e.sum(axis=1, keepdims=True)\nloss = -np.log(p[:, 0]).mean()",
    "rows picked by number": "loss = np.sum(W[[0, 2, 2]] ** 3)",
    "a slice written in place": "H = np.zeros((4, 3))\nH[1:3] = W[1:3] * b\nloss = np.sum(H ** 2)",
    "a row added to in place": "H = W * 1.0\nH[0] += b * b\nloss = np.sum(np.sin(H))",
    "a sum in place": "H = W * s\nH += b\nH *= H\nloss = H.sum()",
    "a view that is written through": "H = W * 1.0\nrow = H[2]\nrow[:] = b ** 2\n"
    "loss = np.sum(H * W)",
    "a transposed view": "H = W * 1.0\nT = H.T\nT[0] = T[1] * 3\nloss = np.sum(H ** 2)",
    "an array into which a function writes": "H = np.empty((4, 3))\nnp.multiply(W, W, out=H)\n"
    "loss = np.sum(H * b)",
    "stacked and split": "A = np.concatenate([W, W * b], axis=0)\n"
    "B, C = np.split(A, 2)\nloss = np.sum(B * C)",
    "padded": "loss = np.sum(np.pad(W, ((1, 0), (0, 2))) ** 2)",
    "einsum": "loss = np.einsum('ij,jk->', W, V) ** 2",
    "an outer product": "loss = np.sum(np.outer(b, b) * np.outer(b, np.ones(3)))",
    "rows of an array in a loop": "loss = 0.0\nfor row in W:\n    loss = loss + np.tanh(row @ b)",
    "numbers of a list": "h = [w * s for w in b]\nloss = sum(x * x for x in h)",
    "Python's own sum, along the first axis": "loss = np.sum(sum(np.exp(W)) ** 2)",
    "the functions of math": "loss = math.exp(s) * math.tanh(s) + math.sqrt(s * s + 1)",
    "a rectifier by a mask": "Z = W @ V\nloss = np.sum(Z * (Z > 0))",
    "a rectifier by maximum": "loss = np.sum(np.maximum(0, W @ V) ** 2)",
    "a leak by where": "Z = W * b\nloss = np.sum(np.where(Z > 0, Z, 0.1 * Z))",
    "standard deviations": "loss = np.sum(W.std(axis=0) + W.var(axis=1).mean())",
    "a norm, which has no formula here": "loss = np.linalg.norm(W) * np.linalg.det(W.T @ W)",
    "a function of the program's own": "def f(x, k=2):\n    return x ** k\n"
    "loss = f(W).sum() + f(s, 3)",
    "arrays through dictionaries and objects": "class Box:\n    pass\nbox = Box()\n"
    "box.held = {'w': W}\nbox.held['w'] = box.held['w'] * b\nloss = (box.held['w'] ** 2).sum()",
    "a packed vector": "v = np.concatenate([W.ravel(), b])\n"
    "M = v[:12].reshape(4, 3)\nloss = np.sum(np.tanh(M * v[12:]))",
    "add.at": "H = np.zeros(5)\nnp.add.at(H, [0, 2, 2], b)\nloss = np.sum(H ** 2)",
    "a cumulated sum": "loss = np.sum(np.cumsum(b) ** 2)",
    "clipped": "loss = np.sum(np.clip(W, -0.5, 0.5) ** 2)",
    "a power that is a variable": "loss = np.sum((2 + np.cos(b)) ** s)",
    "a matrix that is multiplied by a star": "M = np.asmatrix(W) * np.asmatrix(V)\n"
    "loss = np.sum(np.multiply(M, M))",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_agree_with_differences(text):
    variables = numbers()
    tape = by_tape(text, variables)
    for name in variables:
        wanted = by_differences(text, variables, name)
        assert np.allclose(tape[name], wanted, rtol=TOLERANCE, atol=TOLERANCE), name


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_traced_code_computes_what_the_code_does(text):
    variables = numbers()
    plain = run(text, {name: np.copy(v) if np.ndim(v) else v for name, v in variables.items()})
    tracer = Tracer()
    tracer.begin(lambda _: False)
    traced = run(text, variables, tracer)
    assert np.array_equal(plain, traced)


def test_an_unknown_large_function_gives_no_derivative():
    tracer = Tracer()
    graph = tracer.begin(lambda _: False)
    W = np.random.default_rng(0).normal(size=(80, 80))
    head = tracer.leaf(W, "W")
    loss = run("loss = np.linalg.det(W / 9)", {"W": W}, tracer)
    node = tracer.memory.known(loss)
    found = adjoints_from(graph, {node: np.ones(())}, within=descendants(graph, [head]))
    assert found.unknown
    assert head not in found


def shuffle(*items):
    """As sklearn's of this name: gives copies in another order, and changes nothing."""
    return [item[::-1] for item in items]


def test_a_function_that_is_named_like_one_of_numpy_gives_what_it_returns():
    variables = {**numbers(), "shuffle": shuffle}
    text = "A, B = shuffle(W, W * 2)\nloss = np.sum(A[:1] * B[:1])"
    tracer = Tracer()
    tracer.begin(lambda _: False)
    assert run(text, variables, tracer) == run(text, variables)
