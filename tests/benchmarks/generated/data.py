"""The lines with which a program gets its data: drawn, a grid, lists, a CSV file beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.benchmarks.generated.names import Names
from tests.benchmarks.generated.recipe import Recipe
from tests.benchmarks.generated.writing import Writer

REGRESSIONS = {
    1: ("np.sin({x})", "{x} ** 2 - 0.5", "0.5 * {x} + 0.2", "np.cos(2 * {x})", "np.abs({x}) - 0.5"),
    2: (
        "np.sin({x}[:, :1]) * {x}[:, 1:2]",
        "{x}[:, :1] ** 2 - 0.5 * {x}[:, 1:2]",
        "0.7 * {x}[:, :1] - 0.3 * {x}[:, 1:2] + 0.1",
    ),
}
CLASSES = (
    "({x}[:, :1] + {x}[:, 1:2] > 0)",
    "({x}[:, :1] * {x}[:, 1:2] > 0)",
    "(np.sum({x} ** 2, axis=1, keepdims=True) > {x}.shape[1])",
    "({x}[:, :1] > {x}[:, 1:2] ** 2 - 0.5)",
)


@dataclass
class DataWriter:
    """Writes the data of one recipe in rows or columns; `files` holds what lies beside."""

    recipe: Recipe
    names: Names
    rng: np.random.Generator
    files: dict[str, str]
    seed: int

    def __call__(self, w: Writer, *, generator: str = "") -> None:
        """Write the lines; X and Y exist behind them, in the recipe's orientation."""
        x, y = self.names("X"), self.names("Y")
        if self.recipe.data == "xor":
            self._gate(w, x, y)
        elif self.recipe.layout == "csv":
            self._csv(w, x, y)
        else:
            self._drawn(w, x, y, generator)
        if self.recipe.columns:
            w(f"{x}, {y} = {x}.T, {y}.T")
        w.lines[-1].tag = "data"

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """The same kind of data as arrays, for files and for literal lists."""
        rng = np.random.default_rng(self.seed + 100)
        scope = {"np": np, "rng": rng}
        w = Writer()
        own = replace(self, names=Names("textbook", np.random.default_rng(0)))
        own._drawn(w, "x", "y", "rng")
        exec("\n".join(line.text for line in w.lines), scope)
        return np.asarray(scope["x"], dtype=float), np.asarray(scope["y"], dtype=float)

    def _gate(self, w: Writer, x: str, y: str) -> None:
        gate = [[0], [1], [1], [0]] if self.rng.random() < 0.7 else [[0], [1], [1], [1]]
        dtype = str(self.rng.choice(["", ", dtype=float"]))
        w(f"{x} = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]{dtype})")
        w(f"{y} = np.array({gate}{dtype})")

    def _drawn(self, w: Writer, x: str, y: str, generator: str) -> None:
        n, d, k = self.recipe.examples, self.recipe.sizes[0], self.recipe.sizes[-1]
        kind = self.recipe.data
        normal = (
            f"{generator}.normal(size=({n}, {d}))" if generator else f"np.random.randn({n}, {d})"
        )
        uniform = f"{generator or 'np.random'}.uniform(-2, 2, ({n}, {d}))"
        if kind == "grid":
            w(f"{x} = np.linspace(-2, 2, {n}).reshape(-1, 1)")
        elif kind == "ints":
            draw = "integers" if generator else "randint"
            w(f"{x} = {generator or 'np.random'}.{draw}(-2, 3, size=({n}, {d}))")
        elif kind == "blobs":
            w(f"{self.names('k')} = np.arange({n}) % {k}")
            centres = f"np.array([[2, 0], [-1, 1.5], [-1, -1.5]])[{self.names('k')}]"
            noise = (
                f"{generator}.normal(size=({n}, 2))" if generator else f"np.random.randn({n}, 2)"
            )
            w(f"{x} = {centres} + 0.7 * {noise}")
            if d > 2:
                w(
                    f"{x} = np.hstack([{x}, 0.5 * {x}[:, :1] * {x}[:, 1:]{', np.sin(' + x + '[:, :1])' if d > 3 else ''}])"
                )
            w(f"{y} = np.eye({k})[{self.names('k')}]")
            return
        else:
            w(f"{x} = {normal if kind == 'normal' or self.rng.random() < 0.5 else uniform}")
        self._targets(w, x, y, d, k, kind)

    def _targets(self, w: Writer, x: str, y: str, d: int, k: int, kind: str) -> None:
        if kind in {"classes", "normal_classes"}:
            form = str(self.rng.choice(CLASSES)) if d > 1 else "({x} > 0.3)"
            w(f"{y} = {form.format(x=x)}.astype(float)")
            return
        forms = REGRESSIONS[min(d, 2)]
        form = str(self.rng.choice(forms)).format(x=x)
        if self.recipe.output == "tanh":
            form = f"0.8 * np.tanh({form})"
        elif self.recipe.output == "sigmoid":
            form = f"0.5 + 0.4 * np.tanh({form})"
        if k == 2:
            form = f"np.hstack([{form}, 0.3 * {x}[:, :1]])"
        w(f"{y} = {form}")

    def _csv(self, w: Writer, x: str, y: str) -> None:
        inputs, targets = self.arrays()
        table = np.hstack([inputs, targets])
        header = ",".join(
            [
                *(f"x{i}" for i in range(inputs.shape[1])),
                *(f"y{i}" for i in range(targets.shape[1])),
            ]
        )
        rows = [",".join(f"{value:.6g}" for value in row) for row in table]
        name = str(self.rng.choice(["data.csv", "train.csv", "points.csv", "table.csv"]))
        self.files[name] = "\n".join([header, *rows]) + "\n"
        table_name, d = self.names("data"), inputs.shape[1]
        reader = self.rng.choice(
            [
                f'{table_name} = np.loadtxt("{name}", delimiter=",", skiprows=1)',
                f'{table_name} = np.genfromtxt("{name}", delimiter=",", skip_header=1)',
            ]
        )
        w(str(reader))
        w(f"{x} = {table_name}[:, :{d}]")
        w(f"{y} = {table_name}[:, {d}:]")
