import numpy as np
import pytest

from nndiag.errors import ConfigError, DataError
from nndiag.experiment import experiment_of, load_experiment
from nndiag.experiment.building import build
from nndiag.nn.network import examples, loss, predicted
from nndiag.nn.stack import Stack


def built(network, dataset="sine", **sections):
    """What is built from a network's section, or from a list of layers."""
    network = {"layers": network} if isinstance(network, list) else network
    return build(experiment_of({"dataset": dataset, "network": network, **sections}))


def parameters_of(result):
    """Weights and biases of each layer."""
    return result.shape.weights_and_biases(result.parameters)


def test_builds_the_layers_in_their_order():
    result = built([{"units": 7, "activation": "relu"}, {"units": 1}])
    assert result.shape.units == (7, 1)
    assert result.layer_names == ("layer1", "layer2")
    assert result.activation_names == ("relu", "linear")
    assert result.parameters.shape == (7 + 7 + 7 + 1,)


def test_gives_biases_where_network_or_layer_say_so():
    layers = [{"units": 2}, {"units": 2, "bias": True}, {"units": 1, "biases": [3]}]
    result = built({"layers": layers, "bias": False})
    assert result.shape.biases == (False, True, True)


def test_draws_weights_from_the_layer_s_initializer_or_the_network_s():
    layers = [{"units": 2}, {"units": 1, "initializer": {"name": "constant", "value": 3}}]
    (first, bias), (second, _) = parameters_of(
        built({"layers": layers, "initializer": {"name": "constant", "value": 2}})
    )
    assert (first == 2).all()
    assert (second == 3).all()
    assert (bias == 0).all()


def test_draws_biases_from_the_bias_initializer():
    layers = [{"units": 3, "bias_initializer": "normal"}, {"units": 1}]
    network = {"layers": layers, "bias_initializer": {"name": "constant", "value": 0.5}}
    (_, drawn), (_, constant) = parameters_of(built(network))
    assert len(set(drawn)) == 3
    assert constant == [0.5]


def test_takes_written_weights_by_input_then_unit():
    # two inputs, three units, tanh left out: output k is x0·w[0][k] + x1·w[1][k] + b[k]
    layer = {"units": 3, "weights": [[1, 2, 3], [10, 20, 30]], "biases": [0.1, 0.2, 0.3]}
    result = built([layer], {"name": "blobs", "classes": 3, "encoding": "one_hot"})
    data = examples(result.shape, np.array([[1.0, 1.0], [2.0, 0.0]]), np.zeros((2, 3)))
    outputs = predicted(result.shape, result.parameters, data).T
    np.testing.assert_allclose(outputs, [[11.1, 22.2, 33.3], [2.1, 4.2, 6.3]])


@pytest.mark.parametrize(
    ("layer", "message", "got"),
    [
        ({"weights": [[1, 2]]}, "'network.layers.0.weights' has not the layer's shape", "1 × 2"),
        ({"weights": [[1], [2, 3]]}, "'network.layers.0.weights'", "rows of unequal length"),
        ({"weights": []}, "'network.layers.0.weights'", "no rows"),
        ({"weights": [[], []]}, "'network.layers.0.weights'", "2 × 0"),
        ({"biases": [1]}, "'network.layers.0.biases' has not the layer's shape", "1 number"),
    ],
)
def test_refuses_values_of_another_shape(layer, message, got):
    with pytest.raises(ConfigError) as caught:
        built([{"units": 3, **layer}, {"units": 1}], "circles")
    (problem,) = caught.value.problems
    assert problem.message.startswith(message)
    assert problem.got == got


def test_refuses_another_number_of_outputs_at_the_layer_s_line(write):
    path = write("dataset: sine\nnetwork:\n  layers:\n    - units: 3\n      bias: true\n")
    with pytest.raises(ConfigError) as caught:
        build(load_experiment(path))
    (problem,) = caught.value.problems
    assert problem.message == "the last layer has 3 units but the targets have 1 column"
    assert (problem.location.line, problem.hint) == (4, "write units: 1")


def test_reports_all_shapes_at_once():
    with pytest.raises(ConfigError) as caught:
        built([{"units": 3, "weights": [[1]], "biases": [1]}])
    assert len(caught.value.problems) == 3


def test_refuses_networks_beyond_memory():
    with pytest.raises(ConfigError, match="too many parameters"):
        built([{"units": 100_000}, {"units": 100_000}, {"units": 1}])


def test_lets_the_loss_absorb_the_last_activation():
    layers = [{"units": 1, "activation": "sigmoid"}]
    result = built(layers, "circles", loss="binary_cross_entropy")
    assert result.shape.loss.link is not None
    assert result.activation_names == ("sigmoid",)


def test_hands_options_to_loss_and_optimizer():
    result = built(
        [{"units": 1}],
        loss={"name": "mean_squared_error", "reduction": "half_sum"},
        optimizer={"name": "sgd", "learning_rate": 0.3, "weight_decay": 0.1, "clip_norm": 2},
    )
    optimizer = result.optimizer
    assert result.shape.loss.reduction == "half_sum"
    assert (optimizer.learning_rate, optimizer.weight_decay, optimizer.clip_norm) == (0.3, 0.1, 2)


def test_hands_on_how_to_train():
    training = {"epochs": 3, "batch_size": 8, "order": "sequential"}
    result = built([{"units": 1}], training=training)
    assert (result.steps, result.epochs, result.batch_size) == (None, 3, 8)
    assert result.order == "sequential"
    assert built([{"units": 1}]).batch_size is None


def test_repeats_with_the_same_seed():
    first, second = (built([{"units": 4}, {"units": 1}], "blobs", seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.parameters, second.parameters)
    np.testing.assert_array_equal(first.training[0], second.training[0])


def test_changes_weights_and_data_with_the_seed():
    first, second = (built([{"units": 4}, {"units": 1}], "blobs", seed=seed) for seed in (0, 1))
    assert not np.isclose(first.parameters, second.parameters).any(where=first.parameters != 0)
    assert not np.isclose(first.training[0], second.training[0]).any()


def test_changes_one_part_with_a_part_s_own_seed():
    layers = [{"units": 4}, {"units": 1}]
    plain = built(layers, "blobs")
    other_data = built(layers, {"name": "blobs", "seed": 9})
    other_weights = built({"layers": layers, "seed": 9}, "blobs")
    np.testing.assert_array_equal(other_data.parameters, plain.parameters)
    np.testing.assert_array_equal(other_weights.training[0], plain.training[0])
    assert (other_data.training[0] != plain.training[0]).any()
    assert (other_weights.parameters != plain.parameters).any()


def test_holds_out_a_share():
    result = built([{"units": 1}], {"name": "sine", "samples": 50, "validation": 0.3})
    everything = built([{"units": 1}], {"name": "sine", "samples": 50}).training[0]
    training, held_out = result.training[0], result.validation[0]
    assert (len(training), len(held_out)) == (35, 15)
    np.testing.assert_array_equal(np.sort(np.vstack([training, held_out]), axis=0), everything)
    assert (np.diff(training[:, 0]) > 0).all()  # the order stays


def test_holds_out_at_least_one_example():
    result = built([{"units": 1}], {"name": "sine", "samples": 5, "validation": 0.01})
    assert len(result.validation[0]) == 1


def test_holds_out_nothing_by_default():
    assert built([{"units": 1}]).validation is None


@pytest.mark.parametrize("samples", [1, 2])
def test_refuses_to_hold_out_everything(samples):
    with pytest.raises(DataError, match="no example is left"):
        built([{"units": 1}], {"name": "sine", "samples": samples, "validation": 0.9})


def test_scales_by_the_training_part_alone():
    dataset = {"name": "quadratic_cosine", "validation": 0.4}
    scaled = built(
        [{"units": 1}], {**dataset, "scale_inputs": "standardize", "scale_targets": "minmax"}
    )
    plain = built([{"units": 1}], dataset)
    x, y = plain.training
    np.testing.assert_allclose(scaled.training[0], (x - x.mean()) / x.std())
    np.testing.assert_allclose(scaled.validation[0], (plain.validation[0] - x.mean()) / x.std())
    np.testing.assert_allclose(scaled.training[1], (y - y.min()) / (y.max() - y.min()))
    np.testing.assert_array_equal(scaled.raw_inputs, x)
    assert plain.raw_inputs is None


def test_refuses_scaling_that_overflows(tmp_path):
    (tmp_path / "d.csv").write_text("1e300,1\n-1e300,2\n")
    dataset = {"name": "csv", "path": str(tmp_path / "d.csv"), "scale_inputs": "standardize"}
    with pytest.raises(DataError, match="overflows"):
        built([{"units": 1}], dataset)


def test_locates_a_data_set_s_problem_in_the_config(write):
    path = write("dataset: {name: sine, low: 5}\nnetwork: {layers: [{units: 1}]}\n")
    with pytest.raises(DataError) as caught:
        build(load_experiment(path))
    assert str(caught.value.problems[0].location) == f"{path}:1:1"


def test_locates_a_file_s_problem_in_the_file(write, tmp_path):
    write("a,b\n1,x\n2,3\n", "d.csv")
    path = write("dataset: {name: csv, path: d.csv}\nnetwork: {layers: [{units: 1}]}\n")
    with pytest.raises(DataError) as caught:
        build(load_experiment(path))
    assert str(caught.value.problems[0].location) == f"{tmp_path / 'd.csv'}:2"
    assert str(caught.value).endswith(f"asked for at: {path}:1:22")  # its key


def test_locates_the_option_that_asks_for_a_column_that_is_not_there(write):
    write("a,b\n1,2\n2,3\n", "d.csv")
    path = write("dataset: {name: csv, path: d.csv, y: c}\nnetwork: {layers: [{units: 1}]}\n")
    with pytest.raises(DataError) as caught:
        build(load_experiment(path))
    assert str(caught.value).endswith(f"asked for at: {path}:1:35")  # the key y


def test_keeps_the_classes_of_training_examples():
    result = built([{"units": 1}], {"name": "blobs", "validation": 0.5})
    np.testing.assert_array_equal(result.training[1][:, 0], result.classes)


LINE = {"name": "sine", "samples": 10, "low": 0, "high": 9}  # x = 0, 1, … 9


@pytest.mark.parametrize(
    ("validation", "kept_out"),
    [({"last": 0.25}, [8, 9]), ({"where": "2 <= x < 4"}, [2, 3]), ({"last": 0.01}, [9])],
)
def test_keeps_out_the_examples_that_are_named(validation, kept_out):
    result = built([{"units": 1}], {**LINE, "validation": validation})
    assert result.validation[0].ravel() == pytest.approx(kept_out)
    assert len(result.training[0]) == 10 - len(kept_out)


@pytest.mark.parametrize("condition", ["x > 20", "x > -1", "z > 1"])
def test_refuses_a_condition_that_parts_nothing(condition):
    with pytest.raises(DataError, match=r"example|column"):
        built([{"units": 1}], {**LINE, "validation": {"where": condition}})


def test_a_layer_may_have_a_weight_decay_of_its_own():
    layers = [{"units": 2, "weight_decay": 0.5}, {"units": 1}]
    result = built(layers, optimizer={"name": "sgd", "weight_decay": 0.1})
    (weights, biases), (others, other_biases) = result.shape.weights_and_biases(
        result.optimizer.weight_decay
    )
    assert (weights == 0.5).all()
    assert (biases == 0).all()  # as `kernel_regularizer` of Keras
    assert (others == 0.1).all()
    assert (other_biases == 0.1).all()


def test_the_decay_of_a_layer_is_the_gradient_of_half_its_squares():
    layers = [{"units": 3, "activation": "tanh", "weight_decay": 0.5}, {"units": 1}]
    rate, step = 0.1, 1e-6
    result = built(layers, optimizer={"name": "sgd", "learning_rate": rate})
    data = examples(result.shape, *result.training)
    stack = Stack(
        result.shape,
        result.parameters[None],
        optimizer=result.optimizer,
        inputs=result.training[0],
        targets=result.training[1],
    )
    stack.run(steps=1)
    taken = (result.parameters - stack.parameters[0]) / rate

    def penalised(parameters):
        weights, _ = result.shape.weights_and_biases(parameters)[0]
        return loss(result.shape, parameters, data) + 0.25 * (weights**2).sum()

    for index in range(result.shape.size):
        shift = np.zeros(result.shape.size)
        shift[index] = step
        above, below = (penalised(result.parameters + sign * shift) for sign in (1, -1))
        assert taken[index] == pytest.approx((above - below) / (2 * step), abs=1e-8)


def test_a_schedule_knows_the_steps_of_the_run():
    optimizer = {"name": "sgd", "learning_rate": 1.0, "schedule": "cosine"}
    training = {"epochs": 10, "batch_size": 3}
    result = built([{"units": 1}], {**LINE}, optimizer=optimizer, training=training)
    # 10 examples in batches of 3 are 4 steps an epoch, 40 in all: half the rate after 20.
    assert result.optimizer.rate(20) == pytest.approx(0.5)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 2.0, 3.0]])
def test_refuses_weights_of_other_classes(weights):
    loss = {"name": "binary_cross_entropy", "class_weights": weights}
    with pytest.raises(ConfigError, match="weights of the classes"):
        built([{"units": 1, "activation": "sigmoid"}], "circles", loss=loss)
