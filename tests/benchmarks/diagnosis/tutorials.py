"""The data that tutorials train on, as small CSV files beside the population's results.

Iris, wine, digits and diabetes are scikit-learn's where it is installed; else, and for the others
always, data of the same kind are drawn: as many columns, classes and examples, on like scales.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Table = tuple[Array, Array]

FOLDER = Path(__file__).parents[3] / "runs" / "tutorials"
_DIGITS = 500  # rows of the digits that are kept: training is to take a second


def tutorial(name: str) -> Path:
    """The CSV file of a tutorial's data; written where it is not there yet."""
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        inputs, targets = _DATA[name]()
        columns = [*(f"x{number}" for number in range(inputs.shape[1])), "y"]
        rows = np.column_stack([inputs, targets])
        FOLDER.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{np.random.default_rng().integers(10**9)}")
        np.savetxt(unfinished, rows, delimiter=",", header=",".join(columns), comments="", fmt="%g")
        unfinished.replace(path)
    return path


def linear_share(name: str) -> float:
    """Share of the targets' variance that a linear model explains of a tutorial's data."""
    table = np.loadtxt(tutorial(name), delimiter=",", skiprows=1)
    design, targets = np.column_stack([table[:, :-1], np.ones(len(table))]), table[:, -1]
    rest = targets - design @ np.linalg.lstsq(design, targets, rcond=None)[0]
    return float(1 - rest.var() / targets.var())


def moons() -> Table:
    """Two half circles that lock into each other."""
    rng = np.random.default_rng(0)
    angle, label = np.pi * rng.random(200), np.arange(200) % 2
    x = np.where(label, 1 - np.cos(angle), np.cos(angle))
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle))
    return np.stack([x, y], axis=1) + rng.normal(0, 0.1, (200, 2)), label.astype(float)


def polynomial() -> Table:
    """x, x² and x³ with a sine as the target, as the linear layer of a first tutorial has it."""
    x = np.linspace(-np.pi, np.pi, 400)
    return np.stack([x, x**2, x**3], axis=1), np.sin(x)


def parity() -> Table:
    """All 64 rows of six bits with their parity."""
    bits = (np.arange(64)[:, None] >> np.arange(6)) & 1
    return 2.0 * bits - 1, (bits.sum(axis=1) % 2).astype(float)


def periodic() -> Table:
    """A sine over three periods."""
    x = np.linspace(-3, 3, 240)
    return x[:, None], np.sin(np.pi * x)


def iris() -> Table:
    """Four lengths of flowers of three kinds."""
    means = [[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]]
    return _sklearn("load_iris") or _clouds(means, [0.5, 0.35, 0.4, 0.2], rows=50)


def wine() -> Table:
    """Thirteen quantities of wines of three kinds, from tenths to a thousand."""
    rng = np.random.default_rng(1)
    scale = 10.0 ** rng.uniform(-1, 3, 13)
    return _sklearn("load_wine") or _clouds(
        3 * scale + scale * rng.normal(0, 1, (3, 13)), scale, rows=59
    )


def digits() -> Table:
    """Pictures of 8 by 8 grey points, of ten digits."""
    rng = np.random.default_rng(2)
    found = _sklearn("load_digits") or _clouds(rng.uniform(0, 16, (10, 64)), np.full(64, 4.0), 50)
    return found[0][:_DIGITS], found[1][:_DIGITS]


def diabetes() -> Table:
    """Ten quantities of patients and how far their illness went: half of it can be told."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(442, 10))
    drawn = 152 + x @ rng.normal(0, 17, 10) + rng.normal(0, 54, 442)
    return _sklearn("load_diabetes", scaled=False) or (x, drawn)


def housing() -> Table:
    """Eight quantities of districts on scales of their own, and the price of their houses."""
    rng = np.random.default_rng(4)
    income, age = rng.gamma(3, 1.3, 500), rng.uniform(1, 52, 500)
    rooms, people = rng.gamma(20, 0.27, 500), rng.gamma(2, 700, 500)
    north, west = rng.uniform(32, 42, 500), rng.uniform(-124, -114, 500)
    coast = np.exp(-((north - 37 + west + 119) ** 2) / 4)
    price = 0.45 * income + 0.006 * age + 1.2 * coast + 0.1 * rooms + rng.normal(0, 0.25, 500)
    columns = [income, age, rooms, rooms / 5, people, people / 3, north, west]
    return np.stack(columns, axis=1), price


def _clouds(means: Any, spread: Any, rows: int) -> Table:
    """So many rows around each mean, in an order drawn."""
    rng = np.random.default_rng(5)
    means, label = np.asarray(means), rng.permutation(np.arange(len(means) * rows) % len(means))
    return means[label] + rng.normal(0, 1, (len(label), means.shape[1])) * spread, label.astype(
        float
    )


def _sklearn(loader: str, **options: Any) -> Table | None:
    """A data set of scikit-learn in an order drawn; None where it is not installed."""
    try:
        load = getattr(importlib.import_module("sklearn.datasets"), loader)
    except ImportError:
        return None
    inputs, targets = load(return_X_y=True, **options)
    order = np.random.default_rng(6).permutation(len(inputs))
    return inputs[order], targets[order].astype(float)


_DATA: dict[str, Callable[[], Table]] = {
    one.__name__: one
    for one in (moons, polynomial, parity, periodic, iris, wine, digits, diabetes, housing)
}
