"""Networks with a structure: recurrence, gates, a convolution, batch normalisation, dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.generated.core import OTHER, Faults
from tests.benchmarks.generated.reference import Arrays, activated, loss_value
from tests.benchmarks.generated.scene import Scene
from tests.benchmarks.generated.styles import style

SEQUENCE = {
    "columns": (False,), "batch": ("full",), "loss": ("half_sum",), "output": ("linear",), "depth": (2,),
    "optimizer": ("sgd", "sgd", "momentum", "adagrad", "adam"), "decay": (0.0,), "schedule": (False,),
    "layout": ("drawn",), "data": ("normal",), "shown": ("each", "each", "never"),
}  # fmt: skip
At = Callable[[str, int | None], str]


def names_of(scene: Scene) -> At:
    def at(role: str, layer: int | None = None) -> str:
        return scene.names(role, layer)

    return at


def set_tensors(scene: Scene, *roles: str) -> None:
    scene.own_tensors = [(role, None) for role in roles]


def sequences(
    scene: Scene, *, rate: float, units: tuple[int, int] = (4, 7)
) -> tuple[int, int, int]:
    """Data whose targets need the input before; returns steps, inputs and units."""
    w, n = scene.w, scene.names
    T, d, H = (
        int(scene.rng.integers(4, 7)),
        int(scene.rng.integers(1, 3)),
        int(scene.rng.integers(*units)),
    )
    if scene.recipe.optimizer in {"adam", "adagrad"}:
        rate = 0.01 if scene.recipe.optimizer == "adam" else 0.05
    elif scene.recipe.optimizer == "momentum":
        rate /= 5
    scene.change(sizes=(d, H, 1), rate=rate, steps=int(scene.rng.choice([800, 1200])), examples=20)
    X, Y, k = n("X"), n("Y"), n("k")
    draw = f"{scene.generator or 'np.random'}.uniform"
    w(f"{X} = {draw}(-1, 1, size=(20, {T}, {d}))")
    w(f"{Y} = {X}[:, :, 0].copy()")
    w(f"for {k} in range(1, {T}):")
    w(f"    {Y}[:, {k}] = 0.5 * {X}[:, {k}, 0] + 0.4 * {X}[:, {k} - 1, 0]")
    return T, d, H


def total(single: Callable[[Arrays, np.ndarray, np.ndarray], complex]) -> Callable[..., complex]:
    """An objective over one sequence, or over all of them."""

    def objective(
        parameters: Arrays, x: np.ndarray, y: np.ndarray, extra: dict[str, Any]
    ) -> complex:
        if x.ndim == 2:
            return single(parameters, x, y)
        return sum((single(parameters, *pair) for pair in zip(x, y, strict=True)), 0)

    return objective


def resets_of(scene: Scene, at: At, roles: tuple[str, ...]) -> None:
    """Gradients set to zero inside the loop; before it they would never be."""
    w = scene.w
    resets = {
        (
            tag := w(f"{at('d' + r, None)} = np.zeros_like({at(r, None)})", tag=f"reset {r}")
        ): w.text_of(tag)
        for r in roles
    }
    head = w.text_of("loop")
    w.fault(
        "not-reset",
        {**dict.fromkeys(resets), "loop": (*resets.values(), head)},
        tuple(f"d{r}" for r in roles),
    )


def summed(scene: Scene, at: At, role: str, text: str, faults: Faults | None = None) -> None:
    """A gradient that adds up over time."""
    g = at("d" + role, None)
    options: Faults = {"overwritten": f"{g} = {text}"}
    for bug, wrong in (faults or {}).items():
        options[bug] = (
            [f"{g} += {one}" for one in wrong] if isinstance(wrong, list) else f"{g} += {wrong}"
        )
    scene.w(f"{g} += {text}", options, tag=f"d{role}")


def rnn_loss(p: Arrays, x: np.ndarray, y: np.ndarray) -> complex:
    Wx, Wh, bh, Wy, by = p
    h, value = np.zeros(len(bh)), 0j
    for inputs, target in zip(x, y, strict=True):
        h = np.tanh(Wx @ inputs + Wh @ h + bh)
        value += 0.5 * np.sum((Wy @ h + by - target) ** 2)
    return value


@style("recurrent", **SEQUENCE)
def recurrent(scene: Scene) -> None:
    """Backpropagation through time, one sequence a step."""
    w, n, at = scene.w, scene.names, names_of(scene)
    scene.objective = total(rnn_loss)
    scene.layout = "lines"
    scene.optimizing.ascent = False
    set_tensors(scene, "Wx", "Wh", "bh", "Wy", "by")
    scene.head()
    scene.seeded()
    T, d, H = sequences(scene, rate=0.03)
    scene.constants()
    draw = f"{scene.generator or 'np.random'}.normal"
    Wx, Wh, bh, Wy, by = (at(role, None) for role, _ in scene.own_tensors)
    for name, shape in ((Wx, (H, d)), (Wh, (H, H)), (Wy, (1, H))):
        w(f"{name} = {draw}(0, 0.4, {shape})")
    w(f"{bh}, {by} = np.zeros({H}), np.zeros(1)")
    scene.states(at)
    w()
    x, t, k, h, p, i = n("xb"), n("yb"), n("k"), n("hidden"), n("out"), n("i")
    with w.block(f"for {n('epoch')} in range({scene.recipe.steps}):", tag="loop"):
        w(f"{i} = {n('epoch')} % len({n('X')})")
        w(f"{x}, {t} = {n('X')}[{i}], {n('Y')}[{i}]")
        scene.probe(f"[{Wx}, {Wh}, {bh}, {Wy}, {by}]", x, t, f"({n('X')}, {n('Y')})")
        w(f"{h} = {{-1: np.zeros({H})}}")
        w(f"{p} = {{}}")
        if scene.recipe.shown == "each":
            w(f"{n('loss')} = 0")
        with w.block(f"for {k} in range({T}):"):
            line = f"{h}[{k}] = np.tanh({Wx} @ {x}[{k}] + {Wh} @ {h}[{k} - 1] + {bh})"
            w(line, {"state-not-carried": line.replace(f"{h}[{k} - 1]", f"{h}[-1]")}, tag="state")
            w(f"{p}[{k}] = {Wy} @ {h}[{k}] + {by}")
            if scene.recipe.shown == "each":
                w(f"{n('loss')} += 0.5 * np.sum(({p}[{k}] - {t}[{k}]) ** 2)")
        _through_time(scene, at, T, H)
        scene.update(at)
        _shown(scene)


def _shown(scene: Scene) -> None:
    n = scene.names
    if scene.recipe.shown == "each":
        with scene.w.block(f"if {n('epoch')} % {max(1, scene.recipe.steps // 10)} == 0:"):
            scene.w(f"print({n('epoch')}, {n('loss')})")


def _through_time(scene: Scene, at: At, T: int, H: int) -> None:
    w, n = scene.w, scene.names
    Wh, Wy = at("Wh", None), at("Wy", None)
    x, t, k, h, p = n("xb"), n("yb"), n("k"), n("hidden"), n("out")
    dy, dh, dz, later = n("error"), n("e"), n("delta"), n("last")
    resets_of(scene, at, ("Wx", "Wh", "bh", "Wy", "by"))
    w(f"{later} = np.zeros({H})")
    with w.block(
        f"for {k} in reversed(range({T})):",
        {"recurrence-order": f"for {k} in range({T}):"},
        tag="back in time",
    ):
        w(
            f"{dy} = {p}[{k}] - {t}[{k}]",
            {
                "residual-sign": f"{dy} = {t}[{k}] - {p}[{k}]",
                "factor-two?": f"{dy} = 2 * ({p}[{k}] - {t}[{k}])",
            },
            tag="residual",
        )
        summed(
            scene,
            at,
            "Wy",
            f"np.outer({dy}, {h}[{k}])",
            {"gate-operand": f"np.outer({dy}, {h}[{k} - 1])"},
        )
        summed(scene, at, "by", dy)
        w(f"{dh} = {Wy}.T @ {dy} + {later}", {"recurrence-cut": f"{dh} = {Wy}.T @ {dy}"}, tag="dh")
        slope = f"(1 - {h}[{k}] ** 2)"
        w(f"{dz} = {dh} * {slope}", {"derivative-missing": f"{dz} = {dh}", "derivative-of-other": f"{dz} = {dh} * {h}[{k}] * (1 - {h}[{k}])",
                                     "derivative-of-wrong-layer": f"{dz} = {dh} * (1 - {h}[{k} - 1] ** 2)"}, tag="dz")  # fmt: skip
        summed(
            scene,
            at,
            "Wx",
            f"np.outer({dz}, {x}[{k}])",
            {
                "error-for-delta": f"np.outer({dh}, {x}[{k}])",
                "gate-operand": f"np.outer({dz}, {x}[0])",
            },
        )
        summed(
            scene,
            at,
            "Wh",
            f"np.outer({dz}, {h}[{k} - 1])",
            {"gate-operand": f"np.outer({dz}, {h}[{k}])"},
        )
        summed(scene, at, "bh", dz, {"error-for-delta": dh, "bias-total": f"np.sum({dz})"})
        w(f"{later} = {Wh}.T @ {dz}", {"transpose-forgotten": f"{later} = {Wh} @ {dz}", "error-for-delta": f"{later} = {Wh}.T @ {dh}",
                                       "chain-broken": f"{later} = {dz}"}, tag="later")  # fmt: skip


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def lstm_loss(p: Arrays, x: np.ndarray, y: np.ndarray) -> complex:
    Wf, Wi, Wo, Wc, bf, bi, bo, bc, Wy, by = p
    h, c, value = np.zeros(len(bf)), np.zeros(len(bf)), 0j
    for inputs, target in zip(x, y, strict=True):
        both = np.concatenate([h, inputs])
        c = sigmoid(Wf @ both + bf) * c + sigmoid(Wi @ both + bi) * np.tanh(Wc @ both + bc)
        h = sigmoid(Wo @ both + bo) * np.tanh(c)
        value += 0.5 * np.sum((Wy @ h + by - target) ** 2)
    return value


GATES = ("f", "i", "o", "c")
LSTM = (*(f"W{g}" for g in GATES), *(f"b{g}" for g in GATES), "Wy", "by")


@style("lstm", **SEQUENCE)
def lstm(scene: Scene) -> None:
    """A long short-term memory, backpropagated through time by hand."""
    w, n, at = scene.w, scene.names, names_of(scene)
    scene.objective = total(lstm_loss)
    scene.layout = str(scene.rng.choice(["zip", "index"]))
    scene.optimizing.ascent = False
    set_tensors(scene, *LSTM)
    scene.head()
    w(f"def {n('act')}({n('z')}):")
    w(f"    return 1 / (1 + np.exp(-{n('z')}))")
    w()
    scene.seeded()
    T, d, H = sequences(scene, rate=0.1, units=(3, 5))
    scene.constants()
    draw = f"{scene.generator or 'np.random'}.normal"
    for g in GATES:
        w(f"{at('W' + g, None)} = {draw}(0, 0.4, ({H}, {H + d}))")
        w(f"{at('b' + g, None)} = np.zeros({H})")
    w(f"{at('Wy', None)} = {draw}(0, 0.4, (1, {H}))")
    w(f"{at('by', None)} = np.zeros(1)")
    scene.states(at)
    w()
    x, t, i = n("xb"), n("yb"), n("i")
    with w.block(f"for {n('epoch')} in range({scene.recipe.steps}):", tag="loop"):
        w(f"{i} = {n('epoch')} % len({n('X')})")
        w(f"{x}, {t} = {n('X')}[{i}], {n('Y')}[{i}]")
        scene.probe(
            f"[{', '.join(at(role, None) for role in LSTM)}]", x, t, f"({n('X')}, {n('Y')})"
        )
        _lstm_forward(scene, at, T, H)
        _lstm_backward(scene, at, T, H)
        scene.update(at)
        _shown(scene)


def _lstm_forward(scene: Scene, at: At, T: int, H: int) -> None:
    w, n = scene.w, scene.names
    k, x, act = n("k"), n("xb"), n("act")
    h, c, both, p = n("hidden"), n("cell"), n("both"), n("out")
    f, i, o, g = (n("gate", j) for j in range(4))
    w(f"{h}, {c} = {{-1: np.zeros({H})}}, {{-1: np.zeros({H})}}")
    w(f"{both}, {f}, {i}, {o}, {g}, {p} = {{}}, {{}}, {{}}, {{}}, {{}}, {{}}")
    if scene.recipe.shown == "each":
        w(f"{n('loss')} = 0")
    with w.block(f"for {k} in range({T}):"):
        w(
            f"{both}[{k}] = np.concatenate([{h}[{k} - 1], {x}[{k}]])",
            {"state-not-carried": f"{both}[{k}] = np.concatenate([{h}[-1], {x}[{k}]])"},
            tag="both",
        )
        for gate, name in (("f", f), ("i", i), ("o", o)):
            w(f"{name}[{k}] = {act}({at('W' + gate, None)} @ {both}[{k}] + {at('b' + gate, None)})")
        w(f"{g}[{k}] = np.tanh({at('Wc', None)} @ {both}[{k}] + {at('bc', None)})")
        w(
            f"{c}[{k}] = {f}[{k}] * {c}[{k} - 1] + {i}[{k}] * {g}[{k}]",
            {"state-not-carried": f"{c}[{k}] = {f}[{k}] * {c}[-1] + {i}[{k}] * {g}[{k}]"},
            tag="cell",
        )
        w(f"{h}[{k}] = {o}[{k}] * np.tanh({c}[{k}])")
        w(f"{p}[{k}] = {at('Wy', None)} @ {h}[{k}] + {at('by', None)}")
        if scene.recipe.shown == "each":
            w(f"{n('loss')} += 0.5 * np.sum(({p}[{k}] - {n('yb')}[{k}]) ** 2)")


def _lstm_backward(scene: Scene, at: At, T: int, H: int) -> None:
    w, n = scene.w, scene.names
    k, t, h, c, both, p = n("k"), n("yb"), n("hidden"), n("cell"), n("both"), n("out")
    f, i, o, g = (n("gate", j) for j in range(4))
    dy, dh, dc, dhn, dcn = n("error"), n("dh"), n("dc"), n("dh_next"), n("dc_next")
    deltas = {gate: n("delta", j) for j, gate in enumerate(GATES)}
    resets_of(scene, at, LSTM)
    w(f"{dhn}, {dcn} = np.zeros({H}), np.zeros({H})")
    with w.block(
        f"for {k} in reversed(range({T})):",
        {"recurrence-order": f"for {k} in range({T}):"},
        tag="back in time",
    ):
        w(
            f"{dy} = {p}[{k}] - {t}[{k}]",
            {"residual-sign": f"{dy} = {t}[{k}] - {p}[{k}]"},
            tag="residual",
        )
        summed(
            scene,
            at,
            "Wy",
            f"np.outer({dy}, {h}[{k}])",
            {"gate-operand": f"np.outer({dy}, {c}[{k}])"},
        )
        summed(scene, at, "by", dy)
        w(
            f"{dh} = {at('Wy', None)}.T @ {dy} + {dhn}",
            {"recurrence-cut": f"{dh} = {at('Wy', None)}.T @ {dy}"},
            tag="dh",
        )
        line = f"{dc} = {dh} * {o}[{k}] * (1 - np.tanh({c}[{k}]) ** 2) + {dcn}"
        w(
            line,
            {
                "recurrence-cut": line.replace(f" + {dcn}", ""),
                "gate-derivative": [
                    line.replace(f" * (1 - np.tanh({c}[{k}]) ** 2)", ""),
                    line.replace(f"np.tanh({c}[{k}])", f"{c}[{k}]"),
                ],
            },
            tag="dc",
        )
        gates = {
            "f": (f"{dc} * {c}[{k} - 1]", f, f"{dc} * {c}[{k}]"), "i": (f"{dc} * {g}[{k}]", i, f"{dc} * {i}[{k}]"),
            "o": (f"{dh} * np.tanh({c}[{k}])", o, f"{dh} * {c}[{k}]"), "c": (f"{dc} * {i}[{k}]", g, f"{dc} * {f}[{k}]"),
        }  # fmt: skip
        for gate, (arrived, value, wrong) in gates.items():
            v = f"{value}[{k}]"
            slope = f"(1 - {v} ** 2)" if gate == "c" else f"{v} * (1 - {v})"
            other = f"{v} * (1 - {v})" if gate == "c" else f"(1 - {v} ** 2)"
            d = deltas[gate]
            w(
                f"{d} = {arrived} * {slope}",
                {
                    "gate-derivative": [f"{d} = {arrived}", f"{d} = {arrived} * {other}"],
                    "gate-operand": f"{d} = {wrong} * {slope}",
                },
                tag=f"delta {gate}",
            )
            summed(scene, at, f"W{gate}", f"np.outer({d}, {both}[{k}])")
            summed(scene, at, f"b{gate}", d, {"bias-total": f"np.sum({d})"})
        terms = [f"{at('W' + gate, None)}.T @ {deltas[gate]}" for gate in GATES]
        back = n("back")
        w(
            f"{back} = {' + '.join(terms)}",
            {"chain-broken": f"{back} = {' + '.join(terms[:3])}"},
            tag="back",
        )
        w(f"{dhn} = {back}[:{H}]", {"recurrence-cut": f"{dhn} = np.zeros({H})"}, tag="dhn")
        w(
            f"{dcn} = {dc} * {f}[{k}]",
            {"recurrence-cut": f"{dcn} = {dc}", "gate-operand": f"{dcn} = {dc} * {i}[{k}]"},
            tag="dcn",
        )


# networks over whole batches

BATCHES = {
    "columns": (False,), "batch": ("full", "mini"), "depth": (2,), "decay": (0.0,), "schedule": (False,),
    "output": ("linear", "sigmoid"), "loss": ("mean", "half_mean", "bce"), "hidden": ("tanh", "relu", "sigmoid"),
    "optimizer": ("sgd", "sgd", "momentum", "adam", "rmsprop"), "data": ("normal", "normal_classes", "classes"),
}  # fmt: skip


def formula(kind: str, z: str) -> str:
    return {
        "tanh": f"np.tanh({z})",
        "relu": f"np.maximum(0, {z})",
        "sigmoid": f"1 / (1 + np.exp(-({z})))",
    }.get(kind, z)


def output_part(scene: Scene, x: str, y: str) -> None:
    """Loss and the delta at a single linear or sigmoid output."""
    w, n, recipe = scene.w, scene.names, scene.recipe
    p, d = n("out"), n("delta", 2)
    text = {"mean": f"np.mean(({p} - {y}) ** 2)", "half_mean": f"0.5 * np.mean(({p} - {y}) ** 2)",
            "bce": f"-np.mean({y} * np.log({p}) + (1 - {y}) * np.log(1 - {p}))"}[recipe.loss]  # fmt: skip
    scene.loss_lines(text)
    c = "2 * " if recipe.loss == "mean" else ""
    other = "" if recipe.loss == "mean" else "2 * "
    slope = f" * {p} * (1 - {p})" if recipe.output == "sigmoid" and recipe.loss != "bce" else ""
    options: Faults = {
        "residual-sign": f"{d} = {c}({y} - {p}){slope} / len({x})",
        "factor-two?": f"{d} = {other}({p} - {y}){slope} / len({x})",
        "mean-missing?": f"{d} = {c}({p} - {y}){slope}",
    }
    if slope:
        options["output-derivative-missing?"] = f"{d} = {c}({p} - {y}) / len({x})"
    w(f"{d} = {c}({p} - {y}){slope} / len({x})", options, tag="delta2")


def single_output(scene: Scene) -> None:
    if scene.recipe.sizes[-1] != 1 or scene.recipe.loss == "rows":
        scene.change(sizes=(*scene.recipe.sizes[:-1], 1))
        if scene.recipe.loss == "rows":
            scene.change(loss="mean")
    scene.optimizing.ascent = False


def batch_loss(recipe: Any, p: np.ndarray, y: np.ndarray) -> complex:
    return loss_value(recipe.loss, activated(recipe.output, p), y)


@style(
    "convolution",
    **{
        **BATCHES,
        "layout": ("drawn",),
        "data": ("normal",),
        "output": ("linear",),
        "loss": ("mean", "half_mean"),
    },
)
def convolution(scene: Scene) -> None:
    """A convolution over short signals, a dense layer behind it."""
    w, n, at = scene.w, scene.names, names_of(scene)
    single_output(scene)
    scene.layout = "lines"
    L, F, K = int(scene.rng.integers(6, 9)), int(scene.rng.integers(2, 4)), 3
    P = L - K + 1
    pooled = bool(scene.rng.random() < 0.4)
    hidden, recipe = scene.recipe.hidden, scene.recipe
    set_tensors(scene, "K", "c", "V", "b")

    def objective(p: Arrays, x: np.ndarray, y: np.ndarray, extra: dict[str, Any]) -> complex:
        z = np.stack([x[:, i : i + K] @ p[0].T + p[1] for i in range(P)], axis=2)  # (n, F, P)
        a = activated(hidden, z)
        flat = a.mean(axis=2) if pooled else a.reshape(len(x), -1)
        return batch_loss(recipe, flat @ p[2] + p[3], y)

    scene.objective = objective
    scene.head()
    scene.seeded()
    X, Y = n("X"), n("Y")
    draw = f"{scene.generator or 'np.random'}.normal"
    w(f"{X} = {draw}(size=({recipe.examples}, {L}))")
    w(f"{Y} = np.tanh({X}[:, 1:-1] - 0.5 * {X}[:, 2:]).sum(axis=1, keepdims=True) / {L - 2}")
    scene.constants()
    kernel, c, V, b = (at(role, None) for role in "KcVb")
    w(f"{kernel} = {draw}(0, 0.5, ({F}, {K}))")
    w(f"{c} = np.zeros({F})", tag="start c")
    w(f"{V} = {draw}(0, 0.5, ({F if pooled else F * P}, 1))")
    w(f"{b} = np.zeros((1, 1))", tag="start b")
    scene.states(at)
    scene.history()
    w()
    with scene.loop():
        _convolve(scene, at, F=F, K=K, P=P, pooled=pooled)
        scene.update(at)
    scene.history_shown()


def _convolve(scene: Scene, at: At, *, F: int, K: int, P: int, pooled: bool) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    x, y = (n("X"), n("Y")) if recipe.batch == "full" else (n("xb"), n("yb"))
    kernel, c, V, b = (at(role, None) for role in "KcVb")
    z, a, flat, p, k = n("z", 1), n("a", 1), n("flat"), n("out"), n("k")
    w(f"{z} = np.zeros((len({x}), {F}, {P}))")
    with w.block(f"for {k} in range({P}):"):
        w(f"{z}[:, :, {k}] = {x}[:, {k}:{k} + {K}] @ {kernel}.T + {c}")
    w(f"{a} = {formula(recipe.hidden, z)}")
    w(f"{flat} = {a}.mean(axis=2)" if pooled else f"{flat} = {a}.reshape(len({x}), -1)")
    w(f"{p} = {flat} @ {V} + {b}")
    scene.probe(f"[{kernel}, {c}, {V}, {b}]", x, y, f"({n('X')}, {n('Y')})")
    output_part(scene, x, y)
    d2, da, dz = n("delta", 2), n("error", 1), n("delta", 1)
    w(
        f"{at('dV', None)} = {flat}.T @ {d2}",
        {"gradient-sign": f"{at('dV', None)} = -{flat}.T @ {d2}"},
        tag="dV",
    )
    w(
        f"{at('db', None)} = {d2}.sum(axis=0, keepdims=True)",
        {"bias-averaged": f"{at('db', None)} = {d2}.mean(axis=0, keepdims=True)"},
        tag="db",
    )
    if pooled:
        w(
            f"{da} = ({d2} @ {V}.T)[:, :, None] * np.ones({P}) / {P}",
            {"mean-missing": f"{da} = ({d2} @ {V}.T)[:, :, None] * np.ones({P})"},
            tag="da",
        )
    else:
        line = f"{da} = ({d2} @ {V}.T).reshape({a}.shape)"
        w(
            line,
            {
                "patch-index": f"{da} = ({d2} @ {V}.T).reshape(len({x}), {P}, {F}).transpose(0, 2, 1)"
            },
            tag="da",
        )
    slope = {"tanh": f"(1 - {a} ** 2)", "relu": f"({z} > 0)", "sigmoid": f"{a} * (1 - {a})"}
    options: Faults = {"derivative-missing": f"{dz} = {da}", "derivative-of-other": f"{dz} = {da} * {slope[OTHER[recipe.hidden]]}",
                       "derivative-twice": f"{dz} = {da} * {slope[recipe.hidden]} * {slope[recipe.hidden]}"}  # fmt: skip
    if recipe.hidden == "relu":
        options["mask-wrong"] = f"{dz} = {da} * ({da} > 0)"
    w(f"{dz} = {da} * {slope[recipe.hidden]}", options, tag="dz")
    g = at("dK", None)
    w(f"{g} = np.zeros_like({kernel})")
    with w.block(f"for {k} in range({P}):"):
        part = f"{dz}[:, :, {k}].T @ {x}[:, {k}:{k} + {K}]"
        w(f"{g} += {part}", {"overwritten": f"{g} = {part}", "patch-index": [f"{g} += {dz}[:, :, {k}].T @ {x}[:, :{K}]", f"{g} += {dz}[:, :, 0].T @ {x}[:, {k}:{k} + {K}]", f"{g} += {dz}[:, :, {k}].T @ {x}[:, {k}:{k} + {K}][:, ::-1]"],
                             "error-for-delta": f"{g} += {da}[:, :, {k}].T @ {x}[:, {k}:{k} + {K}]"}, tag="dK")  # fmt: skip
    w(
        f"{at('dc', None)} = {dz}.sum(axis=(0, 2))",
        {
            "bias-total": f"{at('dc', None)} = {dz}.sum()",
            "bias-averaged": f"{at('dc', None)} = {dz}.mean(axis=(0, 2))",
        },
        tag="dc",
    )


@style("batch-norm", **BATCHES)
def batch_norm(scene: Scene) -> None:
    """A hidden layer whose sums are normalised over the batch."""
    w, at = scene.w, names_of(scene)
    single_output(scene)
    scene.layout = "lines"
    recipe = scene.recipe
    set_tensors(scene, "W", "gamma", "beta", "V", "b")

    def objective(p: Arrays, x: np.ndarray, y: np.ndarray, extra: dict[str, Any]) -> complex:
        z = x @ p[0]
        centred = z - z.mean(axis=0)
        zn = centred / np.sqrt((centred**2).mean(axis=0) + 1e-5)
        return batch_loss(recipe, activated(recipe.hidden, p[1] * zn + p[2]) @ p[3] + p[4], y)

    scene.objective = objective
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants()
    draw = f"{scene.generator or 'np.random'}.normal"
    inputs, units, _ = recipe.sizes
    W, gamma, beta, V, b = (at(role, None) for role, _ in scene.own_tensors)
    w(f"{W} = {draw}(0, {recipe.scale:g}, ({inputs}, {units}))")
    w(f"{gamma}, {beta} = np.ones({units}), np.zeros({units})")
    w(f"{V} = {draw}(0, {recipe.scale:g}, ({units}, 1))")
    w(f"{b} = np.zeros(1)")
    scene.states(at)
    scene.history()
    w()
    with scene.loop():
        _normalise(scene, at)
        scene.update(at)
    scene.history_shown()


def _normalise(scene: Scene, at: At) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    x, y = (n("X"), n("Y")) if recipe.batch == "full" else (n("xb"), n("yb"))
    W, gamma, beta, V, b = (at(role, None) for role, _ in scene.own_tensors)
    z, zn, a, std, p, s = n("z", 1), n("zn"), n("a", 1), n("std"), n("out"), n("scaled")
    w(f"{z} = {x} @ {W}")
    w(f"{std} = np.sqrt({z}.var(axis=0) + 1e-5)")
    w(f"{zn} = ({z} - {z}.mean(axis=0)) / {std}")
    w(f"{s} = {gamma} * {zn} + {beta}")
    w(f"{a} = {formula(recipe.hidden, s)}")
    w(f"{p} = {formula(recipe.output, f'{a} @ {V} + {b}')}")
    scene.probe(f"[{W}, {gamma}, {beta}, {V}, {b}]", x, y)
    output_part(scene, x, y)
    d2, da, ds, dzn, dz = n("delta", 2), n("error", 1), n("delta", 1), n("dzn"), n("dz")
    w(
        f"{at('dV', None)} = {a}.T @ {d2}",
        {"input-for-hidden": f"{at('dV', None)} = {zn}.T @ {d2}"},
        tag="dV",
    )
    w(
        f"{at('db', None)} = {d2}.sum(axis=0)",
        {"bias-averaged": f"{at('db', None)} = {d2}.mean(axis=0)"},
        tag="db",
    )
    w(f"{da} = {d2} @ {V}.T")
    slope = {"tanh": f"(1 - {a} ** 2)", "relu": f"({s} > 0)", "sigmoid": f"{a} * (1 - {a})"}
    w(
        f"{ds} = {da} * {slope[recipe.hidden]}",
        {
            "derivative-missing": f"{ds} = {da}",
            "derivative-of-other": f"{ds} = {da} * {slope[OTHER[recipe.hidden]]}",
        },
        tag="ds",
    )
    w(
        f"{at('dgamma', None)} = ({ds} * {zn}).sum(axis=0)",
        {
            "preactivation-for-activation": f"{at('dgamma', None)} = ({ds} * {z}).sum(axis=0)",
            "bias-total": f"{at('dgamma', None)} = ({ds} * {zn}).sum()",
        },
        tag="dgamma",
    )
    w(
        f"{at('dbeta', None)} = {ds}.sum(axis=0)",
        {
            "bias-averaged": f"{at('dbeta', None)} = {ds}.mean(axis=0)",
            "bias-total": f"{at('dbeta', None)} = {ds}.sum()",
        },
        tag="dbeta",
    )
    w(f"{dzn} = {ds} * {gamma}", {"chain-broken": f"{dzn} = {ds}"}, tag="dzn")
    mean, third = f"{dzn}.mean(axis=0)", f"{zn} * ({dzn} * {zn}).mean(axis=0)"
    w(f"{dz} = ({dzn} - {mean} - {third}) / {std}",
      {"statistics-constant": [f"{dz} = {dzn} / {std}", f"{dz} = ({dzn} - {mean}) / {std}", f"{dz} = ({dzn} - {third}) / {std}"],
       "chain-broken": f"{dz} = {dzn} - {mean} - {third}"}, tag="dz")  # fmt: skip
    w(
        f"{at('dW', None)} = {x}.T @ {dz}",
        {
            "error-for-delta": f"{at('dW', None)} = {x}.T @ {dzn}",
            "gradient-sign": f"{at('dW', None)} = -{x}.T @ {dz}",
        },
        tag="dW",
    )


@style("dropout", **BATCHES)
def dropout(scene: Scene) -> None:
    """Units that are left out at random, with the mask in the backward pass."""
    w, n, at = scene.w, scene.names, names_of(scene)
    single_output(scene)
    scene.layout = "lines"
    recipe = scene.recipe
    set_tensors(scene, "W", "c", "V", "b")

    def objective(p: Arrays, x: np.ndarray, y: np.ndarray, extra: dict[str, Any]) -> complex:
        a = activated(recipe.hidden, x @ p[0] + p[1])
        mask = np.asarray(extra["mask"])
        if len(mask) == len(x) and extra.get("on", True):
            a = a * mask
        return batch_loss(recipe, a @ p[2] + p[3], y)

    scene.objective = objective
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants()
    draw = f"{scene.generator or 'np.random'}.normal"
    inputs, units = recipe.sizes[0], recipe.sizes[1] + 4
    W, c, V, b = (at(role, None) for role, _ in scene.own_tensors)
    w(f"{n('keep')} = 0.8")
    w(f"{W}, {c} = {draw}(0, {recipe.scale:g}, ({inputs}, {units})), np.zeros({units})")
    w(f"{V}, {b} = {draw}(0, {recipe.scale:g}, ({units}, 1)), np.zeros(1)")
    scene.states(at)
    scene.history()
    w()
    with scene.loop():
        _dropped(scene, at, units)
        scene.update(at)
    scene.history_shown()


def _dropped(scene: Scene, at: At, units: int) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    x, y = (n("X"), n("Y")) if recipe.batch == "full" else (n("xb"), n("yb"))
    W, c, V, b = (at(role, None) for role, _ in scene.own_tensors)
    z, a, h, p, mask, keep = n("z", 1), n("a", 1), n("hidden"), n("out"), n("mask"), n("keep")
    w(f"{z} = {x} @ {W} + {c}")
    w(f"{a} = {formula(recipe.hidden, z)}")
    draw = (
        f"{scene.generator}.random({a}.shape)" if scene.generator else f"np.random.rand(*{a}.shape)"
    )
    w(f"{mask} = ({draw} < {keep}) / {keep}")
    w(f"{h} = {a} * {mask}")
    w(f"{p} = {formula(recipe.output, f'{h} @ {V} + {b}')}")
    scene.probe(f"[{W}, {c}, {V}, {b}]", x, y, extra=f'{{"mask": {mask}}}')
    output_part(scene, x, y)
    d2, dh, dz = n("delta", 2), n("error", 1), n("delta", 1)
    w(
        f"{at('dV', None)} = {h}.T @ {d2}",
        {"dropout-mask-missing": f"{at('dV', None)} = {a}.T @ {d2}"},
        tag="dV",
    )
    w(
        f"{at('db', None)} = {d2}.sum(axis=0)",
        {"bias-averaged": f"{at('db', None)} = {d2}.mean(axis=0)"},
        tag="db",
    )
    back = f"({d2} @ {V}.T)"
    w(
        f"{dh} = {back} * {mask}",
        {"dropout-mask-missing": [f"{dh} = {back}", f"{dh} = {back} * ({mask} > 0)"]},
        tag="dh",
    )
    slope = {"tanh": f"(1 - {a} ** 2)", "relu": f"({z} > 0)", "sigmoid": f"{a} * (1 - {a})"}
    options: Faults = {
        "derivative-missing": f"{dz} = {dh}",
        "derivative-of-other": f"{dz} = {dh} * {slope[OTHER[recipe.hidden]]}",
    }
    if recipe.hidden != "relu":
        options["derivative-of-wrong-layer"] = f"{dz} = {dh} * {slope[recipe.hidden].replace(a, h)}"
    w(f"{dz} = {dh} * {slope[recipe.hidden]}", options, tag="dz")
    w(
        f"{at('dW', None)} = {x}.T @ {dz}",
        {
            "error-for-delta": f"{at('dW', None)} = {x}.T @ {dh}",
            "gradient-sign": f"{at('dW', None)} = -{x}.T @ {dz}",
        },
        tag="dW",
    )
    w(
        f"{at('dc', None)} = {dz}.sum(axis=0)",
        {
            "bias-total": f"{at('dc', None)} = {dz}.sum()",
            "bias-averaged": f"{at('dc', None)} = {dz}.mean(axis=0)",
        },
        tag="dc",
    )
