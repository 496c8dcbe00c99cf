"""What theory says before the first step, against closed forms."""

import numpy as np
import pytest

from nndiag.experiment.building import build
from nndiag.experiment.loading import experiment_of
from nndiag.nn.network import examples, loss_and_gradient
from nndiag.report.stability import course_view, stability_view
from nndiag.trace.stability_course import StabilityCourse, StabilityTrend
from nndiag.training.facts import facts_of
from nndiag.training.schedule import batches_of
from nndiag.training.stability import rule_of, stability_of, step_sharpness

X = np.linspace(-3.0, 5.0, 20)


def line(**sections):
    """One weight, no bias, on 20 points: the loss's only curvature is 2·mean(x²)."""
    config = {
        "dataset": {"name": "linear_doubling", "samples": 20, "low": -3.0, "high": 5.0},
        "network": {"layers": [{"units": 1, "bias": False, "weights": [[0.1]]}]},
        "optimizer": {"name": "sgd", "learning_rate": 0.5},
        **sections,
    }
    return build(experiment_of(config))


def sine(**sections):
    """A tanh network whose rate is far above its stability limit."""
    config = {
        "dataset": {"name": "sine", "samples": 30},
        "network": {"layers": [{"units": 10, "activation": "tanh"}, {"units": 1}]},
        "optimizer": {"name": "sgd", "learning_rate": 5.0},
        **sections,
    }
    return build(experiment_of(config))


def test_the_limit_of_a_quadratic():
    stability = stability_of(line())
    assert stability.sharpness == pytest.approx(2 * np.mean(X**2))
    assert stability.stability_limit == pytest.approx(1 / np.mean(X**2))
    assert stability.ratio == pytest.approx(0.5 * np.mean(X**2))


def test_what_would_lower_the_curvature_is_computed():
    summed = {"name": "mean_squared_error", "reduction": "sum"}
    stability = stability_of(line(loss=summed))
    factors = {change.name: change.factor for change in stability.changes}
    # The mean divides by the 20 examples; standardised inputs have mean square 1. The curvature
    # of a line does not depend on its weight, and it has no hidden units.
    assert factors == pytest.approx({"mean-loss": 20.0, "standardized-inputs": np.mean(X**2)})
    assert [change.name for change in stability.changes] == ["mean-loss", "standardized-inputs"]


@pytest.mark.parametrize("change", ["half-weights", "half-units"])
def test_smaller_weights_and_fewer_units_lower_it_as_a_smaller_network_has_it(change):
    built = sine(network={
        "layers": [{"units": 30, "activation": "tanh"}, {"units": 1}],
        "initializer": {"name": "normal", "std": 1.0},
    })  # fmt: skip
    stability = stability_of(built)
    told = next(x.factor for x in stability.changes if x.name == change)
    (first, bias), (last, last_bias) = built.shape.weights_and_biases(built.parameters)
    if change == "half-weights":
        first, last, factor = first / 2, last / 2, 1
    else:
        first, bias, last, factor = first[::2], bias[::2], last[:, ::2], 2
    rows = [{
        "units": 30 // factor, "activation": "tanh",
        "weights": first.T.tolist(), "biases": bias.tolist(),
    }, {"units": 1, "weights": last.T.tolist(), "biases": last_bias.tolist()}]  # fmt: skip
    smaller = stability_of(sine(network={"layers": rows}))
    assert told == pytest.approx(stability.sharpness / smaller.sharpness, rel=0.02)


def test_below_the_limit_nothing_has_to_be_changed():
    assert stability_of(sine(optimizer={"name": "sgd", "learning_rate": 1e-3})).changes == ()


def test_single_batches_have_limits_around_that_of_all():
    built = line(training={"steps": 10, "batch_size": 5})
    low, high = stability_of(built).batch_limits
    rows = next(batches_of(built).rows(np.random.default_rng([0, 2])))[:8]
    stability_limits = [1 / np.mean(X[chosen] ** 2) for chosen in rows]
    assert (low, high) == pytest.approx((min(stability_limits), max(stability_limits)))


def test_a_sum_over_a_batch_has_its_part_of_the_curvature():
    summed = {"name": "mean_squared_error", "reduction": "sum"}
    whole, part = (
        stability_of(line(loss=summed, training={"steps": 10, "batch_size": size})).sharpness
        for size in ("full", 5)
    )
    assert part == pytest.approx(whole / 4)


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_the_preconditioned_curvature_after_the_first_step(name):
    """Against the dense D^−½·H·D^−½, H by central differences of the gradient."""
    built = sine(optimizer={"name": name, "learning_rate": 0.01})
    data = examples(built.shape, *built.training)
    theta, step = built.parameters, 1e-5

    def gradient(point):
        return loss_and_gradient(built.shape, point, data)[1]

    columns = [
        (gradient(theta + step * unit) - gradient(theta - step * unit)) / (2 * step)
        for unit in np.eye(len(theta))
    ]
    square = gradient(theta) ** 2 * (1.0 if name == "adam" else 0.1)  # RMSprop: (1 − ρ)g²
    root = 1 / np.sqrt(np.sqrt(square) + built.optimizer.epsilon)
    expected = np.linalg.eigvalsh(root[:, None] * np.array(columns) * root)[-1]
    found = step_sharpness(
        built.shape, theta, data, optimizer=built.optimizer, batches=batches_of(built)
    )
    # Central differences are good to 1e-9, Lanczos' default tolerance is 1 %.
    assert found == pytest.approx(expected, rel=0.02)


RULES = [
    ({"name": "sgd"}, "2/λ_max"),
    ({"name": "sgd", "momentum": 0.9}, "2(1 + β)/λ_max"),
    ({"name": "sgd", "momentum": 0.9, "nesterov": True}, "2(1 + β)/((1 + 2β)·λ_max)"),
    ({"name": "rmsprop"}, "2/λ_max, preconditioned"),
    ({"name": "adam"}, "2(1 + β₁)/((1 − β₁)·λ_max), preconditioned"),
]


@pytest.mark.parametrize(("optimizer", "rule"), RULES)
def test_each_optimizer_has_its_rule(optimizer, rule):
    assert rule_of(line(optimizer=optimizer).optimizer) == rule


def test_the_facts_and_the_explanation_share_one_curvature():
    summed = {"name": "mean_squared_error", "reduction": "sum"}
    facts = facts_of(line(loss=summed, training={"steps": 10, "batch_size": 5}), explained=True)
    # A step sees 5 of the 20 examples, a quarter of the sum's curvature.
    assert facts.stability.sharpness == facts.initial_sharpness / 4
    assert facts.stability.stability_limit == facts.stability_limit
    assert stability_of(line(), whole=123.0).sharpness == 123.0


def test_is_told_in_two_lines():
    summed = {"name": "mean_squared_error", "reduction": "sum"}
    # mean(x²) = 1 + 64·(20+1)/(12·(20−1)) = 6.8947 for 20 even points around 1 with spread 8;
    # λ_max = 2·20·6.8947 = 275.79, the stability limit 2/λ_max = 0.0072519.
    assert stability_view(stability_of(line(loss=summed))).plain == (
        "before step 1 learning rate 0.5 is above the stability limit 0.00725 "
        "(2/λ_max, λ_max 276)\n"
        "the limit would be ×20 with loss.reduction=mean · ×6.9 with "
        "dataset.scale_inputs=standardize"
    )


def test_what_is_told_already_is_not_told_again():
    view = stability_view(stability_of(line(training={"steps": 10})), told=True)
    assert view.plain.startswith("before step 1 the stability limit is 2/λ_max with λ_max ")
    assert "learning rate" not in view.plain


def test_says_what_the_limit_means_with_batches_and_nothing_for_adaptive_optimizers():
    batches = stability_view(stability_of(line(training={"steps": 10, "batch_size": 5})))
    assert "batches of 5 have limits from" in batches.plain
    assert stability_view(stability_of(sine(optimizer={"name": "adam"}))) is None


def test_what_became_of_it_is_told_in_a_line():
    settled = StabilityCourse(StabilityTrend.SETTLED, 5000, 20.5, 1.025, 0.0976)
    assert course_view(settled).plain == (
        "by step 5,000 the run settled at the edge of stability: λ_max is 20.5, "
        "the stability limit 0.0976"
    )
    flatter = StabilityCourse(StabilityTrend.FLATTENED, 12, 10.0, 0.5, 0.2)
    assert course_view(flatter).plain.endswith(
        "found a flatter place: λ_max is 10, the stability limit 0.2"
    )
