"""The changes of a program's text that it may need, by what was seen and found of its run."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nndiag.own_program.edits import Editor
from nndiag.own_program.mirror import Mirror, Told
from nndiag.own_program.setting_edit import Edits, SettingEdit

USUAL = (1e-4, 0.01, 0.1)
"""Rates that suit Adam and its kind, which have no stability limit: the least, one, the largest."""
_BATCHES = 8
"""By what the examples of a step are multiplied."""
WIDER = 4
"""By what the units of a hidden layer are multiplied."""
OUTPUTS = frozenset({"sigmoid", "tanh", "relu"})
"""Activations without which an output gives any number."""
_MENDS = {
    "learning rate": ("learning-rate-too-small", "not-enough-steps", "summed-loss"),
    "batch size": ("noisy-steps",),
    "order": ("nothing-to-learn", "mismatched-data"),
    "learning rate's decay": ("learning-rate-too-small", "stalled-convergence"),
    "activation": ("vanishing-gradients", "saturated-units", "dead-units"),
    "clip": ("gradient-clipped-too-hard",),
    "weight decay": ("weight-decay-too-strong",),
    "output": (
        "loss-does-not-fit-output",
        "constant-predictions",
        "targets-outside-output-range",
    ),
    "labels": ("loss-does-not-fit-output", "targets-outside-output-range"),
    "hidden units": ("too-few-units",),
    "inputs": ("unscaled-inputs",),
    "biases": ("missing-biases",),
    "targets": ("unscaled-targets", "targets-outside-output-range", "loss-does-not-fit-output"),
    "starting weights": (
        "weights-too-large",
        "weights-too-small",
        "identical-units",
        "dead-units",
        "saturated-units",
        "saddle-point",
    ),
}
"""Edit → the problems that it is for."""


class Candidates:
    """Chooses among the changes that an editor knows.

    Args:
        editor: Finds their places in the text.
        told: What was watched of the program.
        mirror: Its network, where it is known.
        problems: What was found, the cause first.
        probed: The first steps of the program with some changes; None where it cannot be run.
    """

    def __init__(
        self,
        editor: Editor,
        told: Told,
        mirror: Mirror | None,
        *,
        problems: Sequence[str],
        probed: Callable[[Edits], Told | None],
    ) -> None:
        self._editor, self._told, self._mirror = editor, told, mirror
        self._problems, self._probed = problems, probed

    def applicable(self) -> list[SettingEdit]:
        """The changes that this program may need, the likeliest first."""
        editor, mirror, output = self._editor, self._mirror, self._told["output"] or {}
        found = [editor.steady_rate(), editor.clip(), self._linear()]
        if self._told.get("decay"):
            found.append(editor.decay())
        if output.get("activation") == "softmax" and [
            x["units"] for x in self._told["links"][-1:]
        ] == [1]:
            found.append(editor.sigmoid())
        labels = None if mirror is None else mirror.odd_labels
        if labels is not None:
            found.append(editor.labels(*labels))
        else:
            found += [editor.standardized(targets=x, undone=True) for x in (False, True)]
        found += [editor.start(), self._activation()]
        if not self._told["adaptive"]:
            found.append(editor.optimizer("Adam", USUAL[1]))
        asked: dict[str, Callable[[], SettingEdit | None]] = {
            "missing-biases": self._biases,
            "too-few-units": lambda: editor.units(WIDER),
            "summed-loss": editor.mean_rate,
            "noisy-steps": lambda: editor.batch(_BATCHES),
            "nothing-to-learn": editor.unshuffled,
            "mismatched-data": editor.unshuffled,
        }
        found += [edit() for problem, edit in asked.items() if problem in self._problems]
        known = [edit for edit in found if edit is not None and self._matters(edit)]
        return sorted(known, key=self._rank)

    def _activation(self) -> SettingEdit | None:
        """Another activation, where that of the hidden layers is why it does not train.

        Of the ways to write it that one is taken after which a run has it, and the same output.
        """
        hidden = {x["activation"] for x in self._told["links"][:-1]}
        ill = any(x in _MENDS["activation"] for x in self._problems)
        if len(hidden) != 1 or not ill or not hidden <= {"sigmoid", "tanh", "relu"}:
            return None
        (old,) = hidden
        new = "relu" if old == "tanh" else "tanh"
        output = (self._told["output"] or {}).get("activation")
        return self._that_gives(self._editor.activations(old, new), hidden=new, output=output)

    def _linear(self) -> SettingEdit | None:
        """No activation of the output, where targets lie outside what it gives."""
        output = (self._told["output"] or {}).get("activation")
        outside = "targets-outside-output-range" in self._problems
        if not outside or output not in OUTPUTS or self._told["kind"] != "mean_squared_error":
            return None
        return self._that_gives(self._editor.linear_outputs(output), output="linear")

    def _biases(self) -> SettingEdit | None:
        """Biases, in the way after which a run has them, and right steps."""
        for edit in self._editor.biases():
            told = self._probed((edit,))
            first = (told["links"] or [{}])[0] if told is not None else {}
            has = first.get("biases") is not None or first.get("ones") is not None
            if told is not None and has and (told["right"] or not self._told["right"]):
                return edit
        return None

    def _that_gives(
        self, edits: Iterator[SettingEdit], *, output: str | None, hidden: str | None = None
    ) -> SettingEdit | None:
        """The first of some changes after which a run has these activations, and right steps."""
        for edit in edits:
            told = self._probed((edit,))
            if told is None or not told["links"] or not told["output"]:
                continue
            inner = {x["activation"] for x in told["links"][:-1]}
            same = told["output"]["activation"] == output and hidden in (None, *inner)
            if same and len(inner) < 2 and (told["right"] or not self._told["right"]):
                return edit
        return None

    def _rank(self, edit: SettingEdit) -> int:
        """Where what an edit mends stands among the findings, the cause first."""
        places = [
            place
            for place, problem in enumerate(self._problems)
            if problem in _MENDS.get(edit.name, ())
        ]
        return min(places, default=len(self._problems))

    def is_beside_the_cause(self, edits: Edits) -> bool:
        """Whether changes are others than the cause asks for, which come first.

        Where both inputs and targets are off scale, it asks for both.
        """
        ranks = [self._rank(edit) for edit in edits]
        found = all(rank < len(self._problems) for rank in ranks)
        scaled = all(edit.name in {"inputs", "targets"} for edit in edits)
        return not (ranks and min(ranks) == 0 and found and (len(edits) == 1 or scaled))

    def _matters(self, edit: SettingEdit) -> bool:
        """Whether a change of the data changes much, or is what a finding asks for."""
        if self._rank(edit) < len(self._problems):
            return True
        mirror = self._mirror
        known = self._told["data"] if mirror is None else (mirror.inputs, mirror.targets)
        if edit.name not in {"inputs", "targets"} or known is None or self._told["kind"] is None:
            return True
        values = np.asarray(known[edit.name == "targets"], dtype=np.float64)
        values = values[:, np.ptp(values, axis=0) > 0]
        if not values.size or (edit.name == "targets" and set(np.unique(values)) <= {0.0, 1.0}):
            return False
        sizes, means = values.std(axis=0), np.abs(values.mean(axis=0))
        return bool(sizes.max() > 2 or sizes.min() < 0.3 or (means > 1.5 * sizes).any())
