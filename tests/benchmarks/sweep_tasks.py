"""The tasks on which recommended learning rates are judged, as configs in plain data."""

import numpy as np


def layers(*units, activation="tanh", last="linear"):
    """Hidden layers of these widths and an output."""
    hidden = [{"units": count, "activation": activation} for count in units[:-1]]
    return [*hidden, {"units": units[-1], "activation": last}]


SINE = {"name": "sine", "samples": 100}
CLASSES = {"name": "circles", "samples": 100, "noise": 0.05}


def settings(dataset, network, *, loss=None, optimizer=None, steps=2000, batch_size="full"):
    """A config as plain data."""
    return {
        "dataset": dataset,
        "network": network if isinstance(network, dict) else {"layers": network},
        "loss": loss or {"name": "mean_squared_error"},
        "optimizer": {"name": "sgd", "learning_rate": 0.1, **(optimizer or {})},
        "training": {"steps": steps, "batch_size": batch_size},
    }


def tasks(folder):
    """Name → config, of the tasks that the sweep was made with."""
    scaled = folder / "ten_times.csv"
    x = np.linspace(-np.pi, np.pi, 100)
    rows = "\n".join(
        f"{10 * a!r},{b!r}" for a, b in zip(x.tolist(), np.sin(x).tolist(), strict=True)
    )
    scaled.write_text(f"x0,y0\n{rows}\n")
    he = {"name": "he_normal"}
    bce = {"name": "binary_cross_entropy"}
    return {
        "tanh": settings(SINE, layers(30, 1)),
        "relu": settings(SINE, {"layers": layers(30, 1, activation="relu"), "initializer": he}),
        "sigmoid": settings(SINE, layers(20, 1, activation="sigmoid")),
        "deep tanh": settings(SINE, layers(16, 16, 16, 1)),
        "deep relu": settings(
            SINE, {"layers": layers(16, 16, 16, 1, activation="relu"), "initializer": he}
        ),
        "wide": settings(SINE, layers(200, 1)),
        "loss × 100": settings(
            SINE, layers(30, 1), loss={"name": "mean_squared_error", "reduction": "sum"}
        ),
        "inputs × 10": settings(
            {"name": "csv", "path": str(scaled), "x": ["x0"], "y": ["y0"]}, layers(30, 1)
        ),
        "mini-batch 10": settings(SINE, layers(30, 1), batch_size=10, steps=4000),
        "one example": settings(SINE, layers(10, 1), batch_size=1, steps=8000),
        "noisy mini-batch": settings({**SINE, "noise": 0.3}, layers(20, 1), batch_size=20),
        "momentum": settings(SINE, layers(30, 1), optimizer={"momentum": 0.9}),
        "nesterov": settings(SINE, layers(30, 1), optimizer={"momentum": 0.9, "nesterov": True}),
        "adam": settings(SINE, layers(30, 1), optimizer={"name": "adam"}),
        "adam mini-batch": settings(
            SINE, layers(16, 16, 1), optimizer={"name": "adam"}, batch_size=20
        ),
        "rmsprop": settings(SINE, layers(30, 1), optimizer={"name": "rmsprop"}),
        "circles": settings(CLASSES, layers(10, 1, last="sigmoid"), loss=bce),
        "spirals, softmax": settings(
            {"name": "spirals", "samples": 120, "classes": 3, "encoding": "one_hot"},
            layers(32, 3, activation="relu", last="softmax"),
            loss={"name": "softmax_cross_entropy"},
        ),
        "xor": settings(
            {"name": "logic_gate", "gate": "xor"}, layers(4, 1, last="sigmoid"), steps=8000
        ),
        "weight decay": settings(SINE, layers(30, 1), optimizer={"weight_decay": 1e-3}),
    }


def table(path, x, y):
    """A CSV file of inputs (B, D) and targets (B,), and the dataset that reads it."""
    names = [f"x{column}" for column in range(x.shape[1])]
    rows = [",".join([*names, "y"])]
    rows += [",".join(map(repr, row)) for row in np.column_stack([x, y]).tolist()]
    path.write_text("\n".join(rows) + "\n")
    return {"name": "csv", "path": str(path), "x": names, "y": ["y"]}


def held_out(folder):
    """Name → config, of tasks that were not looked at before the sweep was finished."""
    rng = np.random.default_rng(7)
    plane = rng.normal(size=(150, 5))
    slopes = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    line = plane @ slopes + 0.1 * rng.normal(size=150)
    uneven = plane * np.array([0.1, 1.0, 10.0, 1.0, 3.0])
    product = np.tanh(plane[:, 0] * plane[:, 1]) + 0.5 * plane[:, 2]
    bowl = {"name": "quadratic_cosine", "samples": 120, "low": -1.0, "high": 1.0}
    bce, softmax = {"name": "binary_cross_entropy"}, {"name": "softmax_cross_entropy"}
    momentum = {"momentum": 0.9}
    clouds = {"name": "blobs", "samples": 120, "classes": 4, "encoding": "one_hot"}
    return {
        "linear": settings(table(folder / "line.csv", plane, line), layers(1)),
        "uneven inputs": settings(
            table(folder / "uneven.csv", uneven, product), layers(24, 1), steps=3000
        ),
        "five inputs, elu": settings(
            table(folder / "product.csv", plane, product),
            layers(20, 20, 1, activation="elu"),
            optimizer=momentum,
            batch_size=16,
        ),
        "gelu, adam": settings(bowl, layers(24, 1, activation="gelu"), optimizer={"name": "adam"}),
        "softplus, deep": settings(bowl, layers(12, 12, 12, 1, activation="softplus")),
        "half of the sum": settings(
            bowl, layers(40, 1), loss={"name": "mean_squared_error", "reduction": "half_sum"}
        ),
        "huber": settings({**SINE, "noise": 0.2}, layers(20, 1), loss={"name": "huber"}),
        "absolute error": settings(SINE, layers(20, 1), loss={"name": "mean_absolute_error"}),
        "large weights": settings(
            SINE, {"layers": layers(30, 1), "initializer": {"name": "normal", "std": 2.0}}
        ),
        "clipped": settings(SINE, layers(30, 1), optimizer={"clip_norm": 0.5}),
        "decay": settings(SINE, layers(30, 1), optimizer={"decay": 0.01}),
        "deep relu, rmsprop": settings(
            bowl,
            {"layers": layers(24, 24, 24, 1, activation="relu"), "initializer": "he_uniform"},
            optimizer={"name": "rmsprop"},
            batch_size=24,
        ),
        "four clouds": settings(
            clouds,
            layers(16, 4, activation="leaky_relu", last="softmax"),
            loss=softmax,
            batch_size=30,
        ),
        "spirals, adam": settings(
            {"name": "spirals", "samples": 120}, layers(24, 24, 1, last="sigmoid"), loss=bce,
            optimizer={"name": "adam"}, steps=3000,
        ),
        "noisy circles": settings(
            {**CLASSES, "noise": 0.2}, layers(12, 1, activation="sigmoid", last="sigmoid"),
            loss=bce, batch_size=1, steps=6000,
        ),
        "squared classes": settings(CLASSES, layers(12, 1, last="tanh"), optimizer=momentum),
    }  # fmt: skip


def drawn(folder, *, count):
    """Name → config, of tasks drawn at random, so that nobody has chosen them."""
    every = {}
    for number in range(count):
        rng = np.random.default_rng([20, number])
        every[f"drawn {number}"] = one_of_many(folder / f"drawn{number}.csv", rng)
    return every


def one_of_many(path, rng):
    """A config whose data, network, loss, optimizer and batches are drawn."""
    samples = int(rng.choice([40, 100, 200]))
    kind = rng.choice(["curve", "plane", "two classes", "more classes"])
    activation = rng.choice(["tanh", "relu", "sigmoid", "leaky_relu", "elu", "gelu", "softplus"])
    units = [int(width) for width in rng.integers(6, 40, size=rng.integers(1, 4))]
    deep = activation == "sigmoid" and len(units) > 1  # hardly trains at any rate
    network, loss = layers(*units, 1, activation="tanh" if deep else str(activation)), None
    if kind == "curve":
        name = rng.choice(["sine", "quadratic_cosine"])
        dataset = {"name": str(name), "samples": samples, "noise": float(rng.choice([0, 0.1]))}
        if name == "quadratic_cosine":
            dataset |= {"low": -1.0, "high": 1.0, "inputs": "grid"}
        loss = {"name": str(rng.choice(["mean_squared_error", "mean_squared_error", "huber"]))}
    elif kind == "plane":
        x = rng.normal(size=(samples, 4)) * rng.uniform(0.3, 3, size=4)
        y = np.sin(x[:, 0]) + x[:, 1] * np.tanh(x[:, 2]) + rng.normal(size=samples) * 0.1
        dataset = table(path, x, y)
        loss = {"name": "mean_squared_error", "reduction": str(rng.choice(["mean", "half_sum"]))}
    elif kind == "two classes":
        name = str(rng.choice(["circles", "spirals", "blobs"]))
        spread = {"std": 1.5} if name == "blobs" else {"noise": 0.1}
        dataset = {"name": name, "samples": samples, **spread}
        network[-1]["activation"] = "sigmoid"
        loss = {"name": str(rng.choice(["binary_cross_entropy", "mean_squared_error"]))}
    else:
        name = str(rng.choice(["spirals", "blobs"]))
        dataset = {"name": name, "samples": samples, "classes": 3, "encoding": "one_hot"}
        network[-1] = {"units": 3, "activation": "softmax"}
        loss = {"name": "softmax_cross_entropy"}
    optimizer = [{}, {}, {"momentum": 0.9}, {"name": "adam"}, {"name": "rmsprop"}]
    batch = rng.choice(["full", "full", "10", "32"])
    return settings(
        dataset,
        network,
        loss=loss,
        optimizer=optimizer[rng.integers(len(optimizer))],
        steps=int(rng.choice([500, 1500, 4000])),
        batch_size="full" if batch == "full" else int(batch),
    )
