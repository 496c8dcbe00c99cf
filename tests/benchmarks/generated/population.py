"""Programs by number: kind, half and index give the same program each time."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.generated.catalogue import BUGS
from tests.benchmarks.generated.names import ALL, Names
from tests.benchmarks.generated.recipe import Recipe, drawn
from tests.benchmarks.generated.reference import Objective, network_objective
from tests.benchmarks.generated.running import run
from tests.benchmarks.generated.scene import Scene
from tests.benchmarks.generated.spelling import Spelling
from tests.benchmarks.generated.styles import Style, all_styles
from tests.benchmarks.generated.truth import (
    Training,
    constant_baseline,
    steps_of,
    training_of,
)
from tests.benchmarks.generated.writing import Fault, Writer, as_notebook, place_in_cells


@dataclass(frozen=True)
class Draft:
    """A program as it was composed, right, with its possible bugs."""

    style: Style
    vocabulary: str
    recipe: Recipe
    writer: Writer
    files: dict[str, str]
    objective: Objective
    names: Names
    tensor_names: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        return "program.ipynb" if self.style.notebook else "program.py"

    @property
    def computes_loss(self) -> bool:
        return self.recipe.shown != "never"


def draft(style: Style, seed: int, changes: dict[str, Any] | None = None) -> Draft:
    """Compose one program; fields of its recipe may be replaced."""
    rng = np.random.default_rng([seed, zlib.crc32(style.name.encode())])
    recipe = drawn(rng, style_allows=style.allows)
    recipe = replace(recipe, **(changes or {}))
    vocabulary = str(rng.choice(ALL))
    scene = Scene(
        recipe, Names(vocabulary, rng), Spelling.drawn(rng, matrix=style.matrix), rng, seed
    )
    style.write(scene)
    objective = scene.objective or network_objective(scene.recipe)
    return Draft(
        style,
        vocabulary,
        scene.recipe,
        scene.w,
        scene.files,
        objective,
        scene.names,
        tuple(role for role, _ in scene.own_tensors),
    )


@dataclass(frozen=True)
class Specimen:
    """A program of the population with its truth.

    Attributes:
        bugs: What was put in, names of the catalogue.
        right_text: The program without them.
        wrong_lines: 1-based lines that are wrong.
        accepted_lines: Those, and lines that are as good an answer.
        due: What stands in the right program instead.
        setting: What else was made wrong, and how strongly; causes: problems that name it.
        parts: The accepted lines of each bug.
        tensors: Which parameters' steps are wrong, as W1, b1, … (by measurement).
        baseline: The loss of the mean baseline output; start and end: the right program's loss.
    """

    name: str
    draft: Draft
    text: str
    probed: str
    right_text: str
    bugs: tuple[str, ...] = ()
    wrong_lines: tuple[int, ...] = ()
    accepted_lines: tuple[int, ...] = ()
    due: tuple[str, ...] = ()
    tensors: tuple[int, ...] = ()
    probes: tuple[tuple[int, str], ...] = ()
    parts: tuple[tuple[int, ...], ...] = ()
    training: tuple[float, float, float] = (0.0, 0.0, 0.0)
    setting: str = ""
    causes: tuple[str, ...] = ()

    def truth(self) -> dict[str, Any]:
        """What is known of it, for truth.json."""
        recipe = self.draft.recipe
        return {
            "name": self.name,
            "style": self.draft.style.name,
            "vocabulary": self.draft.vocabulary,
            "bugs": list(self.bugs),
            "setting": self.setting,
            "accepted_names": sorted({*self.causes, *(n for bug in self.bugs for n in BUGS[bug])}),
            "wrong_places": self.places(self.wrong_lines),
            "accepted_places": self.places(self.accepted_lines),
            "right_text": list(self.due),
            "wrong_parameters": [self._tensor(i) for i in self.tensors],
            "loss_computed": self.draft.computes_loss,
            "right_program_trains": dict(
                zip(("start", "end", "constant_output"), self.training, strict=True)
            ),
            "recipe": asdict(recipe),
        }

    def places(self, numbers: tuple[int, ...]) -> list[tuple[int | None, int]]:
        """Cell and line of lines of the text; only a notebook has cells."""
        if not self.draft.style.notebook:
            return [(None, number) for number in numbers]
        return [place_in_cells(self.text, number) for number in numbers]

    def _tensor(self, index: int) -> str:
        if self.draft.tensor_names:
            return self.draft.tensor_names[index]
        if not self.draft.recipe.bias:
            return f"W{index + 1}"
        return f"{'Wb'[index % 2]}{index // 2 + 1}"

    def write(self, folder: Path, *, truth: bool = True) -> Path:
        """Write the program and what lies beside it; returns the program's path."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.draft.files.items():
            (folder / name).write_text(content, encoding="utf-8")
        notebook = self.draft.style.notebook
        content = as_notebook(self.text) if notebook else self.text
        path = folder / self.draft.file_name
        path.write_text(content, encoding="utf-8")
        if truth:
            text = json.dumps(self.truth(), indent=1)
            (folder / "truth.json").write_text(text, encoding="utf-8")
            if self.bugs or self.setting:
                (folder / "right.txt").write_text(self.right_text, encoding="utf-8")
        return path


def right_training(made: Draft) -> Training | None:
    """How the right program trains; None where its steps are not the reference's."""
    probed = made.writer.written().probed()
    course = run(probed, made.files, calls=CALLS)
    if course.error or not steps_of(course, made.recipe, made.objective).right:
        return None
    whole = run(probed, made.files)
    if whole.error or not whole.sights:
        return None
    baseline = constant_baseline(made.recipe, whole.sights[0].data[1])
    return training_of(whole, made.objective, baseline)


CALLS = 8
"""Steps that are compared with the reference."""


def right(half: str, index: int, only: str = "") -> Specimen:
    """A right program that trains."""
    styles = all_styles()
    names = [only] if only else sorted(styles)
    for attempt in range(ATTEMPTS):
        seed = seed_of("right", half, index, attempt)
        made = draft(styles[names[index % len(names)]], seed)
        training = right_training(made)
        if training is not None and training.trains:
            return of_draft(f"right-{index:04d}", made, (), (), training)
    raise RuntimeError(f"no right program {index} in {ATTEMPTS} attempts")


ATTEMPTS = 200


def seed_of(kind: str, half: str, index: int, attempt: int) -> int:
    """Halves never share a seed: a number that is looked at is even, one that is reported odd."""
    number = zlib.crc32(f"{kind} {index} {attempt}".encode())
    return 2 * number + (half == "report")


def with_bug(half: str, index: int, only: str = "") -> Specimen:
    """A program with one bug: the catalogue's entries take turns."""
    bugs = [only] if only else list(BUGS)
    bug = bugs[index % len(bugs)]
    styles = list(all_styles().values())
    rng = np.random.default_rng(seed_of(f"bug {bug}", half, index, 0))
    for attempt in range(ATTEMPTS * 5):
        style = styles[int(rng.integers(len(styles)))]
        made = draft(style, seed_of(f"bug {bug}", half, index, attempt))
        faults = [f for f in made.writer.faults if f.bug == bug and _arguable(f, made)]
        if not faults:
            continue
        fault = faults[int(rng.integers(len(faults)))]
        specimen = verified(f"bug-{index:04d}-{bug}", made, (fault,))
        if specimen is not None:
            return specimen
    raise RuntimeError(f"no program with {bug}")


def _arguable(fault: Fault, made: Draft) -> bool:
    return made.computes_loss or not fault.needs_loss


def verified(name: str, made: Draft, faults: tuple[Fault, ...]) -> Specimen | None:
    """The program with these bugs, if each changes the step and the right one trains."""
    parts = []
    for fault in faults:
        course = run(made.writer.written((fault,)).probed(), made.files, calls=CALLS)
        if len(course.sights) < 2:
            return None
        steps = steps_of(course, made.recipe, made.objective)
        if not steps.wrong:
            return None
        parts.append(tuple(steps.tensors()))
    training = right_training(made)
    if training is None or not training.trains:
        return None
    return of_draft(name, made, faults, tuple(sorted({i for p in parts for i in p})), training)


def two_bugs(half: str, index: int, only: str = "") -> Specimen:
    """A program with two bugs on different lines."""
    styles = [all_styles()[only]] if only else list(all_styles().values())
    rng = np.random.default_rng(seed_of("two", half, index, 0))
    for attempt in range(ATTEMPTS * 5):
        style = styles[int(rng.integers(len(styles)))]
        made = draft(style, seed_of("two", half, index, attempt))
        faults = [f for f in made.writer.faults if _arguable(f, made)]
        if len(faults) < 2:
            continue
        kinds = sorted({f.bug for f in faults})
        chosen = [
            (of := [f for f in faults if f.bug == kind])[int(rng.integers(len(of)))]
            for kind in rng.choice(kinds, size=min(2, len(kinds)), replace=False)
        ]
        if len(chosen) < 2 or chosen[0].edits.keys() & chosen[1].edits.keys():
            continue
        specimen = verified(f"two-{index:04d}", made, tuple(chosen))
        if specimen is not None:
            return specimen
    raise RuntimeError(f"no program {index} with two bugs")


def of_draft(
    name: str, made: Draft, faults: tuple[Fault, ...], tensors: tuple[int, ...], training: Training
) -> Specimen:
    written, correct = made.writer.written(faults), made.writer.written()
    return Specimen(
        name=name,
        draft=made,
        text=written.text(),
        probed=written.probed(),
        right_text=correct.text(),
        bugs=tuple(fault.bug for fault in faults),
        wrong_lines=written.wrong,
        accepted_lines=written.accepted,
        due=written.due,
        tensors=tensors,
        probes=written.probes,
        parts=tuple(made.writer.accepted(fault, faults) for fault in faults),
        training=(training.start, training.end, training.baseline),
    )
