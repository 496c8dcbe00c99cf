"""Objects: layers with forward and backward, neurons of plain floats, a scalar autograd."""

from __future__ import annotations

from tests.benchmarks.generated.core import INLINE, OTHER, SCALES, Faults
from tests.benchmarks.generated.data import DataWriter
from tests.benchmarks.generated.scene import Scene
from tests.benchmarks.generated.styles import style
from tests.benchmarks.generated.styles.arrays import plain


@style("layer-objects", columns=(False,), depth=(2, 2, 3), optimizer=("sgd", "sgd", "momentum", "heavy_ball", "adam"),
       decay=(0.0,), clip=(0.0,), schedule=(False,), loss=("rows", "half_rows", "mean", "half_sum", "bce", "ce", "ce_sum", "sum"))  # fmt: skip
def layer_objects(scene: Scene) -> None:
    """A list of layers; each has forward, backward and perhaps its own step."""
    w, n, recipe = scene.w, scene.names, scene.recipe
    core = scene.core(plain(scene))
    scene.optimizing.ascent = core.ascent = False
    early = recipe.optimizer == "sgd" and scene.rng.random() < 0.4
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants()
    w()
    w()
    _dense(scene, early=early)
    kinds = [recipe.hidden]
    if recipe.output in {"sigmoid", "tanh"} and recipe.output != recipe.hidden:
        kinds.append(recipe.output)
    for kind in kinds:
        _activation(scene, kind)
    layers, layer = n("layers"), n("layer")
    parts = []
    for index in range(1, recipe.depth + 1):
        parts.append(f"{n('Dense')}({recipe.sizes[index - 1]}, {recipe.sizes[index]})")
        if recipe.activation(index) not in {"linear", "softmax"}:
            parts.append(f"{class_name(scene, recipe.activation(index))}()")
    w()
    w()
    w(f"{layers} = [{', '.join(parts)}]")
    if scene.optimizing.counts():
        w(f"{n('t')} = {1 if scene.late_count else 0}")
    scene.history()
    denses = [i for i, part in enumerate(parts) if part.startswith(f"{n('Dense')}(")]
    seen = ", ".join(f"{layers}[{i}].{n(r)}" for i in denses for r in ("W", "b"))
    with scene.loop():
        w(f"{n('out')} = {core.x}")
        with w.block(f"for {layer} in {layers}:"):
            w(f"{n('out')} = {layer}.{n('forward')}({n('out')})")
        p, e = n("out"), n("exp")
        if recipe.output == "softmax":
            w(f"{e} = np.exp({p} - {p}.max(axis=1, keepdims=True))")
            w(f"{p} = {e} / {e}.sum(axis=1, keepdims=True)",
              {"softmax-axis": f"{p} = {e} / {e}.sum(axis=0, keepdims=True)"})  # fmt: skip
        scene.probe(f"[{seen}]", core.x, core.y)
        scene.loss_lines(core.loss())
        _start_of_backward(scene, core)
        g = n("g")
        with w.block(f"for {layer} in reversed({layers}):"):
            w(f"{g} = {layer}.{n('backward')}({g})")
        if not early:
            _object_steps(scene, layers, layer)
    scene.history_shown()


def class_name(scene: Scene, kind: str) -> str:
    return {"relu": "ReLU", "leaky": "LeakyReLU"}.get(kind, kind.title()) + (
        "" if scene.names("Dense") == "Dense" else "Layer"
    )


def _dense(scene: Scene, *, early: bool) -> None:
    w, n, recipe, ink = scene.w, scene.names, scene.recipe, scene.ink
    W, b, x, g = f"self.{n('W')}", f"self.{n('b')}", f"self.{n('xb')}", n("g")
    dW, db = f"self.{n('dW')}", f"self.{n('db')}"
    if early:
        dW, db = n("dW"), n("db")
    i, o = n("i"), n("j")
    with w.block(f"class {n('Dense')}:"):
        with w.block(f"def __init__(self, {i}, {o}):"):
            w(f"{W} = {scene.generator or 'np.random'}.normal(0, {recipe.scale:g}, ({i}, {o}))")
            w(f"{b} = np.zeros((1, {o}))", tag="start b")
            for needed, state in (
                (scene.optimizing.needs_first(), "m"),
                (scene.optimizing.needs_second(), "v"),
            ):
                for role in ("W", "b"):
                    if needed:
                        w(f"self.{n(state + role)} = np.zeros_like(self.{n(role)})")
        w()
        with w.block(f"def {n('forward')}(self, {n('xb')}):"):
            w(f"{x} = {n('xb')}")
            w(f"return {ink.mm(n('xb'), W)} + {b}")
        w()
        with w.block(f"def {n('backward')}(self, {g}):"):
            product = ink.mm(ink.T(x), g)
            w(f"{dW} = {product}", {"gradient-sign": f"{dW} = -({product})"}, tag="dW")
            total = f"np.sum({g}, axis=0, keepdims=True)"
            w(f"{db} = {total}",
              {"bias-not-summed": f"{db} = {g}", "bias-averaged": f"{db} = np.mean({g}, axis=0, keepdims=True)",
               "bias-total": f"{db} = np.sum({g})", "bias-wrong-axis": f"{db} = np.sum({g}, axis=1, keepdims=True)",
               "gradient-sign": f"{db} = -{total}"}, tag="db")  # fmt: skip
            _passed_back(scene, W, b, dW, db, early=early)


def _passed_back(scene: Scene, W: str, b: str, dW: str, db: str, *, early: bool) -> None:
    w, n, recipe, ink, g = scene.w, scene.names, scene.recipe, scene.ink, scene.names("g")
    back = ink.mm(g, ink.T(W))
    breaks: Faults = {}
    if len(set(recipe.sizes[1:])) == 1:
        breaks["transpose-forgotten"] = ink.mm(g, W)
    summed = f"np.sum({g}, axis=1, keepdims=True)"
    if not early:
        breaks["chain-broken"] = f"{summed} * np.ones((1, {W}.shape[0]))"
        w(f"return {back}", {name: f"return {text}" for name, text in breaks.items()}, tag="back")
        return
    e = n("error")
    w(f"{e} = {back}", {name: f"{e} = {text}" for name, text in breaks.items()}, tag="back")
    tags = []
    for role, target, gradient in (("W", W, dW), ("b", b, db)):
        text = f"{target} -= {n('rate')} * {gradient}"
        tags.append(w(text, {"update-sign": text.replace("-=", "+="), "update-missing": None,
                             "rate-twice": f"{target} -= {n('rate')} * {n('rate')} * {gradient}"},
                      tag=f"update {role}", also=(f"d{role}",)))  # fmt: skip
    w(f"return {e}", tag="return")
    w.move("updated-weights", "update W", before="back", also=("back",))


def _activation(scene: Scene, kind: str) -> None:
    w, n, ink = scene.w, scene.names, scene.ink
    g, a, z = n("g"), f"self.{n('a')}", f"self.{n('z')}"
    w()
    w()
    with w.block(f"class {class_name(scene, kind)}:"):
        with w.block(f"def {n('forward')}(self, {n('z')}):"):
            w(f"{z} = {n('z')}")
            w(f"{a} = {INLINE[kind].format(z=n('z'))}")
            w(f"return {a}")
        w()
        with w.block(f"def {n('backward')}(self, {g}):"):
            core = scene.core(plain(scene))
            slope = core.slope_of(kind, z, a)
            other = core.slope_of(OTHER[kind], z, a)
            options: Faults = {
                "derivative-missing": f"return {g}",
                "derivative-of-other": f"return {ink.mul(g, other)}",
                "derivative-twice": f"return {ink.mul(ink.mul(g, slope), slope)}",
            }
            if kind in {"tanh", "sigmoid"}:
                options["derivative-argument"] = f"return {ink.mul(g, core.slope_of(kind, z, z))}"
            else:
                options["mask-wrong"] = f"return {ink.mul(g, f'({g} > 0)')}"
            if kind == "leaky":
                options["slope-missing"] = f"return {ink.mul(g, f'({z} > 0)')}"
            w(f"return {ink.mul(g, slope)}", options, tag=f"slope {kind}")


def _start_of_backward(scene: Scene, core: object) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    p, g = n("out"), n("g")
    y = n("Y") if recipe.batch == "full" else n("yb")
    x = n("X") if recipe.batch == "full" else n("xb")
    factor, over = SCALES[recipe.loss]
    size = "" if recipe.batch == "one" or not over else f" / len({x})"

    def put(residual: str, *, c: int = factor, over: str = size) -> str:
        return f"{g} = {f'{c} * ' if c != 1 else ''}{residual}{over}"

    residual, turned = f"({p} - {y})", f"({y} - {p})"
    if recipe.loss == "bce":
        residual += f" / ({p} * (1 - {p}))"
        turned += f" / ({p} * (1 - {p}))"
    options: Faults = {
        "residual-sign": put(turned),
        "factor-two?": put(residual, c=3 - factor),
        "loss-gradient-wrong?": [put(f"np.abs({p} - {y})"), put(f"({p} - {y}) ** 2")],
    }
    if size:
        options["mean-missing?"] = put(residual, over="")
        options["mean-of-wrong-size?"] = put(residual, over=f" / {x}.shape[1]")
        options["scaled-by-residual"] = f"{g} = np.mean({p} - {y}) * {put(residual)[len(g) + 3 :]}"
    w(put(residual), options, tag="start")


def _object_steps(scene: Scene, layers: str, layer: str) -> None:
    w, n, opt = scene.w, scene.names, scene.optimizing
    opt.count = n("t")
    count = opt.counts()
    if count and not scene.late_count:
        scene._count(n("t"))
    with w.block(f"for {layer} in {layers}:"), w.block(f'if hasattr({layer}, "{n("W")}"):'):
        for role in ("W", "b"):
            for tag, text, faults in opt.lines(
                f"{layer}.{n(role)}", f"{layer}.{n('d' + role)}", f"{layer}.{n('m' + role)}",
                f"{layer}.{n('v' + role)}", key=role,
            ):  # fmt: skip
                w(text, {b: f for b, f in faults.items() if b != "update-missing"}, tag=tag)
                if "update-missing" in faults:
                    w.fault("update-missing", {tag: None}, (f"d{role}", f"start {role}", "loop"))
    if count and scene.late_count:
        scene._count(n("t"))


# plain floats

FLOATS = {"tanh": "math.tanh({z})", "sigmoid": "1 / (1 + math.exp(-{z}))", "relu": "max(0.0, {z})"}
FLOAT_SLOPES = {
    "tanh": "(1 - {a} ** 2)",
    "sigmoid": "{a} * (1 - {a})",
    "relu": "(1.0 if {a} > 0 else 0.0)",
}
PLAIN = {
    "columns": (False,), "optimizer": ("sgd",), "decay": (0.0,), "clip": (0.0,), "schedule": (False,),
    "hidden": ("tanh", "sigmoid", "relu"), "output": ("linear", "sigmoid", "tanh"), "depth": (2,),
    "layout": ("drawn",), "batch": ("full",), "loss": ("half_sum", "bce_sum", "half_sum"),
}  # fmt: skip


def float_data(scene: Scene) -> tuple[str, str]:
    """Data as literal lists, few enough to be typed."""
    w, n, recipe = scene.w, scene.names, scene.recipe
    count = 4 if recipe.data == "xor" else 8
    scene.change(examples=count)
    if recipe.data == "xor":
        w(f"{n('X')} = [[0, 0], [0, 1], [1, 0], [1, 1]]")
        w(f"{n('Y')} = [[0], [1], [1], [0]]")
        return n("X"), n("Y")
    inputs, targets = DataWriter(scene.recipe, n, scene.rng, {}, scene.seed).arrays()
    targets = targets[:, :1]
    w(f"{n('X')} = {[[round(float(v), 2) for v in row] for row in inputs]}")
    w(f"{n('Y')} = {[[round(float(v), 2) for v in row] for row in targets]}")
    scene.change(sizes=(*recipe.sizes[:-1], 1))
    return n("X"), n("Y")


def float_start(scene: Scene) -> None:
    recipe = scene.recipe
    hidden = int(scene.rng.integers(2, 5))
    scene.change(sizes=(recipe.sizes[0], hidden, recipe.sizes[-1]), batch="one",
                 steps=int(scene.rng.choice([400, 600, 900])), rate=float(scene.rng.choice([0.1, 0.2, 0.3])))  # fmt: skip
    scene.w("import math")
    scene.w("import random")
    scene.w()
    scene.w(f"random.seed({int(scene.rng.integers(0, 100))})")


@style("neurons", **PLAIN)
def neurons(scene: Scene) -> None:
    """Neuron objects of plain floats; one example a step."""
    w, n = scene.w, scene.names
    float_start(scene)
    X, _ = float_data(scene)
    recipe = scene.recipe
    ws, b, out, delta = n("W"), n("b"), n("a"), n("delta")
    w(f"{n('rate')} = {recipe.rate:g}")
    w()
    w()
    with w.block(f"class {n('Net')}:"):
        with w.block(f"def __init__(self, {n('n')}, {n('act')}):"):
            w(f"self.{ws} = [random.uniform(-1, 1) for {n('j')} in range({n('n')})]", tag="start W")
            w(f"self.{b} = 0.0", tag="start b")
            w(f"self.{n('act')} = {n('act')}")
            w(f"self.{delta} = 0.0")
        w()
        with w.block(f"def {n('forward')}(self, {n('xb')}):"):
            w(f"self.{n('xb')} = {n('xb')}")
            w(
                f"{n('z')} = self.{b} + sum({n('p')} * {n('g')} for {n('p')}, {n('g')} in zip(self.{ws}, {n('xb')}))"
            )
            w(f"self.{out} = self.{n('act')}({n('z')})")
            w(f"return self.{out}")
        w()
        _neuron_update(scene)
    kinds = dict.fromkeys([recipe.hidden, recipe.output])
    for kind in kinds:
        w()
        w()
        with w.block(f"def {function(scene, kind)}({n('z')}):"):
            w(f"return {FLOATS.get(kind, '{z}').format(z=n('z'))}")
    w()
    w()
    hidden, last = n("hidden"), n("last")
    w(
        f"{hidden} = [{n('Net')}({recipe.sizes[0]}, {function(scene, recipe.hidden)}) for {n('j')} in range({recipe.sizes[1]})]"
    )
    w(f"{last} = {n('Net')}({recipe.sizes[1]}, {function(scene, recipe.output)})")
    with w.block(f"for {n('epoch')} in range({recipe.steps}):", tag="loop"):
        total = n("total")
        if recipe.shown != "never":
            w(f"{total} = 0.0")
        x, t = n("X") + "[" + n("k") + "]", n("Y") + "[" + n("k") + "][0]"
        with w.block(f"for {n('k')} in range(len({X})):"):
            _neuron_step(scene, hidden, last, x, t)
        if recipe.shown != "never":
            with w.block(f"if {n('epoch')} % {max(1, recipe.steps // 10)} == 0:"):
                w(f"print({n('epoch')}, {total})")


def function(scene: Scene, kind: str) -> str:
    return kind if scene.names("act") == "activation" else f"{scene.names('act')}_{kind}"


def _neuron_update(scene: Scene) -> None:
    w, n = scene.w, scene.names
    with w.block(f"def {n('update')}(self):"):
        with w.block(f"for {n('i')} in range(len(self.{n('W')})):"):
            text = f"self.{n('W')}[{n('i')}] -= {n('rate')} * self.{n('delta')} * self.{n('xb')}[{n('i')}]"
            w(text, {"update-sign": text.replace("-=", "+="), "rate-twice": text.replace("* self", f"* {n('rate')} * self", 1),
                     "wrong-operand": [text.replace(f"self.{n('delta')} * ", f"self.{n('delta')} * self.{n('a')} * "),
                                       text.replace(f"{n('xb')}[{n('i')}]", f"{n('xb')}[0]")]}, tag="update W")  # fmt: skip
        text = f"self.{n('b')} -= {n('rate')} * self.{n('delta')}"
        w(text, {"update-sign": text.replace("-=", "+="), "rate-twice": text.replace("* self", f"* {n('rate')} * self"),
                 "wrong-operand": text + f" * self.{n('xb')}[0]"}, tag="update b")  # fmt: skip
        w.fault("update-missing", {"update b": None}, ("start b", "loop"))


def _neuron_step(scene: Scene, hidden: str, last: str, x: str, t: str) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    r, j = n("r"), n("j")
    p, d, a, ws = n("out"), n("delta"), n("a"), n("W")
    w(f"{n('h')} = [{r}.{n('forward')}({x}) for {r} in {hidden}]")
    w(f"{p} = {last}.{n('forward')}({n('h')})")
    W1 = f"[[{r}.{ws}[{n('s')}] for {r} in {hidden}] for {n('s')} in range({recipe.sizes[0]})]"
    params = f"[{W1}, [[{r}.{n('b')} for {r} in {hidden}]], [[{n('s')}] for {n('s')} in {last}.{ws}], [[{last}.{n('b')}]]]"
    w.probe(params, f"[{x}]", f"[[{t}]]", f"({n('X')}, {n('Y')})")
    bce = recipe.loss == "bce_sum"
    if recipe.shown != "never":
        w(
            f"{n('total')} += "
            + (
                f"-({t} * math.log({p}) + (1 - {t}) * math.log(1 - {p}))"
                if bce
                else f"0.5 * ({p} - {t}) ** 2"
            )
        )
    slope = (
        "" if bce or recipe.output == "linear" else " * " + FLOAT_SLOPES[recipe.output].format(a=p)
    )
    options: Faults = {"residual-sign": f"{last}.{d} = ({t} - {p}){slope}"}
    if recipe.shown != "never":
        options["factor-two"] = f"{last}.{d} = 2 * ({p} - {t}){slope}"
        if slope:
            options["output-derivative-missing"] = f"{last}.{d} = {p} - {t}"
    right = f"{last}.{d} = ({p} - {t}){slope}" if slope else f"{last}.{d} = {p} - {t}"
    w(right, options, tag="delta2")
    with w.block(f"for {j}, {r} in enumerate({hidden}):"):
        back = f"{last}.{ws}[{j}] * {last}.{d}"
        inner = FLOAT_SLOPES[recipe.hidden].format(a=f"{r}.{a}")
        other = FLOAT_SLOPES[
            {"tanh": "sigmoid", "sigmoid": "tanh", "relu": "tanh"}[recipe.hidden]
        ].format(a=f"{r}.{a}")
        options = {
            "derivative-missing": f"{r}.{d} = {back}",
            "derivative-of-other": f"{r}.{d} = {back} * {other}",
            "derivative-twice": f"{r}.{d} = {back} * {inner} * {inner}",
            "derivative-of-wrong-layer": f"{r}.{d} = {back} * {FLOAT_SLOPES[recipe.hidden].format(a=p)}",
            "chain-broken": f"{r}.{d} = {last}.{d} * {inner}",
            "wrong-operand": f"{r}.{d} = {last}.{ws}[0] * {last}.{d} * {inner}",
        }
        if recipe.hidden == "relu":
            options["mask-wrong"] = f"{r}.{d} = {back} * (1.0 if {last}.{d} > 0 else 0.0)"
        w(f"{r}.{d} = {back} * {inner}", options, tag="delta1")
    w(f"{last}.{n('update')}()", tag="update last")
    with w.block(f"for {r} in {hidden}:", tag="each"):
        w(f"{r}.{n('update')}()", {"layer-not-updated": "pass"}, tag="update hidden")


@style("plain-lists", **PLAIN)
def plain_lists(scene: Scene) -> None:
    """Nested lists of floats and index loops, in functions or at the top."""
    w, n = scene.w, scene.names
    float_start(scene)
    float_data(scene)
    recipe = scene.recipe
    inputs, hidden, _ = recipe.sizes
    W1, b1, W2, b2 = n("W", 1), n("b", 1), n("W", 2), n("b", 2)
    i, j, k, a, p = n("i"), n("j"), n("k"), n("a", 1), n("out")
    w(f"{n('rate')} = {recipe.rate:g}")
    w(f"{W1} = [[random.uniform(-1, 1) for {j} in range({hidden})] for {i} in range({inputs})]")
    w(f"{b1} = [0.0] * {hidden}", tag="start b1")
    w(f"{W2} = [random.uniform(-1, 1) for {j} in range({hidden})]")
    w(f"{b2} = 0.0", tag="start b2")
    w()
    with w.block(f"for {n('epoch')} in range({recipe.steps}):", tag="loop"):
        if recipe.shown != "never":
            w(f"{n('total')} = 0.0")
        with w.block(f"for {n('xb')}, {n('yb')} in zip({n('X')}, {n('Y')}):"):
            _list_forward(scene)
            params = f"[{W1}, [{b1}], [[{k}] for {k} in {W2}], [[{b2}]]]"
            w.probe(params, f"[{n('xb')}]", f"[{n('yb')}]", f"({n('X')}, {n('Y')})")
            _list_step(scene, a, p)
        if recipe.shown != "never":
            with w.block(f"if {n('epoch')} % {max(1, recipe.steps // 10)} == 0:"):
                w(f"print({n('epoch')}, {n('total')})")


def _list_forward(scene: Scene) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    inputs, hidden, _ = recipe.sizes
    W1, b1, W2, b2 = n("W", 1), n("b", 1), n("W", 2), n("b", 2)
    i, j, a, z, p = n("i"), n("j"), n("a", 1), n("z", 1), n("out")
    w(f"{a} = []")
    with w.block(f"for {j} in range({hidden}):"):
        w(f"{z} = {b1}[{j}]")
        with w.block(f"for {i} in range({inputs}):"):
            w(f"{z} += {W1}[{i}][{j}] * {n('xb')}[{i}]")
        w(f"{a}.append({FLOATS[recipe.hidden].format(z=z)})")
    w(f"{n('z', 2)} = {b2} + sum({W2}[{j}] * {a}[{j}] for {j} in range({hidden}))")
    w(f"{p} = {FLOATS.get(recipe.output, '{z}').format(z=n('z', 2))}")


def _list_step(scene: Scene, a: str, p: str) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    inputs, hidden, _ = recipe.sizes
    W1, b1, W2, b2 = n("W", 1), n("b", 1), n("W", 2), n("b", 2)
    i, j, d2, d1, lr, x = n("i"), n("j"), n("delta", 2), n("delta", 1), n("rate"), n("xb")
    t = f"{n('yb')}[0]"
    bce = recipe.loss == "bce_sum"
    if recipe.shown != "never":
        w(
            f"{n('total')} += "
            + (
                f"-({t} * math.log({p}) + (1 - {t}) * math.log(1 - {p}))"
                if bce
                else f"0.5 * ({p} - {t}) ** 2"
            )
        )
    slope = (
        "" if bce or recipe.output == "linear" else " * " + FLOAT_SLOPES[recipe.output].format(a=p)
    )
    options: Faults = {"residual-sign": f"{d2} = ({t} - {p}){slope}"}
    if recipe.shown != "never":
        options["factor-two"] = f"{d2} = 2 * ({p} - {t}){slope}"
        if slope:
            options["output-derivative-missing"] = f"{d2} = {p} - {t}"
    w(f"{d2} = ({p} - {t}){slope}" if slope else f"{d2} = {p} - {t}", options, tag="delta2")
    back, inner = f"{d2} * {W2}[{j}]", FLOAT_SLOPES[recipe.hidden].format(a=f"{a}[{j}]")
    other = FLOAT_SLOPES[
        {"tanh": "sigmoid", "sigmoid": "tanh", "relu": "tanh"}[recipe.hidden]
    ].format(a=f"{a}[{j}]")
    loop = f"for {j} in range({hidden})]"
    w(f"{d1} = [{back} * {inner} {loop}",
      {"derivative-missing": f"{d1} = [{back} {loop}", "derivative-of-other": f"{d1} = [{back} * {other} {loop}",
       "derivative-twice": f"{d1} = [{back} * {inner} * {inner} {loop}",
       "chain-broken": f"{d1} = [{d2} * {inner} {loop}",
       "wrong-operand": f"{d1} = [{d2} * {W2}[0] * {inner} {loop}",
       "derivative-of-wrong-layer": f"{d1} = [{back} * {FLOAT_SLOPES[recipe.hidden].format(a=p)} {loop}"}, tag="delta1")  # fmt: skip
    with w.block(f"for {j} in range({hidden}):", tag="loop2"):
        text = f"{W2}[{j}] -= {lr} * {d2} * {a}[{j}]"
        w(text, {"update-sign": text.replace("-=", "+="), "input-for-hidden": text.replace(f"{a}[{j}]", f"{x}[0]"),
                 "rate-twice": text.replace(f"{lr} *", f"{lr} * {lr} *")}, tag="update W2")  # fmt: skip
        text = f"{b1}[{j}] -= {lr} * {d1}[{j}]"
        w(
            text,
            {"update-sign": text.replace("-=", "+="), "wrong-operand": f"{b1}[{j}] -= {lr} * {d2}"},
            tag="update b1",
        )
        w.fault("update-missing", {"update b1": None}, ("start b1", "loop"))
        with w.block(f"for {i} in range({inputs}):"):
            text = f"{W1}[{i}][{j}] -= {lr} * {d1}[{j}] * {x}[{i}]"
            w(text, {"update-sign": text.replace("-=", "+="), "wrong-operand": text.replace(f"{d1}[{j}]", d2),
                     "rate-twice": text.replace(f"{lr} *", f"{lr} * {lr} *")}, tag="update W1")  # fmt: skip
    text = f"{b2} -= {lr} * {d2}"
    w(text, {"update-sign": text.replace("-=", "+=")}, tag="update b2")
    w.fault("update-missing", {"update b2": None}, ("start b2", "loop"))


# a scalar autograd


@style("autograd", columns=(False,), optimizer=("sgd",), decay=(0.0,), clip=(0.0,), schedule=(False,), depth=(2,),
       hidden=("tanh", "relu"), output=("linear", "tanh"), layout=("drawn",), batch=("full",), loss=("sum", "mean"),
       shown=("each",), data=("grid", "normal"))  # fmt: skip
def autograd(scene: Scene) -> None:
    """Numbers that remember how they were made; a small network of them."""
    w, n = scene.w, scene.names
    scene.change(sizes=(scene.recipe.sizes[0], 3, 1), loss=scene.recipe.loss)
    scene.w("import math")
    scene.w("import random")
    scene.w()
    scene.w(f"random.seed({int(scene.rng.integers(0, 100))})")
    _value_class(scene)
    w()
    w()
    X, Y = float_data(scene)
    recipe = scene.recipe
    rate = 0.02 if recipe.loss == "sum" else 0.1
    scene.change(rate=rate, steps=int(scene.rng.choice([60, 80])))
    w(f"{n('rate')} = {rate:g}")
    inputs, hidden, _ = recipe.sizes
    V, j, i = n("Net"), n("j"), n("i")
    W1, b1, W2, b2 = n("W", 1), n("b", 1), n("W", 2), n("b", 2)
    w(
        f"{W1} = [[{V}(random.uniform(-1, 1)) for {j} in range({hidden})] for {i} in range({inputs})]"
    )
    w(f"{b1} = [{V}(0.0) for {j} in range({hidden})]")
    w(f"{W2} = [{V}(random.uniform(-1, 1)) for {j} in range({hidden})]")
    w(f"{b2} = {V}(0.0)")
    w(
        f"{n('params')} = [{n('p')} for {n('r')} in {W1} for {n('p')} in {n('r')}] + {b1} + {W2} + [{b2}]"
    )
    w()
    w()
    _autograd_forward(scene)
    with w.block(f"for {n('epoch')} in range({scene.recipe.steps}):", tag="loop"):
        _autograd_step(scene, X, Y)


def _value_class(scene: Scene) -> None:
    w, n = scene.w, scene.names
    V, o, out, g, d = n("Net"), n("k"), n("out"), n("g"), n("data")
    w()
    w()
    with w.block(f"class {V}:"):
        with w.block(f"def __init__(self, {d}, {n('last')}=()):"):
            w(f"self.{d} = {d}")
            w(f"self.{g} = 0.0")
            w(f"self.{n('last')} = {n('last')}")
            w(f"self.{n('backward')} = lambda: None")
        w()
        with w.block(f"def __add__(self, {o}):"):
            w(f"{o} = {o} if isinstance({o}, {V}) else {V}({o})")
            w(f"{out} = {V}(self.{d} + {o}.{d}, (self, {o}))")
            w()
            with w.block(f"def {n('backward')}():"):
                w(
                    f"self.{g} += {out}.{g}",
                    {"overwritten": f"self.{g} = {out}.{g}"},
                    tag="add self",
                )
                w(
                    f"{o}.{g} += {out}.{g}",
                    {"overwritten": f"{o}.{g} = {out}.{g}", "local-rule": f"{o}.{g} -= {out}.{g}"},
                    tag="add other",
                )
            w()
            w(f"{out}.{n('backward')} = {n('backward')}")
            w(f"return {out}")
        w()
        with w.block(f"def __mul__(self, {o}):"):
            w(f"{o} = {o} if isinstance({o}, {V}) else {V}({o})")
            w(f"{out} = {V}(self.{d} * {o}.{d}, (self, {o}))")
            w()
            with w.block(f"def {n('backward')}():"):
                w(
                    f"self.{g} += {o}.{d} * {out}.{g}",
                    {
                        "local-rule": f"self.{g} += self.{d} * {out}.{g}",
                        "overwritten": f"self.{g} = {o}.{d} * {out}.{g}",
                    },
                    tag="mul self",
                )
                w(
                    f"{o}.{g} += self.{d} * {out}.{g}",
                    {
                        "local-rule": [
                            f"{o}.{g} += {o}.{d} * {out}.{g}",
                            f"{o}.{g} += {out}.{d} * {out}.{g}",
                        ],
                        "overwritten": f"{o}.{g} = self.{d} * {out}.{g}",
                    },
                    tag="mul other",
                )
            w()
            w(f"{out}.{n('backward')} = {n('backward')}")
            w(f"return {out}")
        w()
        _value_square(scene, V, out, g, d)
        _value_activation(scene, V, out, g, d)
        _value_backward(scene, g)


def _value_square(scene: Scene, V: str, out: str, g: str, d: str) -> None:
    w, n = scene.w, scene.names
    with w.block(f"def {n('s')}(self):"):
        w(f"{out} = {V}(self.{d} ** 2, (self,))")
        w()
        with w.block(f"def {n('backward')}():"):
            w(
                f"self.{g} += 2 * self.{d} * {out}.{g}",
                {
                    "local-rule": f"self.{g} += 2 * {out}.{d} * {out}.{g}",
                    "factor-two": f"self.{g} += self.{d} * {out}.{g}",
                },
                tag="square",
            )
        w()
        w(f"{out}.{n('backward')} = {n('backward')}")
        w(f"return {out}")
    w()


def _value_activation(scene: Scene, V: str, out: str, g: str, d: str) -> None:
    w, n = scene.w, scene.names
    kinds = dict.fromkeys([scene.recipe.hidden, scene.recipe.output])
    for kind in kinds:
        if kind == "linear":
            continue
        with w.block(f"def {kind}(self):"):
            w(f"{out} = {V}({FLOATS[kind].format(z=f'self.{d}')}, (self,))")
            w()
            with w.block(f"def {n('backward')}():"):
                right, wrong = (
                    FLOAT_SLOPES[kind].format(a=f"{out}.{d}"),
                    FLOAT_SLOPES[kind].format(a=f"self.{d}"),
                )
                options: Faults = {"derivative-missing": f"self.{g} += {out}.{g}",
                                   "derivative-of-other": f"self.{g} += {out}.{d} * (1 - {out}.{d}) * {out}.{g}"}  # fmt: skip
                if kind == "tanh":
                    options["derivative-argument"] = f"self.{g} += {wrong} * {out}.{g}"
                w(f"self.{g} += {right} * {out}.{g}", options, tag=f"slope {kind}")
            w()
            w(f"{out}.{n('backward')} = {n('backward')}")
            w(f"return {out}")
        w()


def _value_backward(scene: Scene, g: str) -> None:
    w, n = scene.w, scene.names
    order, seen, visit, node, last = n("order"), n("cache"), n("step"), n("i"), n("last")
    with w.block(f"def {n('train')}(self):"):
        w(f"{order}, {seen} = [], set()")
        w()
        with w.block(f"def {visit}({node}):"), w.block(f"if {node} not in {seen}:"):
            w(f"{seen}.add({node})")
            with w.block(f"for {n('j')} in {node}.{last}:"):
                w(f"{visit}({n('j')})")
            w(f"{order}.append({node})")
        w()
        w(f"{visit}(self)")
        w(f"self.{g} = 1.0")
        w(
            f"for {node} in reversed({order}):",
            {"topological-order": f"for {node} in {order}:"},
            tag="reversed",
        )
        w.level += 1
        w(f"{node}.{n('backward')}()")
        w.level -= 1


def _autograd_forward(scene: Scene) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    inputs, hidden, _ = recipe.sizes
    W1, b1, W2, b2 = n("W", 1), n("b", 1), n("W", 2), n("b", 2)
    i, j, x, h, z = n("i"), n("j"), n("xb"), n("hidden"), n("z")
    with w.block(f"def {n('forward')}({x}):"):
        w(f"{h} = []")
        with w.block(f"for {j} in range({hidden}):"):
            w(f"{z} = {b1}[{j}]")
            with w.block(f"for {i} in range({inputs}):"):
                w(f"{z} = {z} + {W1}[{i}][{j}] * {x}[{i}]")
            w(f"{h}.append({z}.{recipe.hidden}())")
        w(f"{z} = {b2}")
        with w.block(f"for {j} in range({hidden}):"):
            w(f"{z} = {z} + {W2}[{j}] * {h}[{j}]")
        w(f"return {z}" + ("" if recipe.output == "linear" else f".{recipe.output}()"))
    w()
    w()


def _autograd_step(scene: Scene, X: str, Y: str) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    V, L, g, d, p = n("Net"), n("loss"), n("g"), n("data"), n("p")
    W1, b1, W2, b2 = n("W", 1), n("b", 1), n("W", 2), n("b", 2)
    r = n("r")
    params = (
        f"[[[{p}.{d} for {p} in {r}] for {r} in {W1}], [[{p}.{d} for {p} in {b1}]], "
        f"[[{p}.{d}] for {p} in {W2}], [[{b2}.{d}]]]"
    )
    w.probe(params, X, Y, f"({X}, {Y})")
    w(f"{L} = {V}(0.0)")
    with w.block(f"for {n('xb')}, {n('yb')} in zip({X}, {Y}):"):
        w(f"{n('e')} = {n('forward')}({n('xb')}) + (-{n('yb')}[0])")
        w(f"{L} = {L} + {n('e')}.{n('s')}()")
    if recipe.loss == "mean":
        w(f"{L} = {L} * (1 / len({X}))")
    with w.block(f"for {p} in {n('params')}:", tag="zeroing"):
        w(f"{p}.{g} = 0.0", {"not-reset": "pass"}, tag="zero", also=("update all", "zeroing"))
    w(f"{L}.{n('train')}()")
    with w.block(f"for {p} in {n('params')}:"):
        text = f"{p}.{d} -= {n('rate')} * {p}.{g}"
        w(text, {"update-sign": text.replace("-=", "+=")}, tag="update all")
    with w.block(f"if {n('epoch')} % 10 == 0:"):
        w(f"print({n('epoch')}, {L}.{d})")
