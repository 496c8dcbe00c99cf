"""What holds for every detector on every valid trace."""

import copy
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndiag.detectors import DETECTORS
from nndiag.diagnosis import diagnose
from nndiag.finding import Outcome, Skipped
from nndiag.trace import SERIES, Ending, Facts, LayerFacts, Series, Trace
from tests.scaling import scaled, verdict
from tests.searching import examples

RANGES = {
    "tanh": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "linear": (-np.inf, np.inf),
    "softmax": (0.0, 1.0),
}
LOSSES = ("mean_squared_error", "binary_cross_entropy", "softmax_cross_entropy")
ANY = st.floats(width=64)
SIZES = st.floats(1e-6, 1e6)


def arrays(elements, *shape):
    size = int(np.prod(shape))
    return st.lists(elements, min_size=size, max_size=size).map(
        lambda values: np.array(values, dtype=np.float64).reshape(shape)
    )


@st.composite
def traces(draw, *, values=ANY):
    """Traces with any losses, some series, some facts and maybe an ending."""
    count = draw(st.integers(1, 3))
    names = tuple(f"layer{number}" for number in range(1, count + 1))
    length = draw(st.one_of(st.integers(0, 12), st.integers(64, 80)))
    start = draw(st.integers(0, 5))
    some = draw(st.lists(st.sampled_from(sorted(SERIES)), unique=True).map(sorted))
    recorded = {}
    for name in some:
        if name == "loss":
            continue
        points = draw(st.integers(0, min(length, 5)))
        where = np.arange(start, start + points)
        shape = (points, count) if SERIES[name].per_layer else (points,)
        recorded[name] = Series(where, draw(arrays(values, *shape)))
    return Trace(
        np.arange(start, start + length),
        draw(arrays(values, length)),
        recorded,
        layers=names,
        facts=draw(facts(names=names, values=values)),
        ending=draw(st.none() | endings(values=values)),
    )


@st.composite
def facts(draw, *, names, values):
    """Some of the facts, of plausible shapes."""
    examples = draw(st.integers(1, 30))
    layers = tuple(
        LayerFacts(name, draw(st.integers(1, 3)), kind, *RANGES[kind], bias=draw(st.booleans()))
        for name, kind in ((name, draw(st.sampled_from(sorted(RANGES)))) for name in names)
    )
    return Facts(
        inputs=draw(st.none() | arrays(values, examples, 2)),
        targets=draw(st.none() | arrays(values, examples, 1)),
        layers=layers if draw(st.booleans()) else (),
        initial_weights=tuple(draw(arrays(values, 2, 2)) for _ in draw(st.just(names))),
        loss=draw(st.none() | st.sampled_from(LOSSES)),
        reduction=draw(st.none() | st.sampled_from(["mean", "sum", "half_sum"])),
        optimizer=draw(st.none() | st.sampled_from(["sgd", "adam"])),
        baseline_loss=draw(st.none() | SIZES),
        learning_rate=draw(st.none() | SIZES),
        stability_limit=draw(st.none() | SIZES),
        noise_limit=draw(st.none() | SIZES),
        initial_sharpness=draw(st.none() | SIZES),
        batch_size=draw(st.none() | st.integers(1, 40)),
    )


@st.composite
def endings(draw, *, values):
    """An ending with any loss."""
    return Ending(
        reason=draw(st.sampled_from(["finished", "non-finite", "converged", "interrupted"])),
        loss=draw(values),
        predictions=draw(st.none() | arrays(values, 5, 1)),
        newton_decrement=draw(st.none() | SIZES),
        smallest_eigenvalue=draw(st.none() | values),
        largest_eigenvalue=draw(st.none() | values),
        reference_loss=draw(st.none() | SIZES),
        reference_loss_from_end=draw(st.none() | SIZES),
    )


def numbers_of(value):
    """All arrays in a trace, in a fixed order."""
    if isinstance(value, np.ndarray):
        return [value]
    if dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    elif isinstance(value, dict):
        value = [value[key] for key in sorted(value)]
    elif not isinstance(value, list | tuple):
        return []
    return [array for item in value for array in numbers_of(item)]


@examples(60)
@given(trace=traces())
def test_every_detector_judges_every_trace_and_leaves_it_alone(trace):
    before = copy.deepcopy(numbers_of(trace))
    for problem in DETECTORS.names():
        result = DETECTORS.get(problem)(trace)
        if isinstance(result, Skipped):
            assert result.reason
        else:
            assert all(finding.problem == problem for finding in result)
    diagnosis = diagnose(trace)
    assert diagnosis.outcome in Outcome
    assert all(np.isfinite(number) for number in diagnosis.numbers.values())
    for was, now in zip(before, numbers_of(trace), strict=True):
        np.testing.assert_array_equal(was, now)


# A power of two scales without rounding, so that not even a tie may tip over.
@examples(60)
@given(
    trace=traces(values=st.floats(1e-6, 1e6) | st.just(np.nan) | st.just(np.inf)),
    power=st.integers(-40, 40).filter(bool),
)
def test_the_scale_of_the_loss_changes_no_verdict(trace, power):
    assert verdict(scaled(trace, 2.0**power)) == verdict(trace)


@pytest.mark.parametrize("factor", [1e-9, 0.37, 200.0, 1e9])
@pytest.mark.parametrize(
    "shape", ["learned", "stuck", "falling", "exploded_and_stuck", "recovered"]
)
def test_any_scale_of_a_real_loss_curve_changes_no_verdict(shape, factor, curves, make_trace):
    trace = make_trace(curves[shape], facts={"learning_rate": 0.5, "stability_limit": 0.2})
    assert verdict(scaled(trace, factor)) == verdict(trace)
