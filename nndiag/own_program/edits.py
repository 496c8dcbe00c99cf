"""Changes of a setting in a program's own text: where the rate, the steps, the start stand there.

Each change leaves everything else as it was typed. What is not found is not changed.
"""

import ast
import math
from collections.abc import Iterator, Sequence

import numpy as np

from nndiag.own_program.absorbing import shapes
from nndiag.own_program.activating import exchanged, left_out
from nndiag.own_program.biasing import biased
from nndiag.own_program.mirror import Told
from nndiag.own_program.optimizing import as_adam
from nndiag.own_program.places import Places, Splice, bound_of, last_name, value_of
from nndiag.own_program.rescaling import Rescaling
from nndiag.own_program.sampling import batch_places, shuffles_of_one
from nndiag.own_program.setting_edit import SettingEdit
from nndiag.own_program.sharing import shared
from nndiag.own_program.starting import typed, weight_change
from nndiag.own_program.widening import widened
from nndiag.program.text.source import Source

_BOUNDED = frozenset({"sigmoid", "tanh", "softmax"})
_FADED = 0.1
"""The share of its first value that a fading learning rate keeps to the end."""
_WIDE = 1.0  # a clip that takes rare steps only


class Editor:
    """Finds the places of settings in a program.

    Args:
        source: The program.
        told: What was watched of it.
    """

    def __init__(self, source: Source, told: Told) -> None:
        self._told, self._places = told, Places(source, told)
        self._data = Rescaling(self._places, told)

    def rate(self, value: float) -> SettingEdit | None:
        """The learning rate set to a value."""
        if self._told["rate"] is None:
            return None
        text, known = self._told["rate"]
        places = self._places.numbers(text, known)
        if len(self._told.get("rates") or ()) > 1:
            places = self._places.assigned_in_loop(text) or places
        return self._set(places, typed(value), name="learning rate", before=known)

    def mean_rate(self) -> SettingEdit | None:
        """The learning rate of a summed loss over the number of examples: the step of the mean."""
        if self._told["rate"] is None or not self._told["batch"] or self._told["batch"] < 2:
            return None
        text, known = self._told["rate"]
        places, count = self._places.numbers(text, known), self._told["batch"]
        if not places:
            return None
        written = f"{self._places.text_of(places[0])} / {count}"
        return self._set(places, written, name="learning rate", before=known)

    def batch(self, factor: int) -> SettingEdit | None:
        """So many times the examples in each step."""
        count, data = self._told["batch"], self._told["data"]
        if not count or data is None or count * factor > len(data[0]):
            return None
        found = batch_places(self._places, count, loop_line=self._told["loop_line"])
        return self._set(found, str(count * factor), name="batch size", before=count)

    def unshuffled(self) -> SettingEdit | None:
        """Inputs and targets in the order that they have together."""
        found = list(shuffles_of_one(self._places))
        if not found:
            return None
        says = "no shuffle of one array alone"
        return SettingEdit("order", says, found[0][0], tuple(x for _, x in found))

    def steady_rate(self) -> SettingEdit | None:
        """The learning rate of the first step in all of them, or one that fades to a tenth of it.

        None where the program does not lower it further than that.
        """
        rates = self._told.get("rates") or []
        if self._told["rate"] is None or len(rates) < 2:
            return None
        text, first, last = self._told["rate"][0], rates[0][1], rates[-1][1]
        if last >= _FADED * first:
            return None
        for node in self._places.shrinking(text):
            named = last_name(node)
            places = [node] if named is None else [x for x, _ in self._places.constants_of({named})]
            before = value_of(places[0]) if places else None
            if before is None or before in {0.0, 1.0} or last <= 0:
                continue
            share = before ** (math.log(_FADED) / math.log(last / first))
            after = f"{1 + float(f'{share - 1:.2g}'):g}"
            return self._set(places, after, name="learning rate's decay", before=before)
        places = self._places.assigned_in_loop(text)
        return self._set(places, typed(first), name="learning rate", before=last)

    def steps(self, factor: int) -> SettingEdit | None:
        """The outermost loop of the training run through more often."""
        loop = self._places.outer_loop()
        bound = None if loop is None else bound_of(loop)
        if bound is None:
            return None
        known = value_of(bound)
        if known is not None:
            return self._set([bound], f"{int(known * factor)}", name="steps", before=known)
        found = self._places.constants_of({last_name(bound)})
        places = [place for place, value in found if value == found[0][1]]
        if not places:
            return None
        known = found[0][1]
        return self._set(places, f"{int(known * factor)}", name="steps", before=known)

    def decay(self) -> SettingEdit | None:
        """No weight decay."""
        places = self._factors(self._told["decay"])
        return self._set(places, "0", name="weight decay", before=self._told["decay"])

    def clip(self) -> SettingEdit | None:
        """A wider clip of the gradients."""
        clips = [
            node
            for node in ast.walk(self._places.tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("clip")
            and len(node.args) == 3
            and (high := value_of(node.args[2])) is not None
            and value_of(node.args[1]) == -high
            and high < _WIDE
        ]
        if clips:
            pairs = [(x.args[1], f"-{_WIDE:g}") for x in clips]
            pairs += [(x.args[2], f"{_WIDE:g}") for x in clips]
            splices = tuple(self._places.replaced(node, text) for node, text in pairs)
            before = value_of(clips[0].args[2])
            return SettingEdit("clip", f"{before:g} → {_WIDE:g}", clips[0].lineno, splices)
        limit = self._told["clip"]
        places = [] if not limit else [x for x in self._constants() if _same(x.value, limit)]
        return self._set(places, f"{_WIDE:g}", name="clip", before=limit or 0.0)

    def standardized(self, *, targets: bool = False, undone: bool = False) -> SettingEdit | None:
        """Inputs, or targets, with mean 0 and size 1, while the program trains.

        Args:
            targets: Whether it is the targets.
            undone: Whether, behind the training, the network is changed into one for the data as
                they are, where its layers have biases.
        """
        output = self._told["output"] or {}
        if not targets:
            return self._data.rescaled("inputs", 0, undone=undone)
        if output.get("activation") not in _BOUNDED:
            return self._data.rescaled("targets", 1, undone=undone)
        return self._data.before_loop(
            1,
            "{0} = 0.1 + 0.8 * ({0} - {0}.min()) / ({0}.max() - {0}.min())",
            name="targets",
            says="between 0.1 and 0.9",
        )

    def labels(self, low: float, high: float) -> SettingEdit | None:
        """Labels of two values as 0 and 1."""
        moved = f"{{0}} {'-' if low > 0 else '+'} {abs(low):g}" if low else "{0}"
        statement = f"{{0}} = ({moved}) / {high - low:g}" if high - low != 1 else f"{{0}} = {moved}"
        says = f"0 and 1 instead of {low:g} and {high:g}"
        return self._data.before_loop(1, statement, name="labels", says=says)

    def _column_of_ones(self) -> SettingEdit | None:
        """A column of ones in the inputs, whose weights are biases."""
        links, data = self._told["links"], self._told["data"]
        loop, name = self._places.outer_loop(), self._data.usable(0)
        if not links or loop is None or name is None or data is None:
            return None
        start = self._places.assigned(links[0]["weights"])
        shape = shapes(self._told)[links[0]["weights"]]
        if start is None or len(shape) != 2 or start.lineno > loop.lineno:
            return None
        label, axis = name
        rows = axis.startswith("axis=0")
        ones = f"np.hstack([{label}, np.ones((len({label}), 1))])"
        if not rows:
            ones = f"np.vstack([{label}, np.ones((1, {label}.shape[1]))])"
        units = links[0]["units"]
        more = "np.vstack([{}, np.linspace(-1, 1, %d).reshape(1, -1)])"
        if not links[0]["turned"]:
            more = "np.hstack([{}, np.linspace(-1, 1, %d).reshape(-1, 1)])"
        splices = (
            self._places.wrapped(start, more % units),
            self._places.before(loop, [f"{label} = {ones}"]),
        )
        return SettingEdit("biases", "by a column of ones in the inputs", start.lineno, splices)

    def biases(self) -> Iterator[SettingEdit]:
        """Biases in the first layer, as they may be written; a column of ones first."""
        ones = self._column_of_ones()
        if ones is not None:
            yield ones
        for line, splices in biased(self._places, self._told):
            yield SettingEdit("biases", "added to the first layer", line, splices)

    def activations(self, old: str, new: str) -> Iterator[SettingEdit]:
        """Another activation in the hidden layers, with its derivative, as it may be written."""
        for splices in exchanged(self._places, old, new):
            line = self._places.source.text.count("\n", 0, min(x.start for x in splices)) + 1
            yield SettingEdit("activation", f"{old} → {new}", line, splices)

    def linear_outputs(self, old: str) -> Iterator[SettingEdit]:
        """An output without an activation, as it may be written."""
        for splices in left_out(self._places, old):
            line = self._places.source.text.count("\n", 0, splices[0].start) + 1
            yield SettingEdit("output", f"linear instead of {old}", line, splices)

    def start(self) -> SettingEdit | None:
        """Weights that suit the width of their layers, and biases of zero.

        Where one expression starts several layers, the change is that of the widest.
        """
        splices: dict[ast.expr, Splice] = {}
        copies = self._told["copies"]
        if not copies or not self._told["links"]:
            return None
        first = copies[0][1]
        for link in sorted(self._told["links"], key=lambda link: -int(link["columns"])):
            node = self._places.assigned(link["weights"])
            change = weight_change(link, np.asarray(first[link["weights"]]))
            if len(self._told["links"]) == 1 and change is not None and "rng" in change:
                change = None  # a single layer may start at zero
            if node is not None and change is not None:
                splices.setdefault(node, self._places.resized(node, change))
            biases = link["biases"]
            node = None if biases is None else self._places.assigned(biases)
            if node is not None and np.any(np.asarray(first[biases]) != 0):
                splices.setdefault(node, self._places.wrapped(node, "({}) * 0"))
        if not splices:
            return None
        line = min(node.lineno for node in splices)
        ordered = tuple(sorted(splices.values(), key=lambda x: x.start))
        return SettingEdit("starting weights", "scaled to the layers", line, ordered)

    def units(self, factor: int) -> SettingEdit | None:
        """So many times the units in the hidden layers."""
        found = widened(self._places, self._told, factor) if len(self._told["links"]) > 1 else None
        if found is None:
            return None
        widths = [link["units"] for link in self._told["links"][:-1]]
        before, after = ("-".join(map(str, x)) for x in (widths, [n * factor for n in widths]))
        return SettingEdit("hidden units", f"{before} → {after}", found[1], found[0])

    def sigmoid(self) -> SettingEdit | None:
        """A sigmoid in the place of a softmax over one unit."""
        found = (self._told["output"] or {}).get("call")
        if found is None:
            return None
        call, argument = (self._places.expression(*place) for place in found)
        if call is None or argument is None:
            return None
        text = f"1 / (1 + np.exp(-({self._places.text_of(argument)})))"
        splices = (self._places.replaced(call, text),)
        return SettingEdit("output", "a sigmoid instead of a softmax", call.lineno, splices)

    def shared_biases(self, names: Sequence[str]) -> SettingEdit | None:
        """One bias for all examples, where each has its own.

        Args:
            names: The biases.
        """
        found = shared(self._places, self._told, names)
        return None if found is None else SettingEdit("biases", "one for all examples", *found)

    def real_weights(self) -> SettingEdit | None:
        """Weights that are real numbers instead of integers."""
        splices, line = [], 0
        for name in self._told.get("integers", ()):
            node = self._places.assigned(name)
            if node is not None:
                splices.append(self._places.wrapped(node, "({}).astype(float)"))
                line = line or node.lineno
        if not splices:
            return None
        return SettingEdit("weights", "real numbers instead of integers", line, tuple(splices))

    def optimizer(self, name: str, rate: float) -> SettingEdit | None:
        """Adam's steps for plain ones; None where they are not plain."""
        found = as_adam(self._places, self._told, rate=typed(rate))
        if found is None or name != "Adam":
            return None
        return SettingEdit("optimizer", f"{name}, lr = {typed(rate)}", *found)

    def never_zero(self, text: str, *, line: int) -> SettingEdit | None:
        """A divisor that is never zero.

        Args:
            text: The division.
            line: Its line.
        """
        for node in ast.walk(self._places.tree):
            if isinstance(node, ast.BinOp) and node.lineno == line and ast.unparse(node) == text:
                splice = self._places.wrapped(node.right, "({} + 1e-8)")
                return SettingEdit("divisor", "never 0", line, (splice,))
        return None

    def _set(
        self, places: Sequence[ast.expr], text: str, *, name: str, before: float
    ) -> SettingEdit | None:
        """Numbers replaced by another one."""
        if not places:
            return None
        splices = tuple(self._places.replaced(x, text) for x in places)
        return SettingEdit(name, f"{before:.3g} → {text}", places[0].lineno, splices)

    def _constants(self) -> list[ast.Constant]:
        """All numbers that are written in the program."""
        return [
            node
            for node in ast.walk(self._places.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, int | float)
        ]

    def _factors(self, value: float) -> list[ast.expr]:
        """Where a number stands that something is multiplied by; by its name, or as it is."""
        factors = {
            side
            for node in ast.walk(self._places.tree)
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
            for side in (node.left, node.right)
        }
        names = {last_name(side) for side in factors} - {None}
        for one in (value, 2 * value, value / 2):
            named = [x for x, known in self._places.constants_of(set(names)) if _same(known, one)]
            if value and named:
                return named
        trained = [x for x in factors if self._places.is_trained(x)]
        return [x for x in trained if isinstance(x, ast.Constant) and _same(x.value, value)]


def _same(one: object, other: float) -> bool:
    return isinstance(one, int | float) and abs(one - other) <= 1e-6 * abs(other)
