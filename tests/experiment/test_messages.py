import pytest

from nndiag.errors import ConfigError
from nndiag.experiment import load_experiment

NETWORK = "network: {layers: [{units: 1}]}\n"


@pytest.fixture
def problems(write):
    """Problems of a config whose network is in order, without the file's name in their places."""

    def found(text, network=NETWORK):
        path = write(text + network)
        with pytest.raises(ConfigError) as caught:
            load_experiment(path)
        return [
            (str(problem.location).removeprefix(f"{path}:"), problem)
            for problem in caught.value.problems
        ]

    return found


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("dataset: sine\nsede: 1\n", "2:1", "unknown key 'sede' in the config", "'seed'"),
        ("dataset: sinus\n", "1:10", "unknown dataset 'sinus'", "'sine'"),
        ("dataset: {name: csw, path: x}\n", "1:17", "unknown dataset 'csw'", "'csv'"),
        ("dataset: {name: sine, n: 3}\n", "1:23", "unknown key 'n' in dataset", "'samples'"),
        ("dataset: {name: csv}\n", "1:1", "'path' is missing in dataset", None),
        ("dataset: {samples: 3}\n", "1:1", "'dataset' has no name of a dataset", None),
        ("dataset: 3\n", "1:1", "'dataset' must be the name of a dataset", None),
        ("dataset: sine\nseed: -1\n", "2:7", "'seed' must be at least 0", None),
        ("dataset: sine\nseed: 1.0\n", "2:7", "'seed' must be a whole number", "write 1"),
        ("dataset: sine\nseed: '1'\n", "2:7", "'seed' must be a whole number", "quotes out"),
        ("dataset: sine\nseed: true\n", "2:7", "'seed' must be a whole number", None),
        ("dataset: sine\nname: 3\n", "2:7", "'name' must be text", "'3'"),
        ("dataset: sine\ntraining: 3\n", "2:11", "'training' must be a mapping", None),
        ("dataset: sine\nloss: mse\n", "2:7", "unknown loss 'mse'", "'mean_squared_error'"),
        (
            "dataset: sine\noptimizer: {name: sgd, lr: 1}\n",
            "2:24",
            "unknown key 'lr' in optimizer",
            "'learning_rate'",
        ),
        (
            "dataset: sine\noptimizer: {name: sgd, learning_rate: .inf}\n",
            "2:39",
            "'optimizer.learning_rate' must be a finite number",
            None,
        ),
        (
            "dataset: sine\noptimizer: {name: sgd, learning_rate: 1_0}\n",
            "2:39",
            "'optimizer.learning_rate' must be a number",
            "write 10",
        ),
        (
            "dataset: sine\noptimizer: {learning_rate: 0}\n",
            "2:28",
            "'optimizer.learning_rate' must be greater than 0",
            None,
        ),
        (
            "dataset: sine\ntraining: {stop_when_converged: yes}\n",
            "2:33",
            "'training.stop_when_converged' must be true or false",
            "write true",
        ),
        (
            "dataset: sine\ntraining: {order: shufled}\n",
            "2:19",
            "'training.order' cannot be 'shufled'",
            "'shuffled'",
        ),
        (
            "dataset: sine\ntraining: {batch_size: 0}\n",
            "2:24",
            "'training.batch_size' cannot be 0",
            None,
        ),
        (
            "dataset: sine\ntraining: {steps: 3, epochs: 2}\n",
            "2:1",
            "'training' has 'epochs' and 'steps': keep one",
            None,
        ),
        ("dataset: sine\nseed: null\n", "2:7", "'seed' must be a whole number", None),
        ("dataset: sine\ncode: {loss: x}\n", "2:1", "'code' names no program", None),
        (
            "dataset: sine\nname: ../elsewhere\n",
            "2:7",
            "'name' cannot be '../elsewhere'",
            None,
        ),
        (
            "dataset: sine\nlearning_rate: 0.1\n",
            "2:1",
            "unknown key 'learning_rate' in the config",
            "it belongs in optimizer: optimizer.learning_rate",
        ),
        (
            "dataset: sine\ntraining: {lr: 0.1}\n",
            "2:12",
            "unknown key 'lr' in training",
            "it belongs in optimizer: optimizer.learning_rate",
        ),
        (
            "dataset: sine\ninitializer: zeros\n",
            "2:1",
            "unknown key 'initializer' in the config",
            "it belongs in network: network.initializer",
        ),
        (
            "dataset: sine\nactivation: relu\n",
            "2:1",
            "unknown key 'activation' in the config",
            "it belongs in network.layers.0: network.layers.0.activation",
        ),
        (
            "dataset: {name: sine, hight: 2}\n",
            "1:23",
            "unknown key 'hight' in dataset",
            "did you mean 'high'?",
        ),
    ],
)
def test_says_what_is_wrong_where_and_what_to_do(problems, text, place, message, hint):
    ((where, problem),) = problems(text)
    assert problem.message.startswith(message)
    assert where == place
    assert hint is None if problem.hint is None else hint is not None and hint in problem.hint


@pytest.mark.parametrize(
    ("layers", "place", "message"),
    [
        ("[]", "2:19", "'network.layers' must have items, at least 1"),
        ("[{units: 0}]", "2:28", "'network.layers.0.units' must be at least 1"),
        ("[{}]", "2:20", "'units' is missing in network.layers.0"),
        ("[{units: 1}, 3]", "2:32", "'network.layers.1' must be a mapping"),
        ("[{units: 1, bias: false, biases: [0]}]", "2:20", "'network.layers.0' has 'biases'"),
        (
            "[{units: 1, weights: [[1]], initializer: zeros}]",
            "2:20",
            "'network.layers.0' has 'initializer' and 'weights': keep one",
        ),
        ("[{units: 1, weights: [1]}]", "2:41", "'network.layers.0.weights.0' must be a list"),
        ("[{units: 1, weights: [[x]]}]", "2:42", "'network.layers.0.weights.0.0' must be a number"),
    ],
)
def test_names_the_layer(problems, layers, place, message):
    ((where, problem),) = problems("dataset: sine\n", f"network: {{layers: {layers}}}\n")
    assert problem.message.startswith(message)
    assert where == place


def test_tells_how_a_layer_is_written(problems):
    ((_, problem),) = problems("dataset: sine\n", "network: {layers: [8, {units: 1}]}\n")
    assert problem.hint == "write {units: 8}"


def test_lists_what_is_allowed(problems):
    ((_, problem),) = problems("dataset: sine\ntraining: {batch_size: half}\n")
    assert problem.allowed == "'full' or a whole number"


def test_reports_all_problems_in_the_order_of_the_file(problems):
    found = problems("seed: x\ndataset: {name: sine, noise: -1}\nloss: mse\nloss: mae\nname:\n")
    assert [where for where, _ in found] == ["1:7", "2:30", "3:7", "4:1", "5:1"]


def test_tells_a_misspelt_required_key_once(problems):
    ((where, problem),) = problems("dataset: sine\n", "network: {layer: [{units: 1}]}\n")
    assert where == "2:11"
    assert problem.hint == "did you mean 'layers'?"


def test_reads_well(write):
    path = write("dataset:\n  name: sine\n  sampels: 20\n" + NETWORK)
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    assert str(caught.value) == (
        f"{path}:3:3: unknown key 'sampels' in dataset\n"
        "      sampels: 20\n"
        "      ^\n"
        "  allowed: name, scale_inputs, scale_targets, validation, seed, samples, low, high, "
        "inputs, noise\n"
        "  try: did you mean 'samples'?"
    )


def test_what_is_wrong_beside_a_misspelt_name_is_told_with_it(problems):
    text = "dataset: {name: sin, sample: 20}\noptimizer: {name: sgdd, lr: 3, momentum: 2}\n"
    network = "network:\n  layers: [{units: 1, activation: {name: leky_relu, slop: 1}}]\n"
    assert [problem.message for _, problem in problems(text, network)] == [
        "unknown dataset 'sin'",
        "unknown key 'sample' in dataset",
        "unknown optimizer 'sgdd'",
        "unknown key 'lr' in optimizer",
        "'optimizer.momentum' must be less than 1",
        "unknown activation 'leky_relu'",
        "unknown key 'slop' in network.layers.0.activation",
    ]


def test_what_is_wrong_below_a_misspelt_section_is_told_with_it(problems):
    text = "dataset: sine\noptimiser: {name: sgd, lr: 3}\n"
    network = "network:\n  layer: [{units: 1, activation: tahn}]\n"
    assert [problem.message for _, problem in problems(text, network)] == [
        "unknown key 'optimiser' in the config",
        "unknown key 'lr' in optimizer",
        "unknown key 'layer' in network",
        "unknown activation 'tahn'",
    ]
