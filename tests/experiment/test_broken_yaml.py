"""Whatever stands in a config: it loads, or the problems are told. Never another exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndiag.errors import NndiagError
from nndiag.experiment import load_experiment, load_program, resolved_yaml
from nndiag.experiment.building import build
from tests.searching import examples

VALID = """\
name: full
seed: 3
dataset: {name: circles, samples: 12, factor: 0.3, validation: 0.25, scale_inputs: standardize}
network:
  layers:
    - {units: 3, activation: {name: leaky_relu, slope: 0.3}, bias: false}
    - &layer {units: 2, weights: [[1, 2], [0.1, 1e-7], [0, 1]], biases: [1, 2]}
    - {units: 1, activation: sigmoid}
  initializer: {name: normal, std: 0.1}
loss: binary_cross_entropy
optimizer: {name: rmsprop, learning_rate: 0.001, clip_norm: 1}
training: {epochs: 5, batch_size: 7}
diagnosis: {thresholds: {vanishing-gradients: {ratio: 1e-3}}, ignore: [dead-units]}
expect: {outcome: stalled, findings: [dead-units]}
"""
LINES = VALID.splitlines()
WORDS = [
    "", " ", "  ", "\t", "\n", "\r", ":", ": ", "- ", ",", "[", "]", "{", "}", "'", '"', "#", "&a ",
    "*layer", "*a", "!x ", "<<: ", "|", ">", "?", "%", "@", "~", "null", "true", "no", "0", "-1",
    "1e-3", "1e999", ".nan", ".inf", "x", "name", "units", "sine", "csv", "extends: config.yaml",
    "\ufeff", "\x00", "\x85", "\u2028", "é", "𝔘", "---\n", "...\n", "9" * 400, "[" * 60, "path: /",
]  # fmt: skip

ANY_FIXTURE = examples(200)


@pytest.fixture
def survives(write):
    """Loads and builds, or raises the problems."""

    def check(content, *overrides):
        path = write(content)
        try:
            load_program(path)
            experiment = load_experiment(path, overrides)
            assert load_experiment(write(resolved_yaml(experiment))).config == experiment.config
            build(experiment)
        except NndiagError as error:
            problems = error.problems
        else:
            return
        assert problems
        assert all(problem.location or "override" in problem.message for problem in problems)

    return check


def test_the_valid_config_is_valid(write):
    assert build(load_experiment(write(VALID))).shape.outputs == 1


@ANY_FIXTURE
@given(content=st.binary(max_size=200))
def test_survives_any_bytes(survives, content):
    survives(content)


@ANY_FIXTURE
@given(content=st.lists(st.sampled_from(WORDS), max_size=12).map("".join))
def test_survives_any_words(survives, content):
    survives(content)


@ANY_FIXTURE
@given(start=st.integers(0, len(VALID)), length=st.integers(0, 30), word=st.sampled_from(WORDS))
def test_survives_a_replaced_piece(survives, start, length, word):
    survives(VALID[:start] + word + VALID[start + length :])


@ANY_FIXTURE
@given(data=st.data())
def test_survives_moved_repeated_and_missing_lines(survives, data):
    order = data.draw(st.lists(st.sampled_from(range(len(LINES))), max_size=16))
    survives("\n".join(LINES[index] for index in order))


@ANY_FIXTURE
@given(
    path=st.lists(
        st.sampled_from(["dataset", "network", "layers", "0", "-1", "units", "name", "loss", "x"]),
        max_size=4,
    ),
    value=st.sampled_from([*WORDS, "{name: sine}", "[1]", "{a: {b: c}}"]),
)
def test_survives_any_override(survives, path, value):
    survives(VALID, ".".join(path) + "=" + value)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@ANY_FIXTURE
@given(
    line=st.sampled_from(range(len(LINES))),
    value=VALUES,
)
def test_survives_any_value_of_any_key(survives, line, value):
    key = LINES[line].partition(":")[0]
    changed = [*LINES[:line], f"{key}: {written(value)}", *LINES[line + 1 :]]
    survives("\n".join(changed))


def written(value):
    """Flow-style YAML of plain data."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {written(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(below) for below in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)
