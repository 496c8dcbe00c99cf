"""Each remedy: when it applies, and what exactly it changes."""

import numpy as np
import pytest

from nndiag.remedies import Case, changed, remedy_of

HIDDEN = {"units": 4, "activation": {"name": "tanh"}}
LINEAR = {"units": 1, "activation": {"name": "linear"}}


def layers(*sections):
    return {"network": {"layers": list(sections)}}


def output(activation):
    return layers(HIDDEN, {"units": 1, "activation": activation})


XOR = {"dataset": {"name": "logic_gate", "gate": "xor"}}
THREE = {
    "dataset": {"name": "blobs", "classes": 3, "encoding": "one_hot"},
    **layers(HIDDEN, {"units": 3, "activation": "sigmoid"}),
}


@pytest.mark.parametrize(
    ("name", "before", "changes"),
    [
        (
            "standardized-inputs",
            {"dataset": {"low": 0, "high": 15}},
            {"dataset": {"scale_inputs": "standardize"}},
        ),
        (
            "scaled-targets",
            {"dataset": {"name": "quadratic_cosine"}},
            {"dataset": {"scale_targets": "standardize"}},
        ),
        ("scaled-targets", output("sigmoid"), {"dataset": {"scale_targets": "minmax"}}),
        ("biases", {"network": {"bias": False}}, {"network": {"bias": True}}),
        (
            "biases",
            layers({**HIDDEN, "bias": False}, LINEAR),
            {"network": {"bias": True, "layers": [HIDDEN, LINEAR]}},
        ),
        ("linear-output", output("tanh"), layers(HIDDEN, LINEAR)),
        ("relu-units", {}, layers({**HIDDEN, "activation": {"name": "relu"}}, LINEAR)),
        ("hidden-layer", layers(LINEAR), layers({**HIDDEN, "units": 16}, LINEAR)),
        ("wider-layers", {}, layers({**HIDDEN, "units": 16}, LINEAR)),
        (
            "wider-layers",
            layers({**HIDDEN, "units": 1}, LINEAR),
            layers({**HIDDEN, "units": 8}, LINEAR),
        ),
        ("fewer-layers", layers(*[HIDDEN] * 5, LINEAR), layers(HIDDEN, HIDDEN, LINEAR)),
        (
            "more-patience",
            {
                "dataset": {"validation": 0.2},
                "training": {"steps": 100, "early_stopping": {"patience": 2}},
            },
            {"training": {"early_stopping": {"patience": 20}}},
        ),
        (
            # A sine of 30/2π periods over a std of 15/√3 = 8.7: a period is 0.725 std, a sixth of
            # it 0.12; bins of pairs make it 0.13. √3·0.5/0.13 = 6.7, and 1.75 times that is 11.7.
            "steep-first-layer",
            {"dataset": {"low": -15, "high": 15, "samples": 80}},
            {
                "dataset": {"scale_inputs": "standardize"},
                **layers(
                    {
                        **HIDDEN,
                        "activation": {"name": "tanh"},
                        "initializer": {"name": "uniform", "low": -6.7, "high": 6.7},
                        "bias_initializer": {"name": "uniform", "low": -12.0, "high": 12.0},
                    },
                    LINEAR,
                ),
            },
        ),
        ("another-seed", {"seed": 7}, {"network": {"seed": 8}}),
        ("mean-loss", {"loss": {"reduction": "half_sum"}}, {"loss": {"reduction": "half_mean"}}),
        (
            "fitting-loss",
            {**XOR, **output("sigmoid")},
            {"loss": {"name": "binary_cross_entropy", "reduction": "mean"}},
        ),
        (
            "fitting-loss",
            {**THREE, "loss": "softmax_cross_entropy"},
            layers(HIDDEN, {"units": 3, "activation": {"name": "softmax"}}),
        ),
        (
            "fitting-loss",
            {**output("sigmoid"), "loss": "binary_cross_entropy"},
            {"loss": {"name": "mean_squared_error", "reduction": "mean"}, **layers(HIDDEN, LINEAR)},
        ),
        (
            "squared-error",
            {"loss": "mean_absolute_error"},
            {"loss": {"name": "mean_squared_error"}},
        ),
        (
            "shuffled-order",
            {"training": {"order": "sequential", "batch_size": 5}},
            {"training": {"order": "shuffled"}},
        ),
        ("larger-batch", {"training": {"batch_size": 2}}, {"training": {"batch_size": 16}}),
        ("larger-batch", {"training": {"batch_size": 4}}, {"training": {"batch_size": "full"}}),
        (
            "larger-batch",  # 20 examples: an epoch of batches of 5 has 4 steps
            {"training": {"batch_size": 5, "epochs": 3}},
            {"training": {"batch_size": "full", "epochs": 12}},
        ),
        ("more-steps", {"training": {"steps": 100}}, {"training": {"steps": 5000}}),
        ("more-steps", {"training": {"steps": 1000}}, {"training": {"steps": 10_000}}),
        ("more-steps", {"training": {"steps": 3000}}, {"training": {"steps": 12_000}}),
        ("more-steps", {"training": {"epochs": 2500}}, {"training": {"epochs": 10_000}}),
        (
            "no-weight-decay",
            {"optimizer": {"weight_decay": 1.0}},
            {"optimizer": {"weight_decay": 0.0}},
        ),
        ("constant-rate", {"optimizer": {"decay": 0.1}}, {"optimizer": {"decay": 0.0}}),
        ("less-momentum", {"optimizer": {"momentum": 0.99}}, {"optimizer": {"momentum": 0.9}}),
        ("no-clipping", {"optimizer": {"clip_norm": 0.1}}, {"optimizer": {"clip_norm": None}}),
        ("adam", {}, {"optimizer": {"name": "adam", "learning_rate": 0.01}}),
        (
            "adam",
            {"optimizer": {"name": "adam", "learning_rate": 1e-5}},
            {"optimizer": {"name": "adam", "learning_rate": 0.01}},
        ),
        ("smaller-rate", {}, {"optimizer": {"learning_rate": 0.05 / 10}}),
        ("much-smaller-rate", {}, {"optimizer": {"learning_rate": 0.05 / 100}}),
        (
            "larger-rate",
            {"optimizer": {"name": "adam", "learning_rate": 0.001}},
            {"optimizer": {"learning_rate": 0.01}},
        ),
    ],
)  # fmt: skip
def test_what_a_remedy_changes(name, before, changes, case):
    assert remedy_of(name).changes(case(before)) == changes


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("standardized-inputs", {"dataset": {"scale_inputs": "standardize"}}),
        ("scaled-targets", {}),  # a sine has deviation 0.7 around 0
        ("scaled-targets", {**XOR, **output("sigmoid")}),  # classes are no values
        ("biases", {}),
        ("linear-output", {}),
        ("linear-output", {**XOR, **output("sigmoid")}),
        ("linear-output", {**output("sigmoid"), "loss": "binary_cross_entropy"}),
        ("tanh-units", {}),
        ("relu-units", layers(LINEAR)),
        ("leaky-relu-units", {}),
        ("wider-layers", layers({**HIDDEN, "units": 64}, LINEAR)),
        ("hidden-layer", {}),
        ("fewer-layers", layers(HIDDEN, HIDDEN, HIDDEN, LINEAR)),
        ("fitting-initializer", {}),
        ("another-seed", {"network": {"initializer": "zeros"}}),
        ("steep-first-layer", {"dataset": {"samples": 80}}),  # one period
        ("mean-loss", {}),
        ("fitting-loss", {}),
        ("squared-error", {}),
        ("shuffled-order", {"training": {"order": "sequential"}}),  # the whole data set a step
        ("larger-batch", {}),
        ("weight-decay", {}),  # nothing is held out that would show overfitting
        ("less-momentum", {"optimizer": {"momentum": 0.9}}),
        ("clipped-gradient", {"optimizer": {"name": "adam"}}),
        ("adam", {"optimizer": {"name": "adam", "learning_rate": 0.003}}),
        ("rate-below-limit", {"optimizer": {"learning_rate": 1e-3}}),
        ("rate-below-limit", {"optimizer": {"name": "adam", "learning_rate": 10.0}}),
        ("larger-rate", {"optimizer": {"name": "adam", "learning_rate": 0.1}}),
    ],
)
def test_where_a_remedy_does_not_apply(name, before, case):
    assert remedy_of(name).changes(case(before)) is None


def line_limit(case):
    """2/λ_max of the mean squared error of y = wx + b: the Hessian is 2·mean([x 1]ᵀ[x 1])."""
    inputs = case.built.training[0]
    padded = np.concatenate([inputs, np.ones_like(inputs)], axis=1)
    return 2 / np.linalg.eigvalsh(2 * padded.T @ padded / len(padded))[-1]


@pytest.mark.parametrize("name", ["rate-below-limit", "rate-near-limit"])
def test_a_rate_at_the_limit_is_half_of_it_rounded_down_to_two_digits(name, case):
    rate = {"rate-below-limit": 3.0, "rate-near-limit": 1e-5}[name]
    one = case({**layers(LINEAR), "optimizer": {"learning_rate": rate}})
    found = remedy_of(name).changes(one)["optimizer"]["learning_rate"]
    half = 0.5 * line_limit(one)
    assert found <= half * (1 + 1e-2)  # the sharpness is known to 1 %
    assert found >= 0.9 * half * (1 - 1e-2)  # two digits: at most a tenth is lost
    assert float(f"{found:.1e}") == found


def test_a_larger_rate_stops_at_half_of_the_limit(case):
    one = case(layers(LINEAR))
    rate = 0.1 * line_limit(one)
    one = case({**layers(LINEAR), "optimizer": {"learning_rate": float(rate)}})
    found = remedy_of("larger-rate").changes(one)["optimizer"]["learning_rate"]
    assert found == pytest.approx(5 * rate, rel=0.1)


def test_the_clipping_norm_is_that_of_the_first_gradient(case):
    one = case({**layers({**LINEAR, "weights": [[0.0]]})})
    inputs, targets = one.built.training
    # y = 0 everywhere: the gradient is −2·mean(x·y), −2·mean(y)
    norm = 2 * np.hypot(np.mean(inputs * targets), np.mean(targets))
    found = remedy_of("clipped-gradient").changes(one)["optimizer"]["clip_norm"]
    assert found == pytest.approx(norm, rel=0.1)


@pytest.mark.parametrize(
    ("activation", "wanted"), [("tanh", "glorot_uniform"), ("relu", "he_uniform")]
)
def test_weights_are_drawn_as_suits_the_activation(activation, wanted, case):
    first = {"units": 4, "activation": activation, "weights": [[0.0] * 4]}
    after = changed(
        case(layers(first, LINEAR)).experiment,
        remedy_of("fitting-initializer").changes(case(layers(first, LINEAR))),
    )
    assert after.resolved["network"]["initializer"]["name"] == wanted
    assert "weights" not in after.resolved["network"]["layers"][0]


def test_class_numbers_in_a_file_get_a_softmax_unit_each(tmp_path, case):
    (tmp_path / "data.csv").write_text("x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(9)))
    one = case({
        "dataset": {"name": "csv", "path": str(tmp_path / "data.csv")},
        **output("sigmoid"),
        "loss": "softmax_cross_entropy",
    })  # fmt: skip
    after = Case(changed(one.experiment, remedy_of("fitting-loss").changes(one)))
    assert after.built.training[1].shape == (9, 3)
    assert after.activations[-1] == "softmax"


def test_counts_under_a_squared_error_are_not_taken_for_classes(tmp_path, case):
    (tmp_path / "data.csv").write_text("x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(9)))
    one = case({"dataset": {"name": "csv", "path": str(tmp_path / "data.csv")}})
    assert remedy_of("fitting-loss").changes(one) is None
