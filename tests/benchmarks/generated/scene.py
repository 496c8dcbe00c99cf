"""All that one program is written with, and the parts that many styles share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from tests.benchmarks.generated.core import Core
from tests.benchmarks.generated.data import DataWriter
from tests.benchmarks.generated.names import Names
from tests.benchmarks.generated.optimizing import Optimizing
from tests.benchmarks.generated.recipe import Recipe
from tests.benchmarks.generated.reference import Objective
from tests.benchmarks.generated.spelling import Spelling
from tests.benchmarks.generated.writing import Writer

At = Callable[[str, int | None], str]


@dataclass
class Scene:
    """One program in the making.

    Attributes:
        own_tensors: Roles and layers of the parameters of such a network.
        objective: The reference of a style whose network is not a plain one.
        layout: How updates are written: "lines" or one loop over lists ("zip", "index").
    """

    recipe: Recipe
    names: Names
    ink: Spelling
    rng: np.random.Generator
    seed: int
    w: Writer = field(default_factory=Writer)
    files: dict[str, str] = field(default_factory=dict)
    objective: Objective | None = None
    optimizing: Optimizing = field(init=False)
    generator: str = field(init=False)
    layout: str = field(init=False)
    late_count: bool = field(init=False)
    own_tensors: list[tuple[str, int | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizing = Optimizing.drawn(self.recipe, self.names, self.ink, self.rng)
        self.generator = self.names("rng") if self.rng.random() < 0.4 else ""
        many = self.recipe.depth > 2 or self.recipe.optimizer not in {"sgd", "momentum"}
        self.layout = str(
            self.rng.choice(["zip", "index", "lines"] if many else ["lines", "lines", "zip"])
        )
        self.late_count = bool(self.rng.random() < 0.6)

    def core(self, at: At) -> Core:
        return Core(self.recipe, self.names, self.ink, self.rng, at, ascent=self.optimizing.ascent)

    def change(self, **fields: object) -> None:
        """Settle a field of the recipe."""
        self.recipe = replace(self.recipe, **fields)  # type: ignore[arg-type]
        self.optimizing = replace(self.optimizing, recipe=self.recipe)

    # the head

    def head(self, *, imports: tuple[str, ...] = ()) -> None:
        for line in ("import numpy as np", *imports):
            self.w(line)
        self.w()

    def seeded(self) -> None:
        value = int(self.rng.integers(0, 100))
        self.w(
            f"{self.generator} = np.random.default_rng({value})" if self.generator
            else f"np.random.seed({value})"
        )  # fmt: skip

    def data(self) -> None:
        DataWriter(self.recipe, self.names, self.rng, self.files, self.seed)(
            self.w, generator=self.generator
        )

    def constants(self, *, size: str = "") -> None:
        """Rate, momentum and the like; `size` is the expression of the number of examples."""
        w, n = self.w, self.names
        rate = n("rate", 0) if self.recipe.schedule else n("rate")
        w(f"{rate} = {self.recipe.rate:g}", tag="rate")
        for name, value in self.optimizing.constants():
            w(f"{name} = {value}")
        if self.recipe.decay:
            w(f"{n('decay')} = {self.recipe.decay:g}", tag="decay")
        if size:
            w(f"{n('n')} = {size}")
        if self.recipe.batch == "mini":
            w(f"{n('size')} = {self.recipe.batch_size}")

    def size_expression(self) -> str:
        return f"{self.names('X')}.shape[{1 if self.recipe.columns else 0}]"

    # the loop

    @contextmanager
    def loop(self, *, kind: str = "for") -> Iterator[None]:
        """The loop over epochs, and over batches inside."""
        w, n = self.w, self.names
        epoch, steps = n("epoch"), self.recipe.steps
        if kind == "while":
            w(f"{epoch} = 0")
            head = f"while {epoch} < {steps}:"
        else:
            head = f"for {epoch} in range({steps}):"
        with w.block(head, tag="loop"):
            if self.recipe.schedule:
                w(f"{n('rate')} = {n('rate', 0)} / (1 + 0.001 * {epoch})", tag="schedule")
            yield from self._batches()
            self.shown()
            if kind == "while":
                w(f"{epoch} += 1")

    def _batches(self) -> Iterator[None]:
        w, n, columns = self.w, self.names, self.recipe.columns
        x, y, xb, yb, i = n("X"), n("Y"), n("xb"), n("yb"), n("i")
        total = f"{x}.shape[{1 if columns else 0}]"
        draw = self.generator or "np.random"
        rows = "[:, {}]" if columns else "[{}]"
        if self.recipe.batch == "full":
            yield
            return
        if self.recipe.batch == "one":
            pick = "integers" if self.generator else "randint"
            w(f"{i} = {draw}.{pick}({total})")
            for name, source in ((xb, x), (yb, y)):
                w(f"{name} = {source}{rows.format(f'{i}:{i} + 1')}")
            yield
            return
        order, size = n("order"), n("size")
        w(f"{order} = {draw}.permutation({total})")
        with w.block(f"for {i} in range(0, {total}, {size}):"):
            part = f"{order}[{i}:{i} + {size}]"
            for name, source in ((xb, x), (yb, y)):
                w(f"{name} = {source}{rows.format(part)}")
            yield

    def shown(self) -> None:
        """What is printed at the end of an epoch; a style sets `loss_text`."""
        n, w = self.names, self.w
        every = max(1, self.recipe.steps // 10)
        if self.loss_text and self.recipe.shown in {"each", "printed"}:
            what = n("loss") if self.recipe.shown == "each" else self.loss_text
            with w.block(f"if {n('epoch')} % {every} == 0:"):
                w(f"print({n('epoch')}, {what})")
        elif self.loss_text and self.recipe.shown == "recorded" and self.recipe.batch != "mini":
            w(f"{n('history')}.append({self.loss_text})")

    loss_text: str = ""

    def loss_lines(self, text: str) -> None:
        """The loss where it is computed each step."""
        self.loss_text = text
        if self.recipe.shown == "each":
            self.w(f"{self.names('loss')} = {text}", tag="loss")
        elif self.recipe.shown == "recorded" and self.recipe.batch == "mini":
            self.w(f"{self.names('history')}.append({text})")

    def history(self) -> None:
        if self.recipe.shown == "recorded":
            self.w(f"{self.names('history')} = []")

    def history_shown(self) -> None:
        if self.recipe.shown == "recorded":
            self.w(f"print({self.names('history')}[-1])")

    def extra(self) -> str:
        return f'{{"rate": {self.names("rate")}}}' if self.recipe.schedule else "None"

    def probe(self, parameters: str, x: str, y: str, data: str = "", extra: str = "") -> None:
        turn = ".T" if self.recipe.columns else ""
        whole = data or f"({self.names('X')}{turn}, {self.names('Y')}{turn})"
        self.w.probe(parameters, f"{x}{turn}", f"{y}{turn}", whole, extra or self.extra())

    # the optimizer

    def tensors(self) -> list[tuple[str, int | None]]:
        if self.own_tensors:
            return self.own_tensors
        roles = ("W", "b") if self.recipe.bias else ("W",)
        return [(role, layer) for layer in range(1, self.recipe.depth + 1) for role in roles]

    def states(self, at: At) -> None:
        """The optimizer's state before the loop."""
        w, opt = self.w, self.optimizing
        if self.layout != "lines":
            self._state_lists(at)
        else:
            for role, layer in self.tensors():
                for needed, state in ((opt.needs_first(), "m"), (opt.needs_second(), "v")):
                    if needed:
                        w(f"{at(state + role, layer)} = np.zeros_like({at(role, layer)})")
        if opt.counts():
            w(f"{at('t', None)} = {1 if self.late_count else 0}")

    def _state_lists(self, at: At) -> None:
        w, n, opt = self.w, self.names, self.optimizing
        params, g = n("params"), n("p")
        w(f"{params} = [{', '.join(at(role, layer) for role, layer in self.tensors())}]")
        zeros = f"[np.zeros_like({g}) for {g} in {params}]"
        if opt.needs_first():
            w(f"{n('m')} = {zeros}")
        if opt.needs_second():
            faults = {"momentum-aliased": f"{n('s')} = {n('m')}"} if opt.needs_first() else {}
            w(f"{n('s')} = {zeros}", faults, tag="second states")

    def update(self, at: At) -> None:
        """The updates of all parameters."""
        t = at("t", None)
        self.optimizing = opt = replace(self.optimizing, count=t)
        count = opt.counts()
        if count and not self.late_count:
            self._count(t)
        if self.layout == "lines":
            self._update_lines(at)
            if opt.how == "slice" and self.recipe.optimizer == "sgd":
                self._integer_starts()
        elif self.layout == "zip":
            self._update_zip(at)
        else:
            self._update_index(at)
        if count and self.late_count:
            self._count(t)

    def _count(self, t: str) -> None:
        faults: dict[str, str | None] = {"step-number": None} if self.late_count else {}
        if self.recipe.batch == "mini" and not self.late_count and "self" not in t:
            faults["step-number"] = f"{t} = {self.names('epoch')} + 1"
        self.w(f"{t} += 1", faults, tag="count", also=("mean all", "spread all", "loop"))

    def _update_lines(self, at: At) -> None:
        removed: dict[int | None, dict[str, None]] = {}
        for role, layer in self.tensors():
            key = f"{role}{'' if layer is None else layer}"
            lines = self.optimizing.lines(
                at(role, layer), at("d" + role, layer), at("m" + role, layer),
                at("v" + role, layer), key=key,
            )  # fmt: skip
            for tag, text, faults in lines:
                also = (f"start {key}", f"d{key}", "loop") if "update" in tag else ()
                self.w(text, {k: v for k, v in faults.items() if k != "update-missing"}, tag=tag)
                if "update-missing" in faults:
                    self.w.fault("update-missing", {tag: None}, also)
            removed.setdefault(layer, {}).update({lines[-1][0]: None})
        for layer, tags in removed.items():
            if layer is None:
                continue
            also = tuple(f"{start}{role}{layer}" for role in "Wb" for start in ("start ", "d"))
            self.w.fault("layer-not-updated", tags, (*also, "loop"))

    def _update_zip(self, at: At) -> None:
        w, n, opt = self.w, self.names, self.optimizing
        lists, names = [n("params"), n("grads")], [n("p"), n("g")]
        self._gradient_list(at)
        for needed, source, name in (
            (opt.needs_first(), "m", n("j")), (opt.needs_second(), "s", n("r")),
        ):  # fmt: skip
            if needed:
                lists.append(n(source))
                names.append(name)
        how = str(self.rng.choice(["minus", "slice"]))
        looped = replace(opt, how=how)
        with w.block(f"for {', '.join(names)} in zip({', '.join(lists)}):"):
            for tag, text, faults in looped.lines(
                n("p"), n("g"), n("j"), n("r"), key="all", views=True, single=False
            ):
                w(text, faults, tag=tag)
        if how == "slice" and self.recipe.optimizer == "sgd":
            self._integer_starts()

    def _integer_starts(self) -> None:
        """Weights that are whole numbers are cut to whole numbers by a slice assignment."""
        for layer in range(1, self.recipe.depth + 1):
            tag = f"start W{layer}"
            line = next((line for line in self.w.lines if line.tag == tag), None)
            if line is None or "(" not in line.text:
                continue
            target = line.text.split(" = ")[0]
            inputs, units = self.recipe.sizes[layer - 1 : layer + 1]
            shape = (units, inputs) if self.recipe.columns else (inputs, units)
            draw = f"{self.generator}.integers" if self.generator else "np.random.randint"
            whole = f"{draw}(-1, 2, size={shape})"
            if self.ink.matrix:
                whole = f"np.matrix({whole})"
            self.w.fault("integer-weights", {tag: f"{target} = {whole}"})

    def _gradient_list(self, at: At) -> None:
        grads = [at("d" + role, layer) for role, layer in self.tensors()]
        faults: dict[str, str] = {}
        if (
            len(grads) >= 4
            and not self.own_tensors
            and self.recipe.sizes[1] == self.recipe.sizes[2]
        ):
            swapped = list(grads)
            swapped[1], swapped[3] = swapped[3], swapped[1]
            faults["wrong-gradient-applied"] = f"{self.names('grads')} = [{', '.join(swapped)}]"
        self.w(f"{self.names('grads')} = [{', '.join(grads)}]", faults, tag="gradients")

    def _update_index(self, at: At) -> None:
        w, n, opt = self.w, self.names, self.optimizing
        self._gradient_list(at)
        k = n("k")
        looped = replace(opt, how="minus")
        p, g = f"{n('params')}[{k}]", f"{n('grads')}[{k}]"
        with w.block(f"for {k} in range(len({n('params')})):"):
            for tag, text, faults in looped.lines(
                p, g, f"{n('m')}[{k}]", f"{n('s')}[{k}]", key="all", single=False
            ):
                w(text, faults, tag=tag)
