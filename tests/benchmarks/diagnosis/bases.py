"""Networks that train: tasks × networks × optimizers, each in a few seconds' fraction."""

from typing import Any

from tests.benchmarks.diagnosis.tutorials import linear_share, tutorial

Settings = dict[str, Any]

TASKS: dict[str, Settings] = {
    "sine": {"name": "sine", "samples": 80},
    "noisy-sine": {"name": "sine", "samples": 150, "inputs": "uniform", "noise": 0.2},
    "line": {"name": "linear_doubling", "samples": 40, "low": -1, "high": 1, "noise": 0.05},
    "parabola": {
        "name": "quadratic_cosine", "samples": 150,
        "scale_inputs": "standardize", "scale_targets": "standardize",
    },
    "xor": {"name": "logic_gate", "gate": "xor", "low": -1, "high": 1},
    "circles": {"name": "circles", "samples": 80, "noise": 0.05},
    "blobs": {"name": "blobs", "samples": 90, "classes": 3, "encoding": "one_hot", "radius": 4,
              "scale_inputs": "standardize"},
    "overlapping": {"name": "blobs", "samples": 200, "radius": 1.5,
                    "scale_inputs": "standardize"},
}  # fmt: skip
CLASSES = {"xor": 1, "circles": 1, "blobs": 3, "overlapping": 1,
           "moons": 1, "parity": 1, "iris": 3, "wine": 3, "digits": 10}  # fmt: skip
TUTORIALS: dict[str, Settings] = {
    "moons": {},
    "parity": {},
    "periodic": {},
    "polynomial": {"scale_inputs": "standardize"},
    "iris": {"encoding": "one_hot"},
    "wine": {"encoding": "one_hot", "scale_inputs": "standardize"},
    "digits": {"encoding": "one_hot", "scale_inputs": "minmax"},
    "diabetes": {"scale_inputs": "standardize", "scale_targets": "standardize"},
    "housing": {"scale_inputs": "standardize", "scale_targets": "standardize"},
}
"""Tasks whose data are in files: how they are read."""

_REACHABLE = {"housing": 0.9, "overlapping": 0.7, "noisy-sine": 0.9}

NETWORKS: dict[str, list[tuple[int, str]]] = {
    "tanh": [(12, "tanh")],
    "deep-tanh": [(10, "tanh"), (10, "tanh")],
    "relu": [(24, "relu")],
    "deep-relu": [(20, "relu"), (20, "relu")],
    "sigmoid": [(12, "sigmoid")],
    "wide-relu": [(64, "relu")],
}
_OF_TUTORIALS = [
    (network, optimizer)
    for network in ("tanh", "relu", "deep-relu", "wide-relu")
    for optimizer in ("momentum", "adam", "small-adam")
]

OPTIMIZERS: dict[str, tuple[Settings, Settings]] = {
    "descent": ({"name": "sgd", "learning_rate": 0.1}, {"steps": 3000}),
    "momentum": (
        {"name": "sgd", "learning_rate": 0.03, "momentum": 0.9},
        {"steps": 1500, "batch_size": 16},
    ),
    "adam": ({"name": "adam", "learning_rate": 0.01}, {"steps": 1500}),
    "small-adam": ({"name": "adam", "learning_rate": 0.003}, {"steps": 2500, "batch_size": 8}),
}


def reachable(task: str) -> float:
    """Share of the variance that any network explains of a task with noise; 1 of the others.

    What is known of diabetes is linear, in scikit-learn's data and in those drawn in their place.
    """
    return linear_share(task) if task == "diabetes" else _REACHABLE.get(task, 1.0)


def base(task: str, network: str, optimizer: str, *, seed: int) -> Settings:
    """One config that should train."""
    classes = CLASSES.get(task)
    output = "linear" if classes is None else "sigmoid" if classes == 1 else "softmax"
    hidden = NETWORKS[network]
    rule, training = OPTIMIZERS[optimizer]
    rectified = any(activation == "relu" for _, activation in hidden)
    losses = {
        "linear": "mean_squared_error",
        "sigmoid": "binary_cross_entropy",
        "softmax": "softmax_cross_entropy",
    }
    return {
        "name": f"{task}-{network}-{optimizer}-{seed}",
        "seed": seed,
        "dataset": _dataset(task),
        "network": {
            "layers": [{"units": units, "activation": name} for units, name in hidden]
            + [{"units": classes or 1, "activation": output}],
            "initializer": "he_uniform" if rectified else "glorot_uniform",
        },
        "loss": {"name": losses[output], "reduction": "mean"},
        "optimizer": dict(rule),
        "training": dict(training),
    }


def _dataset(task: str) -> Settings:
    if task in TASKS:
        return dict(TASKS[task])
    return {"name": "csv", "path": str(tutorial(task)), **TUTORIALS[task]}


def varied(settings: Settings, variant: str) -> Settings:
    """A healthy config in another way that is healthy too."""
    optimizer, training = settings["optimizer"], settings["training"]
    if variant == "long":
        training["steps"] *= 3
    elif variant == "short":
        training["steps"] //= 2
    elif variant == "robust" and settings["loss"]["name"] == "mean_squared_error":
        settings["loss"] = {"name": "huber", "delta": 1.0}
    elif variant == "summed":
        settings["loss"]["reduction"] = "sum"
        optimizer["learning_rate"] /= _examples(settings) if optimizer["name"] == "sgd" else 1
    elif variant == "held-out":
        if settings["dataset"]["name"] != "logic_gate":
            settings["dataset"]["validation"] = 0.2
    elif variant == "decayed":
        optimizer |= {"decay": 1e-4, "weight_decay": 1e-4}
    elif variant == "slower":
        optimizer["learning_rate"] /= 2
    elif variant == "scheduled":
        optimizer["schedule"] = {"name": "cosine", "final": 0.05, "warmup_steps": 50}
    elif variant == "dropping":
        for layer in settings["network"]["layers"][:-1]:
            if layer["units"] >= _WIDE:
                layer["dropout"] = 0.1
    elif variant == "stopped-early" and settings["dataset"]["name"] != "logic_gate":
        settings["dataset"]["validation"] = 0.2
        training["early_stopping"] = {"patience": 200}
    elif variant == "balanced" and "cross_entropy" in settings["loss"]["name"]:
        settings["loss"]["class_weights"] = "balanced"
    return settings


VARIANTS = (
    *("plain", "long", "short", "robust", "summed", "held-out", "decayed", "slower"),
    *("scheduled", "dropping", "stopped-early", "balanced"),
)
_WIDE = 20  # units from which a little dropout is no harm


def _examples(settings: Settings) -> int:
    """Examples in a step: a summed loss is that much larger than its mean."""
    rows = {"digits": 500, "diabetes": 442, "housing": 500, "polynomial": 400, "periodic": 240,
            "moons": 200, "wine": 178, "iris": 150, "parity": 64}  # fmt: skip
    task = settings["name"].partition("-")[0]
    samples = settings["dataset"].get("samples", rows.get(task, 4))
    batch = settings["training"].get("batch_size", samples)
    return int(min(batch, samples))


def combinations() -> list[tuple[str, str, str]]:
    """All tasks, networks and optimizers; sigmoids only where they are known to be fast enough."""
    return [
        (task, network, optimizer)
        for task in TASKS
        for network in NETWORKS
        for optimizer in OPTIMIZERS
        if not (network == "sigmoid" and (optimizer in ("descent",) or task in ("xor", "circles")))
        and network != "wide-relu"
    ] + [(task, *chosen) for task in TUTORIALS for chosen in _OF_TUTORIALS]
