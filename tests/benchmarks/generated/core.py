"""Forward pass, loss and backward pass over whole arrays, for the styles that have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.benchmarks.generated.names import VOCABULARIES, Names
from tests.benchmarks.generated.recipe import Recipe
from tests.benchmarks.generated.spelling import Spelling, grouped
from tests.benchmarks.generated.writing import Alternative, Writer

Faults = dict[str, Alternative | list[Alternative]]

INLINE = {
    "tanh": "np.tanh({z})",
    "sigmoid": "1 / (1 + np.exp(-{z}))",
    "relu": "np.maximum(0, {z})",
    "leaky": "np.where({z} > 0, {z}, 0.01 * {z})",
    "linear": "{z}",
}
SCALES = {
    "mean": (2, "size"), "half_mean": (1, "size"), "rows": (2, "n"), "half_rows": (1, "n"),
    "sum": (2, ""), "half_sum": (1, ""), "mae": (1, "size"), "bce": (1, "n"), "bce_sum": (1, ""),
    "ce": (1, "n"), "ce_sum": (1, ""),
}  # fmt: skip
OTHER = {"tanh": "sigmoid", "sigmoid": "tanh", "relu": "tanh", "leaky": "sigmoid"}


@dataclass
class Core:
    """One author's way of writing a network over whole arrays.

    Attributes:
        at: The place of a role and layer, such as `W1`, `params["W1"]` or `self.W1`.
        slopes: How derivatives are written: inline, a function of z, of a, or a flag.
        merged: Whether z and a are one line.
        two_steps: Whether the error passed back and the delta are two lines.
        late_scale: Whether 1/n stands at the gradients instead of the output's delta.
        flat_bias: Whether biases have one axis.
    """

    recipe: Recipe
    names: Names
    ink: Spelling
    rng: np.random.Generator
    at: Callable[[str, int | None], str]
    ascent: bool = False
    slopes: str = field(init=False)
    merged: bool = field(init=False)
    two_steps: bool = field(init=False)
    late_scale: bool = field(init=False)
    flat_bias: bool = field(init=False)
    interleaved: bool = field(init=False)
    size_name: str = field(init=False)

    def __post_init__(self) -> None:
        rng = self.rng
        self.slopes = str(rng.choice(["inline", "inline", "of z", "of a", "flag"]))
        if self.recipe.hidden in {"relu", "leaky"} and self.slopes == "flag":
            self.slopes = "inline"
        self.merged = self.slopes in {"inline", "of a"} and bool(rng.random() < 0.4)
        self.two_steps = bool(rng.random() < 0.35)
        self.late_scale = bool(rng.random() < 0.3)
        self.interleaved = bool(rng.random() < 0.6)
        self.flat_bias = not self.recipe.columns and not self.ink.matrix and rng.random() < 0.5
        self.size_name = str(rng.choice(["len", "shape", "name"]))

    # names and places

    @property
    def x(self) -> str:
        return self.names("X") if self.recipe.batch == "full" else self.names("xb")

    @property
    def y(self) -> str:
        return self.names("Y") if self.recipe.batch == "full" else self.names("yb")

    @property
    def n(self) -> str:
        if self.recipe.batch == "full" and self.size_name == "name":
            return self.names("n")
        if self.recipe.columns:
            return f"{self.x}.shape[1]"
        return f"len({self.x})" if self.size_name == "len" else f"{self.x}.shape[0]"

    @property
    def wrong_n(self) -> str:
        return f"{self.x}.shape[0]" if self.recipe.columns else f"{self.x}.shape[1]"

    @property
    def p(self) -> str:
        return self.at("out", None)

    def a(self, layer: int) -> str:
        if layer == 0:
            return self.x
        return self.p if layer == self.recipe.depth else self.at("a", layer)

    def z(self, layer: int) -> str:
        return self.at("z", layer)

    def function(self, role: str, kind: str) -> str:
        """The name of an activation or of its derivative."""
        vocabulary = self.names._vocabulary
        if role in VOCABULARIES.get(vocabulary, {"act": "", "prime": ""}):
            return self.names(role, f"_{kind}")  # type: ignore[arg-type]
        return kind if role == "act" else f"{kind}_prime"

    # definitions

    def kinds(self) -> list[str]:
        """The activations that are functions of the program."""
        used = [self.recipe.activation(layer) for layer in range(1, self.recipe.depth + 1)]
        return [kind for kind in dict.fromkeys(used) if kind != "linear"]

    def definitions(self, w: Writer) -> None:
        if self.slopes == "inline":
            return
        for kind in self.kinds():
            if kind == "softmax":
                self._softmax_function(w)
                continue
            self._activation_function(w, kind)

    def _softmax_function(self, w: Writer) -> None:
        axis, wrong = (0, 1) if self.recipe.columns else (1, 0)
        z, e = self.names("z"), self.names("e")
        w()
        with w.block(f"def {self.function('act', 'softmax')}({z}):"):
            w(f"{e} = np.exp({z} - np.max({z}, axis={axis}, keepdims=True))")
            w(
                f"return {e} / np.sum({e}, axis={axis}, keepdims=True)",
                {"softmax-axis": f"return {e} / np.sum({e}, axis={wrong}, keepdims=True)"},
                tag="softmax",
            )

    def _activation_function(self, w: Writer, kind: str) -> None:
        z, a = self.names("z"), self.names("a")
        name, prime = self.function("act", kind), self.function("prime", kind)
        flag = self.slopes == "flag" and kind in {"tanh", "sigmoid"}
        w()
        if flag:
            slope = self.slope_of(kind, z, z)
            with w.block(f"def {name}({z}, deriv=False):"):
                with w.block("if deriv:"):
                    w(f"return {slope}", {"derivative-of-other": f"return {self.slope_of(OTHER[kind], z, z)}"},
                      tag=f"prime {kind}")  # fmt: skip
                w(f"return {INLINE[kind].format(z=z)}")
            return
        with w.block(f"def {name}({z}):"):
            w(f"return {INLINE[kind].format(z=z)}")
        w()
        with w.block(f"def {prime}({a if self.slopes == 'of a' else z}):"):
            if self.slopes == "of a":
                right, other = self.slope_of(kind, a, a), self.slope_of(OTHER[kind], a, a)
            else:
                inner = f"{name}({z})" if kind in {"tanh", "sigmoid"} else z
                right, other = self.slope_of(kind, z, inner), self.slope_of(OTHER[kind], z, inner)
            w(f"return {right}", {"derivative-of-other": f"return {other}"}, tag=f"prime {kind}")

    def slope_of(self, kind: str, z: str, a: str) -> str:
        """The derivative of an activation, written out."""
        if kind == "sigmoid":
            return self.ink.mul(a, f"(1 - {a})") if self.ink.matrix else f"{grouped(a)} * (1 - {a})"
        if kind == "tanh":
            return f"1 - {self.ink.sq(a)}"
        if kind == "relu":
            return f"({z} > 0)"
        return f"np.where({z} > 0, 1, 0.01)"

    def slope(self, layer: int, *, z: str = "", a: str = "", kind: str = "") -> str:
        """The derivative of a layer's activation as this author writes it."""
        kind = kind or self.recipe.activation(layer)
        a = a or self.a(layer)
        z = z or (a if self.merged else self.z(layer))
        if self.slopes == "inline":
            return self.slope_of(kind, z, a)
        if self.slopes == "flag" and kind in {"tanh", "sigmoid"}:
            return f"{self.function('act', kind)}({a}, deriv=True)"
        argument = a if self.slopes == "of a" else z
        return f"{self.function('prime', kind)}({argument})"

    # start

    def start(
        self, w: Writer, at: Callable[[str, int | None], str], *, generator: str = ""
    ) -> None:
        sizes, columns = self.recipe.sizes, self.recipe.columns
        for layer in range(1, self.recipe.depth + 1):
            inputs, units = sizes[layer - 1 : layer + 1]
            shape = (units, inputs) if columns else (inputs, units)
            draw = (
                f"{generator}.normal(size={shape})" if generator
                else f"np.random.randn({shape[0]}, {shape[1]})"
            )  # fmt: skip
            bias = f"{units}" if self.flat_bias else f"({units}, 1)" if columns else f"(1, {units})"
            wrap = ("np.matrix({})" if self.ink.matrix else "{}").format
            w(
                f"{at('W', layer)} = {wrap(f'{draw} * {self.recipe.scale:g}')}",
                tag=f"start W{layer}",
            )
            if self.recipe.bias:
                w(f"{at('b', layer)} = {wrap(f'np.zeros({bias})')}", tag=f"start b{layer}")

    # forward

    def forward(self, w: Writer) -> None:
        for layer in range(1, self.recipe.depth + 1):
            self._layer(w, layer)

    def _layer(self, w: Writer, layer: int) -> None:
        ink, W, b = self.ink, self.at("W", layer), self.at("b", layer)
        below = self.a(layer - 1)
        total = ink.mm(W, below) if self.recipe.columns else ink.mm(below, W)
        kind = self.recipe.activation(layer)
        total = f"{total} + {b}" if self.recipe.bias else total
        if kind == "linear":
            w(f"{self.a(layer)} = {total}", tag=f"a{layer}")
            return
        if kind == "softmax" and self.slopes == "inline":
            self._softmax(w, layer, total)
            return
        merged = self.merged and kind in {"tanh", "sigmoid"}
        if not merged or (kind != "softmax" and self.slopes == "inline" and kind == "leaky"):
            w(f"{self.z(layer)} = {total}", tag=f"z{layer}")
            total = self.z(layer)
        if self.slopes == "inline":
            inner = grouped(total) if kind == "sigmoid" else total
            w(f"{self.a(layer)} = {INLINE[kind].format(z=inner)}", tag=f"a{layer}")
        else:
            w(f"{self.a(layer)} = {self.function('act', kind)}({total})", tag=f"a{layer}")

    def _softmax(self, w: Writer, layer: int, total: str) -> None:
        axis, wrong = (0, 1) if self.recipe.columns else (1, 0)
        z, e, p = self.z(layer), self.names("exp"), self.p
        w(f"{z} = {total}", tag=f"z{layer}")
        w(f"{e} = np.exp({z} - {z}.max(axis={axis}, keepdims=True))")
        w(f"{p} = {e} / {e}.sum(axis={axis}, keepdims=True)",
          {"softmax-axis": f"{p} = {e} / {e}.sum(axis={wrong}, keepdims=True)"}, tag=f"a{layer}")  # fmt: skip

    # loss

    def loss(self) -> str:
        """The loss as an expression."""
        p, y, n, sq = self.p, self.y, self.n, self.ink.sq
        residual = f"{p} - {y}"
        over_n = "" if self.recipe.batch == "one" else f" / {n}"
        kind = self.recipe.loss
        mul = self.ink.mul
        text = {
            "mean": f"np.mean({sq(residual)})",
            "half_mean": f"0.5 * np.mean({sq(residual)})",
            "rows": f"np.sum({sq(residual)}){over_n}",
            "half_rows": f"np.sum({sq(residual)}) / (2 * {n})" if over_n else f"0.5 * np.sum({sq(residual)})",
            "sum": f"np.sum({sq(residual)})",
            "half_sum": f"0.5 * np.sum({sq(residual)})",
            "mae": f"np.mean(np.abs({residual}))",
            "bce": f"-np.mean({mul(y, f'np.log({p})')} + {mul(f'(1 - {y})', f'np.log(1 - {p})')})",
            "bce_sum": f"-np.sum({mul(y, f'np.log({p})')} + {mul(f'(1 - {y})', f'np.log(1 - {p})')})",
            "ce": f"-np.sum({mul(y, f'np.log({p})')}){over_n}",
            "ce_sum": f"-np.sum({mul(y, f'np.log({p})')})",
        }[kind]  # fmt: skip
        if self.recipe.decay:
            squares = [f"np.sum({sq(self.at('W', i))})" for i in range(1, self.recipe.depth + 1)]
            text += f" + 0.5 * {self.names('decay')} * ({' + '.join(squares)})"
        return text

    # backward

    def scaled(
        self, text: str, *, factor: int, over: str, tensor: bool = False
    ) -> tuple[str, Faults]:
        """An expression times the loss's constant, and how that goes wrong."""
        mark = "" if tensor else "?"
        n = {
            "n": self.n,
            "size": self.n if self.recipe.sizes[-1] == 1 else f"{self.y}.size",
            "": "",
        }[over]
        if self.recipe.batch == "one":
            n = ""

        def put(c: int, n: str) -> str:
            body = f"{c} * {grouped(text)}" if c != 1 else text
            return f"{grouped(text) if c == 1 else body} / {n}" if n else body

        faults: Faults = {f"factor-two{mark}": put(3 - factor, n)}
        if n:
            faults[f"mean-missing{mark}"] = put(factor, "")
            faults[f"mean-of-wrong-size{mark}"] = put(factor, self.wrong_n)
            faults[f"mean-twice{mark}"] = put(factor, f"{n} ** 2")
        return put(factor, n), faults

    def backward(self, w: Writer) -> None:
        depth = self.recipe.depth
        self._output_delta(w)
        gradients: list[Callable[[], None]] = []
        for layer in range(depth, 0, -1):
            if layer < depth:
                self._hidden_delta(w, layer)
            if self.interleaved:
                self._gradients(w, layer)
            else:
                gradients.append(lambda layer=layer: self._gradients(w, layer))  # type: ignore[misc]
        for write in gradients:
            write()

    def delta(self, layer: int) -> str:
        return self.at("delta", layer)

    def _output_delta(self, w: Writer) -> None:
        depth, p, y = self.recipe.depth, self.p, self.y
        kind, loss = self.recipe.output, self.recipe.loss
        minus, turned = f"({p} - {y})", f"({y} - {p})"
        if self.ascent:
            minus, turned = turned, minus
        if loss == "mae":
            minus, turned = f"np.sign{minus}", f"np.sign{turned}"
        factor, over = SCALES[loss]
        late = self.late_scale
        d = self.delta(depth)
        fused = loss in {"bce", "bce_sum", "ce", "ce_sum"} or kind == "linear"
        put = (
            (lambda r: (r.strip("()") if not r.startswith("np.") else r, {}))
            if late
            else (lambda r: self.scaled(r, factor=factor, over=over))
        )
        right, faults = put(minus)
        wrong_sign, _ = put(turned)
        jacobian = kind == "softmax" and not fused
        if jacobian:
            self._jacobian(w, d, right, faults, wrong_sign)
            return
        slope = "" if fused else self.slope(depth)

        def whole(r: str) -> str:
            return f"{d} = {self.ink.mul(r, slope)}" if slope else f"{d} = {r}"

        options: Faults = {name: whole(str(text)) for name, text in faults.items()}
        options["residual-sign"] = whole(wrong_sign)
        if self.recipe.batch == "mini":
            size, targets = self.names("size"), self.names("Y")
            first = f"{targets}[:, :{size}]" if self.recipe.columns else f"{targets}[:{size}]"
            options["wrong-targets"] = whole(put(minus.replace(y, first))[0])
        if not late:
            power = put(self.ink.sq(minus))[0]
            options["loss-gradient-wrong?"] = [whole(power), whole(put(f"np.abs{minus}")[0])]
            if self.recipe.batch != "one":
                options["scaled-by-residual"] = whole(f"np.mean{minus} * {grouped(right)}")
        if slope:
            options["output-derivative-missing?"] = f"{d} = {right}"
            options["derivative-twice?"] = whole(self.ink.mul(right, slope))
            if not self.merged:
                options["derivative-argument?"] = self._argument(depth, right)
        elif kind == "sigmoid":
            extra = self.slope(depth)
            options["output-derivative-extra?"] = f"{d} = {self.ink.mul(right, extra)}"
        w(whole(right), options, tag=f"delta{depth}", also=("update all", f"prime {kind}"))

    def _argument(self, layer: int, before: str) -> str:
        wrong = (
            self.slope(layer, a=self.z(layer)) if self.slopes in {"inline", "of a", "flag"}
            else self.slope(layer, z=self.a(layer))
        )  # fmt: skip
        return f"{self.delta(layer)} = {self.ink.mul(before, wrong)}"

    def _jacobian(self, w: Writer, d: str, right: str, faults: Faults, wrong_sign: str) -> None:
        axis = 0 if self.recipe.columns else 1
        g, p, mul = self.at("g", None), self.p, self.ink.mul
        w(f"{g} = {right}", {**{name: f"{g} = {text}" for name, text in faults.items()},
                             "residual-sign": f"{g} = {wrong_sign}"}, tag="output gradient")  # fmt: skip
        text = f"{d} = {mul(p, f'({g} - np.sum({mul(g, p)}, axis={axis}, keepdims=True))')}"
        w(text, {"softmax-jacobian-missing?": f"{d} = {g}",
                 "softmax-diagonal-only?": f"{d} = {mul(g, mul(p, f'(1 - {p})'))}"},
          tag=f"delta{self.recipe.depth}")  # fmt: skip

    def _hidden_delta(self, w: Writer, layer: int) -> None:
        ink, columns, sizes = self.ink, self.recipe.columns, self.recipe.sizes
        above, W, d = self.delta(layer + 1), self.at("W", layer + 1), self.delta(layer)
        mul = ink.mul
        back = ink.mm(ink.T(W), above) if columns else ink.mm(above, ink.T(W))
        slope = self.slope(layer)
        breaks: Faults = {}
        if sizes[layer] == sizes[layer + 1] or sizes[layer + 1] == 1:
            breaks["chain-broken"] = above
        else:
            breaks["chain-broken"] = f"np.sum({above}, axis={0 if columns else 1}, keepdims=True)"
        if sizes[layer] == sizes[layer + 1]:
            breaks["transpose-forgotten"] = ink.mm(W, above) if columns else ink.mm(above, W)
            if sizes[layer - 1] == sizes[layer]:
                other = ink.T(self.at("W", layer))
                breaks["wrong-operand"] = ink.mm(other, above) if columns else ink.mm(above, other)
        if self.two_steps:
            e = self.at("error", layer)
            w(
                f"{e} = {back}",
                {name: f"{e} = {text}" for name, text in breaks.items()},
                tag=f"error{layer}",
            )
            back, breaks = e, {}
        options: Faults = {name: f"{d} = {mul(str(text), slope)}" for name, text in breaks.items()}
        options["derivative-missing"] = f"{d} = {back}"
        options["derivative-twice"] = f"{d} = {mul(mul(back, slope), slope)}"
        kind = self.recipe.hidden
        if self.slopes == "inline":
            options["derivative-of-other"] = (
                f"{d} = {mul(back, self.slope(layer, kind=OTHER[kind]))}"
            )
        if not self.merged and kind in {"tanh", "sigmoid"}:
            options["derivative-argument"] = self._argument(layer, back)
        others = [o for o in range(1, self.recipe.depth) if o != layer and sizes[o] == sizes[layer]]
        if others:
            o = others[0]
            options["derivative-of-wrong-layer"] = f"{d} = {mul(back, self.slope(o, kind=kind))}"
        if kind in {"relu", "leaky"}:
            options["mask-wrong"] = [f"{d} = {mul(back, f'({back} > 0)')}"]
            if self.slopes == "inline" and not self.merged:
                options["mask-wrong"].append(
                    f"{d} = {mul(back, self.slope_of(kind, self.z(layer), '').replace('>', '<'))}"
                )  # type: ignore[union-attr]
        if kind == "leaky":
            source = self.a(layer) if self.slopes == "of a" or self.merged else self.z(layer)
            options["slope-missing"] = f"{d} = {mul(back, f'({source} > 0)')}"
        w(f"{d} = {mul(back, slope)}", options, tag=f"delta{layer}", also=(f"prime {kind}",))

    def _gradients(self, w: Writer, layer: int) -> None:
        ink, columns = self.ink, self.recipe.columns
        dW, db, d = self.at("dW", layer), self.at("db", layer), self.delta(layer)

        def product(a: str, d: str) -> str:
            return ink.mm(d, ink.T(a)) if columns else ink.mm(ink.T(a), d)

        factor, over = SCALES[self.recipe.loss]
        decay = f" + {self.names('decay')} * {self.at('W', layer)}" if self.recipe.decay else ""

        def put(text: str) -> str:
            return self.scaled(text, factor=factor, over=over)[0] if self.late_scale else text

        text = product(self.a(layer - 1), d)
        options: Faults = {
            name: f"{dW} = {put(wrong)}{decay}"
            for name, wrong in self._operands(layer, product).items()
        }
        options["gradient-sign"] = f"{dW} = -{grouped(put(text))}{decay}"
        if self.late_scale:
            for name, wrong in self.scaled(text, factor=factor, over=over, tensor=True)[1].items():
                options[name] = f"{dW} = {wrong}{decay}"
        if decay:
            lam = self.names("decay")
            options["decay-sign"] = f"{dW} = {put(text)} - {lam} * {self.at('W', layer)}"
            options["decay-missing?"] = f"{dW} = {put(text)}"
            if self.recipe.batch != "one":
                options["decay-scaled?"] = (
                    f"{dW} = {put(text)} + {lam} * {self.at('W', layer)} * {self.n}"
                )
        w(f"{dW} = {put(text)}{decay}", options, tag=f"dW{layer}")
        axis = 1 if columns else 0
        keep = "" if self.flat_bias or self.ink.matrix else ", keepdims=True"
        if self.recipe.bias:
            self._bias(w, layer, db, d, put, axis, keep)

    def _bias(
        self,
        w: Writer,
        layer: int,
        db: str,
        d: str,
        put: Callable[[str], str],
        axis: int,
        keep: str,
    ) -> None:
        sizes = self.recipe.sizes
        text = f"np.sum({d}, axis={axis}{keep})"
        options: Faults = {
            "bias-not-summed": f"{db} = {put(d)}",
            "bias-wrong-axis": f"{db} = {put(f'np.sum({d}, axis={1 - axis}{keep})')}",
            "bias-averaged": f"{db} = {put(f'np.mean({d}, axis={axis}{keep})')}",
            "bias-total": f"{db} = {put(f'np.sum({d})')}",
            "gradient-sign": f"{db} = -{grouped(put(text))}",
        }
        for other in range(1, self.recipe.depth + 1):
            reach = other > layer or not self.interleaved
            if other != layer and reach and sizes[other] in {sizes[layer], 1}:
                wrong = put(f"np.sum({self.delta(other)}, axis={axis}{keep})")
                options["wrong-operand"] = f"{db} = {wrong}"
        if self.two_steps and layer < self.recipe.depth:
            wrong = put(f"np.sum({self.at('error', layer)}, axis={axis}{keep})")
            options["error-for-delta"] = f"{db} = {wrong}"
        w(f"{db} = {put(text)}", options, tag=f"db{layer}")

    def _operands(self, layer: int, product: Callable[[str, str], str]) -> dict[str, str]:
        """Weight gradients made of what does not belong there."""
        sizes, d = self.recipe.sizes, self.delta(layer)
        wrong: dict[str, str] = {}
        if layer > 1:
            for other in range(layer - 1):
                if sizes[other] == sizes[layer - 1]:
                    wrong["input-for-hidden"] = product(self.a(other), d)
            if not self.merged and self.recipe.hidden in {"tanh", "sigmoid"}:
                wrong["preactivation-for-activation"] = product(self.z(layer - 1), d)
        if layer < self.recipe.depth:
            if sizes[layer] == sizes[layer + 1]:
                wrong["wrong-operand"] = product(self.a(layer - 1), self.delta(layer + 1))
            if self.two_steps:
                wrong["error-for-delta"] = product(self.a(layer - 1), self.at("error", layer))
        if sizes[layer] == sizes[layer - 1] and self.recipe.batch != "one":
            wrong["transpose-forgotten"] = self.ink.T(product(self.a(layer - 1), d))
        return wrong

    def moves(self, w: Writer) -> None:
        """Updates that may wrongly stand before the error is passed back."""
        tags = {line.tag for line in w.lines}
        for layer in range(2, self.recipe.depth + 1):
            update, error = (
                f"update W{layer}",
                f"error{layer - 1}" if self.two_steps else f"delta{layer - 1}",
            )
            if not {update, error} <= tags or not self.interleaved:
                continue
            w.move("updated-weights", update, before=error, also=(error,))

    def canonical(self, at: Callable[[str, int | None], str] | None = None) -> str:
        """The parameters in rows, as an expression."""
        at = at or self.at
        turn = ".T" if self.recipe.columns else ""
        parts = [
            f"{at(role, layer)}{turn}"
            for layer in range(1, self.recipe.depth + 1)
            for role in (("W", "b") if self.recipe.bias else ("W",))
        ]
        return f"[{', '.join(parts)}]"
