"""Loops over layers, over examples, over numbers: lists of arrays, one example at a time, vectors."""

from __future__ import annotations

from dataclasses import replace

from tests.benchmarks.generated.core import INLINE, SCALES, Core, Faults
from tests.benchmarks.generated.scene import At, Scene
from tests.benchmarks.generated.styles import style
from tests.benchmarks.generated.styles.arrays import plain


@style("layer-lists", columns=(False,), depth=(2, 3, 3, 4))
def layer_lists(scene: Scene) -> None:
    """Weights, biases and activations in lists; each pass is a loop over the layers."""
    w, n = scene.w, scene.names
    recipe = scene.recipe
    k, depth = n("k"), recipe.depth
    own = plain(scene)

    def at(role: str, layer: int | None = None) -> str:
        if role in {"W", "b", "dW", "db"}:
            return f"{n(role)}[{k if layer is None or layer < 0 else layer - 1}]"
        if role == "a":
            return f"{n('a')}[{layer}]"
        if role == "z":
            return f"{n('z')}[{'-1' if layer == depth else layer}]"
        if role == "out":
            return f"{n('a')}[-1]"
        return n("delta") if role == "delta" else own(role, layer)

    core = scene.core(at)
    core.size_name = "shape" if core.size_name == "name" else core.size_name
    core.late_scale = core.merged = core.two_steps = False
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants()
    core.definitions(w)
    w()
    w(f"{n('hidden')} = {list(recipe.sizes)}")
    draw = f"{scene.generator or 'np.random'}.normal"
    sizes = n("hidden")
    w(
        f"{n('W')} = [{draw}(0, {recipe.scale:g}, ({sizes}[{k}], {sizes}[{k} + 1])) for {k} in range({depth})]"
    )
    w(f"{n('b')} = [np.zeros((1, {n('j')})) for {n('j')} in {sizes}[1:]]", tag="start b")
    _list_states(scene)
    scene.history()
    w()
    with scene.loop():
        _list_iteration(scene, core, k)
    scene.history_shown()


def _list_states(scene: Scene) -> None:
    w, n, opt = scene.w, scene.names, scene.optimizing
    for needed, state in ((opt.needs_first(), "m"), (opt.needs_second(), "v")):
        for role in ("W", "b"):
            if needed:
                p = n("p")
                w(f"{n(state + role)} = [np.zeros_like({p}) for {p} in {n(role)}]")
    if opt.counts():
        w(f"{n('t')} = {1 if scene.late_count else 0}")


def _list_iteration(scene: Scene, core: Core, k: str) -> None:
    w, n, recipe, ink = scene.w, scene.names, scene.recipe, scene.ink
    depth, a, z = recipe.depth, n("a"), n("z")
    inline = core.slopes == "inline"

    def formula(kind: str, of: str) -> str:
        return (
            INLINE[kind].format(z=of)
            if inline or kind == "linear"
            else f"{core.function('act', kind)}({of})"
        )

    w(f"{a} = [{core.x}]")
    w(f"{z} = []")
    with w.block(f"for {k} in range({depth}):"):
        total = ink.mm(f"{a}[-1]", f"{n('W')}[{k}]")
        w(f"{z}.append({total} + {n('b')}[{k}])")
        last = f"{z}[-1]"
        with w.block(f"if {k} < {depth - 1}:"):
            w(f"{a}.append({formula(recipe.hidden, last)})")
        with w.block("else:"):
            if recipe.output == "softmax" and inline:
                e = n("exp")
                w(f"{e} = np.exp({last} - {last}.max(axis=1, keepdims=True))")
                w(f"{a}.append({e} / {e}.sum(axis=1, keepdims=True))",
                  {"softmax-axis": f"{a}.append({e} / {e}.sum(axis=0, keepdims=True))"})  # fmt: skip
            else:
                w(f"{a}.append({formula(recipe.output, last)})")
    turn = [f"{n(role)}[{layer}]" for layer in range(depth) for role in ("W", "b")]
    scene.probe(f"[{', '.join(turn)}]", core.x, core.y)
    scene.loss_lines(core.loss() if not recipe.decay else _penalised(scene, core))
    core._output_delta(w)
    for role in ("dW", "db"):
        w(f"{n(role)} = [None] * {depth}")
    with w.block(f"for {k} in range({depth - 1}, -1, -1):"):
        _list_backward(scene, core, k)
    _list_update(scene, k)


def _penalised(scene: Scene, core: Core) -> str:
    n = scene.names
    text = core.loss().split(" + 0.5 * " + n("decay"))[0]
    return f"{text} + 0.5 * {n('decay')} * sum(np.sum({scene.ink.sq(n('p'))}) for {n('p')} in {n('W')})"


def _list_backward(scene: Scene, core: Core, k: str) -> None:
    w, n, recipe, ink = scene.w, scene.names, scene.recipe, scene.ink
    d, a, W = n("delta"), n("a"), f"{n('W')}[{k}]"
    here, below = f"{a}[{k}]", f"{n('z')}[{k} - 1]"
    decay = f" + {n('decay')} * {W}" if recipe.decay else ""
    dW = f"{n('dW')}[{k}] = "
    options: Faults = {
        "gradient-sign": f"{dW}-{'(' + ink.mm(ink.T(here), d) + ')'}{decay}",
        "preactivation-for-activation": f"{dW}{ink.mm(ink.T(f'({below} if {k} else {a}[0])'), d)}{decay}",
    }
    inner = recipe.sizes[:-1]
    if len(set(inner)) == 1:
        options["input-for-hidden"] = f"{dW}{ink.mm(ink.T(f'{a}[0]'), d)}{decay}"
    if decay:
        options["decay-sign"] = f"{dW}{ink.mm(ink.T(here), d)} - {n('decay')} * {W}"
        options["decay-missing?"] = f"{dW}{ink.mm(ink.T(here), d)}"
    w(f"{dW}{ink.mm(ink.T(here), d)}{decay}", options, tag="dW")
    db = f"{n('db')}[{k}] = "
    w(f"{db}np.sum({d}, axis=0, keepdims=True)",
      {"bias-wrong-axis": f"{db}np.sum({d}, axis=1, keepdims=True)",
       "bias-averaged": f"{db}np.mean({d}, axis=0, keepdims=True)",
       "bias-not-summed": f"{db}{d}", "bias-total": f"{db}np.sum({d})",
       "gradient-sign": f"{db}-np.sum({d}, axis=0, keepdims=True)"}, tag="db")  # fmt: skip
    slope = core.slope(1, z=below, a=here)
    back = ink.mm(d, ink.T(W))
    mul = ink.mul
    options = {
        "derivative-missing": f"{d} = {back}",
        "derivative-twice": f"{d} = {mul(mul(back, slope), slope)}",
        "derivative-of-wrong-layer": f"{d} = {mul(back, core.slope(1, z=n('z') + '[0]', a=a + '[1]'))}",
    }
    if recipe.hidden in {"tanh", "sigmoid"}:
        wrong = (
            core.slope(1, z=here, a=here)
            if core.slopes == "of z"
            else core.slope(1, z=below, a=below)
        )
        options["derivative-argument"] = f"{d} = {mul(back, wrong)}"
    else:
        options["mask-wrong"] = f"{d} = {mul(back, f'({back} > 0)')}"
    if len(set(recipe.sizes[1:])) == 1:
        options["transpose-forgotten"] = f"{d} = {mul(ink.mm(d, W), slope)}"
    with w.block(f"if {k} > 0:"):
        w(f"{d} = {mul(back, slope)}", options, tag="delta", also=(f"prime {recipe.hidden}",))


def _list_update(scene: Scene, k: str) -> None:
    w, n = scene.w, scene.names
    count = scene.optimizing.counts()
    scene.optimizing = replace(scene.optimizing, count=n("t"))
    if count and not scene.late_count:
        scene._count(n("t"))
    with w.block(f"for {k} in range({scene.recipe.depth}):"):
        for role in ("W", "b"):
            for tag, text, faults in scene.optimizing.lines(
                f"{n(role)}[{k}]", f"{n('d' + role)}[{k}]", f"{n('m' + role)}[{k}]",
                f"{n('v' + role)}[{k}]", key=role,
            ):  # fmt: skip
                also = (f"d{role}", f"start {role}", "loop")
                w(text, {b: f for b, f in faults.items() if b != "update-missing"}, tag=tag)
                if "update-missing" in faults:
                    w.fault("update-missing", {tag: None}, also)
    if count and scene.late_count:
        scene._count(n("t"))


@style("per-example", columns=(True,), batch=("full",), optimizer=("sgd", "momentum", "adagrad"), clip=(0.0,),
       decay=(0.0,), output=("linear", "sigmoid", "tanh"), loss=("half_mean", "mean", "bce", "half_sum", "bce_sum"),
       depth=(1, 2, 2, 3), shown=("each", "never"))  # fmt: skip
def per_example(scene: Scene) -> None:
    """A loop over single examples that adds up gradients; one step behind it."""
    w, n = scene.w, scene.names
    at = plain(scene)
    core = Core(
        replace(scene.recipe, batch="one"),
        n,
        scene.ink,
        scene.rng,
        at,
        ascent=scene.optimizing.ascent,
    )
    core.late_scale = False
    scene.layout = "lines"
    scene.change(columns=False)
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants(size=f"len({n('X')})")
    core.definitions(w)
    core.start(w, at, generator=scene.generator)
    scene.states(at)
    w()
    steps = max(60, scene.recipe.steps // 8)
    scene.change(steps=steps)
    with scene.loop():
        _sums(scene, core, at)


def _sums(scene: Scene, core: Core, at: At) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    turned = [f"{at('W', i)}.T, {at('b', i)}.T" for i in range(1, recipe.depth + 1)]
    scene.probe(f"[{', '.join(turned)}]", n("X"), n("Y"))
    resets = {}
    for role, layer in scene.tensors():
        tag = w(
            f"{at('d' + role, layer)} = np.zeros_like({at(role, layer)})",
            tag=f"reset {role}{layer}",
        )
        resets[tag] = w.text_of(tag)
    head = w.text_of("loop")
    sums = tuple(f"d{role}{layer}" for role, layer in scene.tensors())
    w.fault("not-reset", {**dict.fromkeys(resets), "loop": (*resets.values(), head)}, sums)
    total = n("total")
    if recipe.shown == "each":
        w(f"{total} = 0")
    i, xb, yb = n("i"), n("xb"), n("yb")
    if scene.rng.random() < 0.5:
        head = f"for {i} in range({n('n')}):"
    else:
        head = f"for {n('r')}, {n('s')} in zip({n('X')}, {n('Y')}):"
    with w.block(head, tag="examples"):
        for name, source, row in ((xb, "X", "r"), (yb, "Y", "s")):
            of = f"{n(source)}[{i}]" if "range" in head else n(row)
            w(f"{name} = {of}.reshape(-1, 1)")
        core.forward(w)
        loss = core.loss()
        if recipe.shown == "each":
            w(f"{total} += {loss}")
        first = len(w.lines)
        core.backward(w)
        _turn_into_sums(scene, first, at)
    over = "" if recipe.loss in {"half_sum", "bce_sum"} else " / " + n("n")
    if over:
        for role, layer in scene.tensors():
            g = at("d" + role, layer)
            w(
                f"{g} /= {n('n')}",
                {"mean-missing": None},
                tag=f"mean {role}{layer}",
                also=(f"update {role}{layer}", f"d{role}{layer}"),
            )
    scene.update(at)
    every = max(1, recipe.steps // 10)
    if recipe.shown == "each":
        with w.block(f"if {n('epoch')} % {every} == 0:"):
            w(f"print({n('epoch')}, {total}{over})")


def _turn_into_sums(scene: Scene, first: int, at: At) -> None:
    """Gradients are added up instead of kept; overwriting them becomes a bug."""
    w = scene.w
    targets = {
        f"{role}{layer}": at(role, layer)
        for role in ("dW", "db")
        for layer in range(1, scene.recipe.depth + 1)
    }
    for line in w.lines[first:]:
        if line.tag not in targets:
            continue
        g = targets[line.tag]
        for index, fault in enumerate(w.faults):
            text = fault.edits.get(line.tag)
            if isinstance(text, str):
                w.faults[index] = replace(
                    fault, edits={line.tag: text.replace(f"{g} = ", f"{g} += ", 1)}
                )
        plain_text = line.text
        line.text = plain_text.replace(f"{g} = ", f"{g} += ", 1)
        w.fault("overwritten", {line.tag: plain_text})


@style("line-fit", columns=(False,), depth=(1,), batch=("full", "one"), output=("linear", "sigmoid"), clip=(0.0,),
       data=("grid", "normal", "ints", "classes", "normal_classes"), optimizer=("sgd", "sgd", "momentum", "adam"), decay=(0.0,))  # fmt: skip
def line_fit(scene: Scene) -> None:
    """A line or logistic curve: a vector (or number) of weights and a number."""
    w, n, recipe = scene.w, scene.names, scene.recipe
    if recipe.sizes[-1] != 1:
        scene.change(sizes=(recipe.sizes[0], 1))
        recipe = scene.recipe
    single = recipe.sizes[0] == 1 and recipe.batch == "full"
    if scene.optimizing.how == "slice":  # numbers have no slices
        scene.optimizing = replace(scene.optimizing, how="plain")
    scene.layout = "lines"
    at = plain(scene)
    scene.head()
    scene.seeded()
    scene.data()
    X, Y = n("X"), n("Y")
    flat = w(f"{Y} = {Y}[:, 0]", tag="flatten")
    if single:
        w.fault("target-shape", {flat: None}, also=("residual",))
        w(f"{X} = {X}[:, 0]")
    scene.constants(size=f"len({X})")
    weights, bias = at("W", 1), at("b", 1)
    w(f"{weights} = {'0.0' if single else f'np.zeros({recipe.sizes[0]})'}", tag="start W1")
    w(f"{bias} = 0.0", tag="start b1")
    scene.states(at)
    scene.history()
    w()
    core = scene.core(at)
    with scene.loop():
        _line(scene, core, at, single)
    scene.history_shown()


def _line(scene: Scene, core: Core, at: At, single: bool) -> None:
    w, n, recipe, ink = scene.w, scene.names, scene.recipe, scene.ink
    x, y, p, e = core.x, core.y, n("out"), n("error")
    W, b = at("W", 1), at("b", 1)
    total = f"{W} * {x} + {b}" if single else f"{ink.mm(x, W)} + {b}"
    w(f"{p} = {total}" if recipe.output == "linear" else f"{p} = 1 / (1 + np.exp(-({total})))")
    scene.probe(f"[np.reshape({W}, (-1, 1)), np.reshape({b}, (1, 1))]", f"np.reshape({x}, (len({x}), -1))",
                f"np.reshape({y}, (-1, 1))", f"(np.reshape({n('X')}, (len({n('X')}), -1)), np.reshape({n('Y')}, (-1, 1)))")  # fmt: skip
    scene.loss_lines(core.loss())
    factor, over = SCALES[recipe.loss]
    size = n("n") if recipe.batch == "full" and over else ""
    residual, turned = f"{p} - {y}", f"{y} - {p}"
    if scene.optimizing.ascent:
        residual, turned = turned, residual
    slope = (
        f" * {core.slope_of('sigmoid', '', p)}"
        if recipe.output == "sigmoid" and "bce" not in recipe.loss
        else ""
    )
    whole = f"({residual}){slope}" if slope else residual
    flipped = f"({turned}){slope}" if slope else turned
    if recipe.loss == "mae":
        whole, flipped = f"np.sign({residual})", f"np.sign({turned})"
    options: Faults = {"residual-sign": f"{e} = {flipped}"}
    if slope:
        options["output-derivative-missing?"] = f"{e} = {residual}"
    elif recipe.output == "sigmoid":
        options["output-derivative-extra?"] = (
            f"{e} = ({residual}) * {core.slope_of('sigmoid', '', p)}"
        )
    w(f"{e} = {whole}", options, tag="residual", also=())

    def put(text: str, c: int, over: str) -> str:
        return f"{f'{c} * ' if c != 1 else ''}{text}{f' / {over}' if over else ''}"

    raw = {"W": f"np.sum({e} * {x})" if single else ink.mm(ink.T(x), e), "b": f"np.sum({e})"}
    for role in ("W", "b"):
        g = at("d" + role, 1)
        options = {
            "factor-two": f"{g} = {put(raw[role], 3 - factor, size)}",
            "gradient-sign": f"{g} = -{put(raw[role], factor, size)}",
        }
        if size:
            options["mean-missing"] = f"{g} = {put(raw[role], factor, '')}"
            options["mean-twice"] = f"{g} = {put(raw[role], factor, size + ' ** 2')}"
        if role == "b" and size:
            options["bias-averaged"] = f"{g} = {put(f'np.mean({e})', factor, size)}"
        if role == "W" and single:
            options["wrong-operand"] = f"{g} = {put(f'np.sum({e})', factor, size)}"
        w(f"{g} = {put(raw[role], factor, size)}", options, tag=f"d{role}1")
    scene.update(at)


@style("flat-theta", schedule=(False,))
def flat_theta(scene: Scene) -> None:
    """All parameters in one vector, unpacked by slices, with the gradient packed again."""
    w, n, recipe = scene.w, scene.names, scene.recipe
    at = plain(scene)
    core = scene.core(at)
    core.size_name = "shape" if core.size_name == "name" else core.size_name
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants()
    core.definitions(w)
    theta, pieces, places = n("theta"), [], []
    start = 0
    for layer in range(1, recipe.depth + 1):
        inputs, units = recipe.sizes[layer - 1 : layer + 1]
        shape = (units, inputs) if recipe.columns else (inputs, units)
        bias = (units, 1) if recipe.columns else (1, units)
        for role, form, count in (("W", shape, inputs * units), ("b", bias, units)):
            text = f"{theta}[{start}:{start + count}].reshape{form}"
            pieces.append((at(role, layer), text))
            places.append(text + (".T" if recipe.columns else ""))
            start += count
    core.flat_bias = False
    w()
    with w.block(f"def {n('forward')}({theta}, {core.x}, {core.y}):"):
        for name, text in pieces:
            w(f"{name} = {text}")
        core.forward(w)
        if recipe.shown != "never":
            w(f"{n('loss')} = {core.loss()}")
        core.backward(w)
        _packed(scene, at)
    w()
    draw = f"{scene.generator or 'np.random'}.normal"
    w(f"{theta} = {draw}(0, {recipe.scale:g}, {start})")
    opt = scene.optimizing
    for needed, state in ((opt.needs_first(), "m"), (opt.needs_second(), "s")):
        if needed:
            faults = (
                {"momentum-aliased": f"{n('s')} = {n('m')}"}
                if state == "s" and opt.needs_first()
                else {}
            )
            w(f"{n(state)} = np.zeros_like({theta})", faults)
    if opt.counts():
        w(f"{n('t')} = {1 if scene.late_count else 0}")
    scene.history()
    with scene.loop():
        scene.probe(f"[{', '.join(places)}]", core.x, core.y)
        called = f"{n('forward')}({theta}, {core.x}, {core.y})"
        g = n("g")
        w(f"{g} = {called}" if recipe.shown == "never" else f"{n('loss')}, {g} = {called}")
        scene.loss_text = "" if recipe.shown == "never" else n("loss")
        scene.change(shown="each") if recipe.shown == "printed" else None
        _flat_update(scene)
    if recipe.shown == "recorded" and recipe.batch != "mini":
        scene.history_shown()


def _packed(scene: Scene, at: At) -> None:
    w, n, recipe = scene.w, scene.names, scene.recipe
    parts = [f"{at('d' + role, layer)}.ravel()" for role, layer in scene.tensors()]
    back = f"{n('loss')}, " if recipe.shown != "never" else ""
    swapped, turned = list(parts), list(parts)
    swapped[0], swapped[1] = swapped[1], swapped[0]
    turned[0] = turned[0].replace(".ravel()", ".T.ravel()")
    w(f"return {back}np.concatenate([{', '.join(parts)}])",
      {"wrong-gradient-applied": f"return {back}np.concatenate([{', '.join(swapped)}])",
       "transpose-forgotten": f"return {back}np.concatenate([{', '.join(turned)}])"}, tag="packed")  # fmt: skip


def _flat_update(scene: Scene) -> None:
    w, n = scene.w, scene.names
    count = scene.optimizing.counts()
    if count and not scene.late_count:
        scene._count(n("t"))
    for tag, text, faults in scene.optimizing.lines(
        n("theta"), n("g"), n("m"), n("s"), key="all", single=False
    ):
        w(text, faults, tag=tag)
    if count and scene.late_count:
        scene._count(n("t"))
