"""Programs whose gradient is right and whose setting, data or start is wrong.

A fault changes lines of a program that trains, or a field of the recipe that it is composed of.
Kept is what the run shows: the program learned nine tenths before, and hardly anything afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks.generated.population import (
    ATTEMPTS,
    CALLS,
    Draft,
    Specimen,
    draft,
    of_draft,
    right_training,
    seed_of,
)
from tests.benchmarks.generated.running import run
from tests.benchmarks.generated.styles import Style, all_styles
from tests.benchmarks.generated.truth import (
    Training,
    constant_baseline,
    steps_of,
    training_of,
)
from tests.benchmarks.generated.writing import Alternative, Fault

HEALTHY = 0.25
"""Largest loss of a healthy program's end, in those of the mean baseline output."""

ILL = 0.75
"""Least loss of an ill program's end, in the same unit."""

RATE = "learning-rate-above-stability-limit"
SLOW = ("learning-rate-too-small", "not-enough-steps")

Edits = dict[str, Alternative]


@dataclass(frozen=True)
class Setting:
    """A fault at one strength.

    Attributes:
        causes: Problems that name it rightly.
        edits: What stands instead of lines with a tag; None where it does not apply.
        changes: Fields of the recipe that are replaced; None where it does not apply.
    """

    name: str
    causes: tuple[str, ...]
    edits: Callable[[Draft], Edits | None] | None = None
    changes: Callable[[Draft], dict[str, Any] | None] | None = None

    @property
    def kind(self) -> str:
        return self.name.partition(" ")[0]


SETTINGS: list[Setting] = []


def text_of(made: Draft, tag: str) -> str | None:
    return next((line.text for line in made.writer.lines if line.tag == tag), None)


def by_lines(
    kind: str, *causes: str, strengths: tuple[Any, ...]
) -> Callable[[Callable[..., Edits | None]], Callable[..., Edits | None]]:
    """Add a fault of lines at each strength."""

    def kept(edit: Callable[..., Edits | None]) -> Callable[..., Edits | None]:
        for strength in strengths:
            SETTINGS.append(
                Setting(f"{kind} {strength}", causes, edits=lambda made, s=strength: edit(made, s))
            )
        return edit

    return kept


def by_recipe(
    kind: str, *causes: str, strengths: tuple[Any, ...]
) -> Callable[[Callable[..., dict[str, Any] | None]], Callable[..., dict[str, Any] | None]]:
    """Add a fault of the recipe at each strength."""

    def kept(change: Callable[..., dict[str, Any] | None]) -> Callable[..., dict[str, Any] | None]:
        for strength in strengths:
            SETTINGS.append(
                Setting(
                    f"{kind} {strength}", causes, changes=lambda made, s=strength: change(made, s)
                )
            )
        return change

    return kept


# rate, steps, optimizer


def times(made: Draft, tag: str, factor: float) -> Edits | None:
    """The number that a line assigns, times a factor."""
    text = text_of(made, tag)
    if text is None:
        return None
    name, _, number = text.partition(" = ")
    return {tag: f"{name} = {float(number) * factor:g}"}


@by_lines("rate-too-high", RATE, strengths=(10, 100, 1000))
def _rate_high(made: Draft, factor: float) -> Edits | None:
    return times(made, "rate", factor)


@by_lines("rate-too-low", *SLOW, strengths=(1e-3, 1e-4, 1e-6))
def _rate_low(made: Draft, factor: float) -> Edits | None:
    return times(made, "rate", factor)


@by_lines("too-few-steps", *SLOW, strengths=(2, 5, 12))
def _few_steps(made: Draft, steps: int) -> Edits | None:
    head = text_of(made, "loop")
    return (
        {"loop": re.sub(r"\d+\)?:$", f"{steps}{'):' if '(' in head else ':'}", head)}
        if head
        else None
    )


@by_lines("schedule-too-fast", *SLOW, strengths=(1, 10))
def _schedule(made: Draft, decay: float) -> Edits | None:
    text = text_of(made, "schedule")
    return {"schedule": text.replace("0.001 *", f"{decay} *")} if text else None


@by_lines("decay-too-strong", "weight-decay-too-strong", strengths=(30, 100, 300))
def _decay(made: Draft, factor: float) -> Edits | None:
    return times(made, "decay", factor)


@by_recipe(
    "clip-too-tight", "gradient-clipped-too-hard", "clipped-gradient", strengths=(1e-4, 1e-6)
)
def _clip(made: Draft, clip: float) -> dict[str, Any] | None:
    return {"clip": clip} if made.recipe.clip and made.recipe.optimizer == "sgd" else None


@by_recipe("summed-loss", "summed-loss", RATE, strengths=("",))
def _sum(made: Draft, strength: str) -> dict[str, Any] | None:
    sums = {
        "mean": "sum",
        "half_mean": "half_sum",
        "rows": "sum",
        "half_rows": "half_sum",
        "bce": "bce_sum",
        "ce": "ce_sum",
    }
    recipe = made.recipe
    plain = recipe.optimizer in {"sgd", "momentum", "heavy_ball"}
    return (
        {"loss": sums[recipe.loss]}
        if recipe.loss in sums and plain and recipe.batch == "full"
        else None
    )


# data


def behind_data(made: Draft, *lines: str) -> Edits | None:
    text = text_of(made, "data")
    return {"data": (text, *lines)} if text else None


def names(made: Draft) -> tuple[str, str]:
    return made.names("X"), made.names("Y")


@by_lines("inputs-large", "unscaled-inputs", strengths=(30, 300, 3000))
def _inputs(made: Draft, factor: float) -> Edits | None:
    x, _ = names(made)
    return behind_data(made, f"{x} = {x} * {factor}.0")


@by_lines("inputs-off-centre", "unscaled-inputs", strengths=(50, 500))
def _offset(made: Draft, offset: float) -> Edits | None:
    x, _ = names(made)
    return behind_data(made, f"{x} = {x} + {offset}.0")


@by_lines("inputs-tiny", "unscaled-inputs", *SLOW, strengths=(1e-3, 1e-5))
def _tiny(made: Draft, factor: float) -> Edits | None:
    x, _ = names(made)
    return behind_data(made, f"{x} = {x} * {factor}")


@by_lines("column-large", "unscaled-inputs", strengths=(300, 10000))
def _column(made: Draft, factor: float) -> Edits | None:
    x, _ = names(made)
    d = made.recipe.sizes[0]
    if d < 2:
        return None
    scales = f"np.array({[1.0] * (d - 1) + [float(factor)]})"
    return behind_data(made, f"{x} = {x} * {scales}{'[:, None]' if made.recipe.columns else ''}")


@by_lines("constant-column", "non-finite-values", "constant-column", strengths=("",))
def _constant(made: Draft, strength: str) -> Edits | None:
    x, _ = names(made)
    if made.recipe.columns or made.recipe.sizes[0] < 2:
        return None
    return behind_data(
        made,
        f"{x} = np.hstack([{x}[:, :-1], np.full((len({x}), 1), 3.0)])",
        f"{x} = ({x} - {x}.mean(axis=0)) / {x}.std(axis=0)",
    )


@by_lines("targets-large", "unscaled-targets", strengths=(100, 3000))
def _targets(made: Draft, factor: float) -> Edits | None:
    _, y = names(made)
    return (
        behind_data(made, f"{y} = {y} * {factor}.0 + {3 * factor}.0")
        if made.recipe.output == "linear"
        else None
    )


@by_lines("targets-out-of-range", "targets-outside-output-range", strengths=(3, 20))
def _range(made: Draft, factor: float) -> Edits | None:
    _, y = names(made)
    fits = made.recipe.output in {"sigmoid", "tanh"} and "bce" not in made.recipe.loss
    return behind_data(made, f"{y} = {y} * {factor}.0 + {factor}.0") if fits else None


@by_lines(
    "labels-minus-one", "targets-outside-output-range", "loss-does-not-fit-output", strengths=("",)
)
def _labels(made: Draft, strength: str) -> Edits | None:
    _, y = names(made)
    return behind_data(made, f"{y} = 2 * {y} - 1") if "bce" in made.recipe.loss else None


@by_lines(
    "targets-are-noise", "nothing-to-learn", "mismatched-data", strengths=("normal", "rolled")
)
def _noise(made: Draft, how: str) -> Edits | None:
    _, y = names(made)
    if how == "rolled":
        return behind_data(made, f"{y} = np.roll({y}, 7, axis={1 if made.recipe.columns else 0})")
    return behind_data(made, f"{y} = np.random.permutation({y}.ravel()).reshape({y}.shape)")


# start


def starts(made: Draft, roles: str, change: Callable[[str], str]) -> Edits | None:
    """The start of all weights or biases, changed alike."""
    edits: Edits = {}
    for line in made.writer.lines:
        if re.fullmatch(rf"start [{roles}]\d+", line.tag):
            name, _, expression = line.text.partition(" = ")
            edits[line.tag] = f"{name} = {change(expression)}"
    return edits or None


def scaled(made: Draft, scale: float) -> Edits | None:
    return starts(made, "W", lambda text: re.sub(r"\* [\d.]+", f"* {scale:g}", text))


@by_lines("weights-too-large", "weights-too-large", "saturated-units", strengths=(15, 60))
def _large(made: Draft, scale: float) -> Edits | None:
    return scaled(made, scale) if made.recipe.depth > 1 else None


@by_lines("weights-too-small", "weights-too-small", strengths=(1e-4, 1e-7))
def _small(made: Draft, scale: float) -> Edits | None:
    return scaled(made, scale) if made.recipe.depth > 1 else None


@by_lines(
    "weights-zero",
    "identical-units",
    "weights-too-small",
    "saddle-point",
    "dead-units",
    strengths=("",),
)
def _zero(made: Draft, strength: str) -> Edits | None:
    return scaled(made, 0) if made.recipe.depth > 1 else None


DRAWN = re.compile(r"[\w.]+\.randn\((\d+, \d+)\)|[\w.]+\.normal\(size=\((\d+, \d+)\)\)")


@by_lines("weights-equal", "identical-units", strengths=("",))
def _equal(made: Draft, strength: str) -> Edits | None:
    if made.recipe.depth < 2:
        return None
    return starts(made, "W", lambda text: DRAWN.sub(lambda m: f"np.ones(({m[1] or m[2]}))", text))


@by_lines(
    "weights-one-sign",
    "weights-too-large",
    "saturated-units",
    RATE,
    "dead-units",
    strengths=(5, 20),
)
def _one_sign(made: Draft, scale: float) -> Edits | None:
    if made.recipe.depth < 2:
        return None
    return starts(made, "W", lambda text: f"np.abs({re.sub(r'[*] [0-9.]+', f'* {scale:g}', text)})")


@by_lines("dead-relus", "dead-units", strengths=(10, 100))
def _dead(made: Draft, bias: float) -> Edits | None:
    if made.recipe.hidden != "relu" or made.recipe.depth < 2:
        return None
    edits = starts(made, "b", lambda text: f"{text} - {bias}.0") or {}
    return {tag: edit for tag, edit in edits.items() if tag == "start b1"} or None


@by_lines("biases-saturated", "saturated-units", "vanishing-gradients", strengths=(15, 50))
def _saturated(made: Draft, bias: float) -> Edits | None:
    if made.recipe.hidden not in {"sigmoid", "tanh"} or made.recipe.depth < 2:
        return None
    edits = starts(made, "b", lambda text: f"{text} + {bias}.0") or {}
    return {tag: edit for tag, edit in edits.items() if tag == "start b1"} or None


# network


@by_recipe("too-few-units", "too-few-units", "poor-local-minimum", strengths=(1,))
def _few_units(made: Draft, units: int) -> dict[str, Any] | None:
    sizes = made.recipe.sizes
    return {"sizes": (sizes[0], units, sizes[-1])} if made.recipe.depth > 1 else None


@by_recipe("no-hidden-layer", "no-nonlinearity", "too-few-units", strengths=("",))
def _no_hidden(made: Draft, strength: str) -> dict[str, Any] | None:
    sizes = made.recipe.sizes
    return {"sizes": (sizes[0], sizes[-1])} if made.recipe.depth > 1 else None


@by_recipe("biases-missing", "missing-biases", strengths=("",))
def _biases(made: Draft, strength: str) -> dict[str, Any] | None:
    return {"bias": False} if made.style.name != "flat-theta" else None


@by_recipe("one-unit-softmax", "loss-does-not-fit-output", "constant-predictions", strengths=("",))
def _softmax(made: Draft, strength: str) -> dict[str, Any] | None:
    recipe = made.recipe
    return (
        {"output": "softmax", "loss": "ce"}
        if recipe.output == "sigmoid" and recipe.loss == "bce"
        else None
    )


@by_recipe("deep-and-flat", "vanishing-gradients", "weights-too-small", strengths=(5, 7))
def _deep(made: Draft, depth: int) -> dict[str, Any] | None:
    sizes = made.recipe.sizes
    if made.recipe.hidden != "sigmoid" or made.recipe.depth < 2:
        return None
    return {"sizes": (sizes[0], *[5] * depth, sizes[-1]), "scale": 0.3}


# programs


PLAIN = (
    "class",
    "closures",
    "dictionaries",
    "functions-main",
    "generator",
    "matrix",
    "notebook",
    "script-for",
    "script-while",
    "flat-theta",
)
"""Styles whose starts, data and loop are lines of their own."""


def kinds() -> list[str]:
    return list(dict.fromkeys(setting.kind for setting in SETTINGS))


def with_setting(half: str, index: int, only: str = "") -> Specimen:
    """A program with one wrong setting: kinds take turns, strengths are drawn."""
    return _drawn("setting", half, index, only, bug=False)


def with_setting_and_bug(half: str, index: int, only: str = "") -> Specimen:
    """A program with a wrong setting and a bug of its gradient."""
    return _drawn("mixed", half, index, only, bug=True)


def _drawn(word: str, half: str, index: int, only: str, *, bug: bool) -> Specimen:
    every = [only] if only else kinds()
    kind = every[index % len(every)]
    rng = np.random.default_rng(seed_of(f"{word} {kind}", half, index, 0))
    strengths = [setting for setting in SETTINGS if setting.kind == kind]
    styles = [all_styles()[name] for name in PLAIN]
    for attempt in range(ATTEMPTS):
        style = styles[int(rng.integers(len(styles)))]
        seed = seed_of(f"{word} {kind}", half, index, attempt)
        setting = strengths[int(rng.integers(len(strengths)))]
        specimen = _verified(
            f"{word}-{index:04d}-{kind}", style, seed, setting, rng if bug else None
        )
        if specimen is not None:
            return specimen
    raise RuntimeError(f"no program with {kind}")


def _verified(
    name: str, style: Style, seed: int, setting: Setting, rng: np.random.Generator | None
) -> Specimen | None:
    """The program with this setting, and a bug where there is a generator, if it is ill."""
    healthy = draft(style, seed)
    changes = setting.changes(healthy) if setting.changes else {}
    if changes is None:
        return None
    made = draft(style, seed, changes) if changes else healthy
    edits = setting.edits(made) if setting.edits else {}
    if edits is None or (not edits and not changes):
        return None
    if any(edits[tag] == text_of(made, tag) for tag in edits):
        return None
    faults = [Fault(setting.kind, edits)] if edits else []
    before = _ended(healthy, healthy.writer.written().probed())
    after = _ended(made, made.writer.written(faults).probed())
    if before is None or after is None or not _healthy(before):
        return None
    # The loss of a softmax over one unit is constant: 0, without a gradient.
    if setting.kind != "one-unit-softmax" and not (_ill(after) and _gradient_right(made)):
        return None
    bug = _bug_beside(made, edits, rng) if rng is not None else None
    if rng is not None and bug is None:
        return None
    written = made.writer.written([*faults, bug] if bug else faults)
    return Specimen(
        name=name, draft=made, text=written.text(), probed=written.probed(),
        right_text=healthy.writer.written().text(), bugs=(bug.bug,) if bug else (),
        setting=setting.name, causes=setting.causes, wrong_lines=written.wrong,
        accepted_lines=written.accepted, due=written.due, probes=written.probes,
        parts=(made.writer.accepted(bug, [*faults, bug]),) if bug else (),
        training=(before.start, before.end, before.baseline),
    )  # fmt: skip


def _bug_beside(made: Draft, edits: Edits, rng: np.random.Generator) -> Fault | None:
    """A bug on other lines that changes the step."""
    faults = [
        fault for fault in made.writer.faults
        if not fault.edits.keys() & edits.keys() and (made.computes_loss or not fault.needs_loss)
    ]  # fmt: skip
    if not faults:
        return None
    fault = faults[int(rng.integers(len(faults)))]
    course = run(made.writer.written((fault,)).probed(), made.files, calls=CALLS)
    wrong = len(course.sights) > 1 and steps_of(course, made.recipe, made.objective).wrong
    return fault if wrong else None


def _ended(made: Draft, probed: str) -> Training | None:
    course = run(probed, made.files)
    if course.error or not course.sights:
        return None
    return training_of(
        course, made.objective, constant_baseline(made.recipe, course.sights[0].data[1])
    )


def _healthy(training: Training) -> bool:
    return bool(training.end < HEALTHY * training.baseline)


def _ill(training: Training) -> bool:
    """It ends near a constant output, or nowhere; a loss without lower bound is no success."""
    ends_low = training.end < ILL * training.baseline and training.baseline > 0
    return not (np.isfinite(training.end) and ends_low and training.end > -1)


def _gradient_right(made: Draft) -> bool:
    """The first step of the program, without the lines that are changed, is the reference's."""
    course = run(made.writer.written().probed(), made.files, calls=2)
    return steps_of(course, made.recipe, made.objective).right


def healthy(half: str, index: int, only: str = "") -> Specimen:
    """A program that learns nine tenths: nothing is to be said of it."""
    names = [only] if only else sorted(PLAIN)
    for attempt in range(ATTEMPTS):
        made = draft(
            all_styles()[names[index % len(names)]], seed_of("healthy", half, index, attempt)
        )
        training = right_training(made)
        if training is not None and _healthy(training):
            return of_draft(f"healthy-{index:04d}", made, (), (), training)
    raise RuntimeError(f"no healthy program {index}")
