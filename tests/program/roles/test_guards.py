"""A guard of the loss decides where outputs are saturated: what is compared there tells nothing."""

SATURATED = """\
import numpy as np
rng = np.random.default_rng(3)
pixels = rng.integers(0, 256, (30, 12)).astype(float)
wanted = np.eye(3)[rng.integers(0, 3, 30)]
W, b = rng.normal(size=(12, 8)), np.zeros(8)
V, c = rng.normal(size=(8, 3)), np.zeros(3)
for epoch in range(100):
    hidden = np.maximum(0, pixels @ W + b)
    scores = hidden @ V + c
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = {loss}
    back = (p - wanted) / len(pixels)
    before = back @ V.T * {derivative}
    V -= 0.1 * hidden.T @ back
    c -= 0.1 * back.sum(axis=0)
    W -= 0.1 * pixels.T @ before
    b -= 0.1 * before.sum(axis=0)
    print(loss)
"""
ADDED = "-np.mean(np.sum(wanted * np.log(p + 1e-9), axis=1))"
CLIPPED = "-np.mean(np.sum(wanted * np.log(np.clip(p, 1e-9, 1)), axis=1))"


def test_a_saturated_classifier_has_a_right_gradient(check):
    assert check(SATURATED.format(loss=ADDED, derivative="(hidden > 0)")).correct


def test_its_bug_is_found_where_the_outputs_are_not_saturated(check):
    found = check(SATURATED.format(loss=CLIPPED, derivative="(hidden > 0) * 2 * hidden"))
    assert not found.correct
    assert {name for item in found.findings for name in item.tensor.split(", ")} == {"W", "b"}
