"""Whole arrays: scripts, functions, a class, dictionaries, closures, a notebook, matrices."""

from __future__ import annotations

from tests.benchmarks.generated.core import Core
from tests.benchmarks.generated.scene import At, Scene
from tests.benchmarks.generated.styles import style
from tests.benchmarks.generated.writing import CELL


def plain(scene: Scene) -> At:
    """Names of their own for everything."""
    n = scene.names

    def at(role: str, layer: int | None = None) -> str:
        if role in {"mW", "mb", "vW", "vb"}:
            return n("v" if role[0] == "m" else "s", f"{role[1]}{layer}")  # type: ignore[arg-type]
        return n(role, layer)

    return at


def body(scene: Scene, core: Core) -> None:
    """One iteration with everything in it."""
    w = scene.w
    core.forward(w)
    scene.probe(core.canonical(), core.x, core.y)
    scene.loss_lines(core.loss())
    core.backward(w)
    scene.update(core.at)


def script(scene: Scene, loop: str, cell: str = "") -> None:
    w = scene.w
    scene.head()
    scene.seeded()
    at = plain(scene)
    core = scene.core(at)
    scene.data()
    if cell:
        w(cell)
    scene.constants(size=scene.size_expression() if core.size_name == "name" else "")
    core.definitions(w)
    w(cell)
    core.start(w, at, generator=scene.generator)
    scene.states(at)
    scene.history()
    w(cell)
    with scene.loop(kind=loop):
        body(scene, core)
    core.moves(w)
    scene.history_shown()


@style("script-for")
def script_for(scene: Scene) -> None:
    script(scene, "for")


@style("script-while", batch=("full", "one"))
def script_while(scene: Scene) -> None:
    script(scene, "while")


@style("notebook", notebook=True)
def notebook(scene: Scene) -> None:
    script(scene, "for", CELL)


@style("matrix", matrix=True, layout=("drawn",), output=("linear", "sigmoid", "tanh"), columns=(False,),
       optimizer=("sgd", "momentum", "heavy_ball"), clip=(0.0,))  # fmt: skip
def matrix(scene: Scene) -> None:
    w, n = scene.w, scene.names
    scene.layout = "lines"
    scene.head()
    scene.seeded()
    at = plain(scene)
    core = scene.core(at)
    core.merged = core.merged and core.slopes != "flag"
    scene.data()
    for name in (n("X"), n("Y")):
        w(f"{name} = np.matrix({name})")
    scene.constants(size=scene.size_expression() if core.size_name == "name" else "")
    core.definitions(w)
    w()
    core.start(w, at, generator=scene.generator)
    scene.states(at)
    scene.history()
    w()
    with scene.loop():
        body(scene, core)
    core.moves(w)
    scene.history_shown()


@style("functions-main", optimizer=("sgd",), schedule=(False,))
def functions_main(scene: Scene) -> None:
    """Functions that take and return arrays, and a loop under the main guard."""
    w, n, at = scene.w, scene.names, plain(scene)
    core = scene.core(at)
    core.size_name = "shape" if core.size_name == "name" else core.size_name
    scene.head()
    scene.constants()
    core.definitions(w)
    tensors = [at(role, layer) for role, layer in scene.tensors()]
    grads = [at("d" + role, layer) for role, layer in scene.tensors()]
    kept = _forward_function(scene, core, tensors)
    _backward_function(scene, core, tensors, grads, kept)
    w()
    with w.block(f"def {n('update')}({', '.join([*tensors, *grads])}):"):
        scene.layout = "lines"
        scene.update(at)
        w(f"return {', '.join(tensors)}")
    w()
    with w.block('if __name__ == "__main__":'):
        scene.seeded()
        scene.data()
        core.start(w, at, generator=scene.generator)
        scene.history()
        with scene.loop():
            w(f"{', '.join(kept)} = {n('forward')}({', '.join([core.x, *tensors])})" if len(kept) > 1
              else f"{kept[0]} = {n('forward')}({', '.join([core.x, *tensors])})")  # fmt: skip
            scene.probe(core.canonical(), core.x, core.y)
            scene.loss_lines(core.loss())
            w(
                f"{', '.join(grads)} = {n('backward')}({', '.join([core.x, core.y, *tensors, *kept])})"
            )
            w(f"{', '.join(tensors)} = {n('update')}({', '.join([*tensors, *grads])})")
        scene.history_shown()


def _forward_function(scene: Scene, core: Core, tensors: list[str]) -> list[str]:
    w, n = scene.w, scene.names
    w()
    with w.block(f"def {n('forward')}({', '.join([core.x, *tensors])}):"):
        first = len(w.lines)
        core.forward(w)
        kept = list(dict.fromkeys(line.text.split(" = ")[0] for line in w.lines[first:]))
        kept = [name for name in kept if name != n("exp")]
        w(f"return {', '.join(kept)}")
    return kept


def _backward_function(
    scene: Scene, core: Core, tensors: list[str], grads: list[str], kept: list[str]
) -> None:
    w, n = scene.w, scene.names
    w()
    with w.block(f"def {n('backward')}({', '.join([core.x, core.y, *tensors, *kept])}):"):
        core.backward(w)
        w(f"return {', '.join(grads)}")


@style("class")
def a_class(scene: Scene) -> None:
    """A class with forward, backward and train; its parameters are attributes."""
    w, n = scene.w, scene.names
    own = plain(scene)
    kept_roles = {"W", "b", "z", "a", "out", "mW", "mb", "vW", "vb", "t"}
    if scene.rng.random() < 0.5:
        kept_roles |= {"dW", "db"}

    def at(role: str, layer: int | None = None) -> str:
        return f"self.{own(role, layer)}" if role in kept_roles else own(role, layer)

    core = scene.core(at)
    core.size_name = "shape" if core.size_name == "name" else core.size_name
    scene.head()
    scene.constants()
    core.definitions(w)
    w()
    w()
    with w.block(f"class {n('Net')}:"):
        with w.block(f"def __init__(self{', ' + scene.generator if scene.generator else ''}):"):
            core.start(w, at, generator=scene.generator)
            scene.layout = "lines"
            scene.states(at)
        w()
        with w.block(f"def {n('forward')}(self, {core.x}):"):
            core.forward(w)
            w(f"return {core.p}")
        w()
        rate = f", {n('rate')}" if scene.recipe.schedule else ""
        with w.block(f"def {n('backward')}(self, {core.x}, {core.y}{rate}):"):
            core.backward(w)
            scene.update(at)
            core.moves(w)
        w()
        _train_method(scene, core, rate)
    w()
    w()
    scene.seeded()
    scene.data()
    w(f"{n('model')} = {n('Net')}({scene.generator})")
    w(f"{n('model')}.{n('train')}({n('X')}, {n('Y')})")


def _train_method(scene: Scene, core: Core, rate: str) -> None:
    w, n = scene.w, scene.names
    with w.block(f"def {n('train')}(self, {n('X')}, {n('Y')}):"):
        scene.history()
        with scene.loop():
            w(f"self.{n('forward')}({core.x})")
            scene.probe(core.canonical(), core.x, core.y)
            scene.loss_lines(core.loss())
            w(f"self.{n('backward')}({core.x}, {core.y}{rate})")
        scene.history_shown()


@style("dictionaries")
def dictionaries(scene: Scene) -> None:
    """Dictionaries of parameters, cache and gradients, and functions that take them."""
    w, n = scene.w, scene.names
    own = plain(scene)
    holders = {"W": "params", "b": "params", "z": "cache", "a": "cache", "out": "cache"}

    def at(role: str, layer: int | None = None) -> str:
        if role in holders:
            return f'{n(holders[role])}["{own(role, layer)}"]'
        if role in {"dW", "db"}:
            return f'{n("grads")}["d{own(role[1], layer)}"]'
        return own(role, layer)

    core = scene.core(at)
    core.size_name = "shape" if core.size_name == "name" else core.size_name
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants()
    core.definitions(w)
    w()
    w(f"{n('params')} = {{}}")
    core.start(w, at, generator=scene.generator)
    key, opt = n("k"), scene.optimizing
    for needed, state in ((opt.needs_first(), "m"), (opt.needs_second(), "s")):
        if needed:
            w(f"{n(state)} = {{{key}: np.zeros_like({n('p')}) for {key}, {n('p')} in {n('params')}.items()}}",
              {"momentum-aliased": f"{n('s')} = {n('m')}"} if state == "s" and opt.needs_first() else {},
              tag=f"states {state}")  # fmt: skip
    if opt.counts():
        w(f"{n('t')} = {1 if scene.late_count else 0}")
    _dictionary_functions(scene, core)
    w()
    scene.history()
    with scene.loop():
        w(f"{n('cache')} = {n('forward')}({core.x}, {n('params')})")
        scene.probe(core.canonical(), core.x, core.y)
        scene.loss_lines(core.loss())
        w(f"{n('grads')} = {n('backward')}({core.x}, {core.y}, {n('params')}, {n('cache')})")
        _dictionary_update(scene)
    scene.history_shown()


def _dictionary_functions(scene: Scene, core: Core) -> None:
    w, n = scene.w, scene.names
    w()
    with w.block(f"def {n('forward')}({core.x}, {n('params')}):"):
        w(f"{n('cache')} = {{}}")
        core.forward(w)
        w(f"return {n('cache')}")
    w()
    with w.block(f"def {n('backward')}({core.x}, {core.y}, {n('params')}, {n('cache')}):"):
        w(f"{n('grads')} = {{}}")
        core.backward(w)
        w(f"return {n('grads')}")


def _dictionary_update(scene: Scene) -> None:
    w, n, key = scene.w, scene.names, scene.names("k")
    count = scene.optimizing.counts()
    if count and not scene.late_count:
        scene._count(n("t"))
    g = f'{n("grads")}["d" + {key}]'
    with w.block(f"for {key} in {n('params')}:"):
        if scene.recipe.optimizer != "sgd" or scene.recipe.clip:
            w(f"{n('g')} = {g}")
            g = n("g")
        for tag, text, faults in scene.optimizing.lines(
            f"{n('params')}[{key}]",
            g,
            f"{n('m')}[{key}]",
            f"{n('s')}[{key}]",
            key="all",
            single=False,
        ):
            w(text, faults, tag=tag)
    if count and scene.late_count:
        scene._count(n("t"))


@style(
    "closures", optimizer=("sgd", "momentum", "heavy_ball", "rmsprop", "adam"), schedule=(False,)
)
def closures(scene: Scene) -> None:
    """A function that makes a network and returns functions that share its parameters."""
    w, n, at = scene.w, scene.names, plain(scene)
    core = scene.core(at)
    core.size_name = "shape" if core.size_name == "name" else core.size_name
    scene.layout = "lines"
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants()
    core.definitions(w)
    w()
    w()
    with w.block(f"def {n('make')}():"):
        core.start(w, at, generator=scene.generator)
        scene.states(at)
        w()
        with w.block(f"def {n('step')}({core.x}, {core.y}):"):
            _step_in_closure(scene, core, at)
        w()
        w(f"return {n('step')}")
    w()
    w()
    w(f"{n('train')} = {n('make')}()")
    scene.history()
    with scene.loop():
        w(f"{n('out')} = {n('train')}({core.x}, {core.y})")
        scene.loss_text = "" if scene.recipe.decay else core.loss()
        scene.loss_lines(scene.loss_text) if scene.loss_text else None
    core.moves(w)
    if scene.loss_text:
        scene.history_shown()


def _step_in_closure(scene: Scene, core: Core, at: At) -> None:
    w, opt = scene.w, scene.optimizing
    shared = [at(role, layer) for role, layer in scene.tensors()]
    for needed, state in ((opt.needs_first(), "m"), (opt.needs_second(), "v")):
        if needed:
            shared += [at(state + role, layer) for role, layer in scene.tensors()]
    if opt.counts():
        shared.append(at("t", None))
    w(f"nonlocal {', '.join(shared)}")
    core.forward(w)
    scene.probe(core.canonical(), core.x, core.y)
    core.backward(w)
    scene.update(at)
    w(f"return {core.p}")


@style(
    "generator",
    batch=("mini",),
    data=("normal", "grid", "ints", "normal_classes", "classes", "blobs"),
)
def generator(scene: Scene) -> None:
    """Minibatches come from a generator function."""
    w, n, at = scene.w, scene.names, plain(scene)
    core = scene.core(at)
    core.size_name = "shape" if core.size_name == "name" else core.size_name
    scene.head()
    scene.seeded()
    scene.data()
    scene.constants()
    core.definitions(w)
    x, y, i, order = n("X"), n("Y"), n("i"), n("order")
    rows = "[:, {}]" if scene.recipe.columns else "[{}]"
    w()
    w()
    with w.block(f"def {n('batches')}({x}, {y}, {n('size')}):"):
        total = f"{x}.shape[{1 if scene.recipe.columns else 0}]"
        w(f"{order} = {scene.generator or 'np.random'}.permutation({total})")
        with w.block(f"for {i} in range(0, {total}, {n('size')}):"):
            part = rows.format(f"{order}[{i}:{i} + {n('size')}]")
            w(f"yield {x}{part}, {y}{part}")
    w()
    w()
    core.start(w, at, generator=scene.generator)
    scene.states(at)
    scene.history()
    with w.block(f"for {n('epoch')} in range({scene.recipe.steps}):"):
        if scene.recipe.schedule:
            w(f"{n('rate')} = {n('rate', 0)} / (1 + 0.001 * {n('epoch')})")
        with w.block(f"for {core.x}, {core.y} in {n('batches')}({x}, {y}, {n('size')}):"):
            body(scene, core)
        scene.shown()
    core.moves(w)
    scene.history_shown()
