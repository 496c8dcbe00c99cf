"""Of the variations of an expression one comes to what is due."""

import ast

import numpy as np
import pytest

from nndiag.program.location.candidates import Variations
from nndiag.program.location.scene import Scene

RNG = np.random.default_rng(0)
HELD = {
    "x": RNG.normal(size=(6, 3)),
    "z": RNG.normal(size=(6, 4)),
    "a": RNG.uniform(0.1, 0.9, size=(6, 4)),
    "d": RNG.normal(size=(6, 2)),
    "W": RNG.normal(size=(4, 2)),
    "e": RNG.normal(size=(6, 4)),
    "p": np.full((6, 4), 0.25) + RNG.uniform(-0.1, 0.1, size=(6, 4)),
    "m": 6,
}


@pytest.mark.parametrize(
    ("written", "due"),
    [
        ("d @ W.T", "d @ W.T * (1 - a ** 2)"),  # no derivative
        ("(d @ W.T) * (1 - a)", "(d @ W.T) * (a * (1 - a))"),
        ("(d @ W.T) * (z > 0)", "(d @ W.T) * np.where(z > 0, 1, 0.01)"),
        ("(d @ W.T) * a * (1 - a)", "d @ W.T"),  # one too many
        ("z.T @ d", "a.T @ d"),  # another operand
        ("d.T @ a", "a.T @ d"),  # turned
        ("d.sum(axis=1)", "d.sum(axis=0)"),
        ("d.mean(axis=0)", "d.sum(axis=0)"),
        ("np.sum(d, axis=1, keepdims=True) * (z > 0)", "(d @ W.T) * (z > 0)"),  # no weights
        ("e * (p * (1 - p))", "p * (e - np.sum(e * p, axis=1, keepdims=True))"),
        ("e / m", "(e - e.mean(axis=0) - a * (e * a).mean(axis=0)) / m"),  # of a standardisation
        ("np.concatenate([d, z], axis=1)", "np.concatenate([z, d], axis=1)"),
    ],
)
def test_one_variation_is_what_is_due(written, due):
    scene = Scene(HELD, {"np": np}, dict(HELD))
    wanted = scene.value(due)
    place = ast.parse(written, mode="eval").body
    found = (scene.value(text) for text in Variations(place, scene, wanted))
    assert any(
        np.shape(value) == wanted.shape and np.allclose(value, wanted, rtol=1e-12)
        for value in found
        if value is not None
    )


def test_variations_are_not_the_expression_itself():
    scene = Scene(HELD, {"np": np}, dict(HELD))
    place = ast.parse("z.T @ d", mode="eval").body
    assert "z.T @ d" not in list(Variations(place, scene, HELD["W"]))
