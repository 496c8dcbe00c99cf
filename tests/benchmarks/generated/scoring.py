"""What nndiag says of a program, asked on the command line, and whether that is so."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.generated import population, settings
from tests.benchmarks.generated.catalogue import BUGS
from tests.benchmarks.generated.population import CALLS, Specimen
from tests.benchmarks.generated.running import run
from tests.benchmarks.generated.truth import constant_baseline, steps_of, training_of
from tests.benchmarks.generated.writing import CELL

_FIXING = 240.0
"""Seconds more for twenty trainings."""

GRACE = 60
"""Seconds behind the asked ones after which a command is stopped."""


@dataclass(frozen=True)
class Score:
    """The verdict on one program against its truth.

    Attributes:
        called: Whether something is called wrong: an error, or a warning with an accepted name
            (a factor that all gradients share is one).
        named: Whether the first finding has an accepted name; of two bugs, whether both are named.
        line: Whether a finding points at an accepted line; of two bugs, at both.
        repaired: Whether the mended program's steps are the reference's, and it trains.
        refused: How the command failed, if it did.
        misled: Whether the run of a program with a wrong setting is told a bug that it has not.
        claimed: Whether `fix` says that it fixed it, by what holds with other random numbers. A
            change of the network itself (its activation, its units, its output) can be measured by
            nothing else here.
    """

    name: str
    kind: str
    style: str
    vocabulary: str
    bugs: tuple[str, ...]
    called: bool
    named: bool
    line: bool
    repaired: bool
    refused: str
    said: tuple[str, ...]
    seconds: float
    setting: str = ""
    misled: bool = False
    claimed: bool = False


@dataclass(frozen=True)
class Asking:
    """How nndiag is asked: its time, the folder that it is imported from, where programs stay."""

    seconds: float = 10.0
    engine: Path = Path()
    keep: Path | None = None


def scored(kind: str, half: str, index: int, only: str, asking: Asking) -> Score:
    """Compose one program, ask nndiag, and judge the answer."""
    specimen = made(kind, half, index, only)
    if asking.keep is not None and half == "look":
        folder = asking.keep / f"{specimen.name}-{specimen.draft.style.name}"
        return _asked(specimen, kind, folder, asking)
    with tempfile.TemporaryDirectory() as folder_name:
        return _asked(specimen, kind, Path(folder_name), asking)


def made(kind: str, half: str, index: int, only: str = "") -> Specimen:
    makers = {
        "right": population.right,
        "bugs": population.with_bug,
        "two": population.two_bugs,
        "healthy": settings.healthy,
        "settings": settings.with_setting,
        "mixed": settings.with_setting_and_bug,
    }
    return makers[kind](half, index, only)


def _asked(specimen: Specimen, kind: str, folder: Path, asking: Asking) -> Score:
    seconds = asking.seconds
    path = specimen.write(folder)
    if kind in OF_SETTINGS:
        return _asked_of_setting(specimen, kind, folder, asking)
    told = _command(
        folder, asking, "gradcheck", path.name, "--write-fixed", "--seconds", f"{seconds:g}"
    )
    return _judged(specimen, kind, folder, told.document, told.refused, told.seconds)


OF_SETTINGS = {"healthy", "settings", "mixed"}
"""Kinds of programs that are run and judged as a whole."""


@dataclass(frozen=True)
class Told:
    """What a command printed, or how it failed."""

    document: dict[str, Any]
    refused: str
    seconds: float


def _command(
    folder: Path, asking: Asking, verb: str, *arguments: str, seconds: float = 0.0
) -> Told:
    command = [sys.executable, "-m", "nndiag", verb, *arguments, "--json"]
    environment = {
        **os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(asking.engine.resolve()),
    }  # fmt: skip
    started = time.monotonic()
    document: dict[str, Any] = {}
    refused = ""
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True,
            timeout=asking.seconds + GRACE + seconds, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        (folder / f"{verb}.json").write_text(done.stdout, encoding="utf-8")
        if done.returncode in {0, 1}:
            document = json.loads(done.stdout)
        else:
            refused = f"exit {done.returncode}: {_last_words(done.stderr)}"
    except subprocess.TimeoutExpired:
        refused = "no end"
    except ValueError:
        refused = "no document"
    return Told(document, refused, round(time.monotonic() - started, 2))


def _asked_of_setting(specimen: Specimen, kind: str, folder: Path, asking: Asking) -> Score:
    """Train the program, then have it mended; of a healthy one nothing may be said."""
    name = specimen.draft.file_name
    trained = _command(folder, asking, "train", name, "--no-plots", "--runs", "runs")
    findings = trained.document.get("findings") or []
    problems = [str(finding["problem"]) for finding in findings]
    first = (trained.document.get("cause") or {}).get("problem") or next(iter(problems), "")
    bugs = set(problems) & {name for names in BUGS.values() for name in names}
    due = {name for bug in specimen.bugs for name in BUGS[bug]}
    fixed = claimed = False
    if kind != "healthy" and not trained.refused:
        told = _command(folder, asking, "fix", name, seconds=_FIXING)
        claimed = bool(told.document.get("cured"))
        fixed = not told.refused and _cured(specimen, folder)
    return Score(
        name=specimen.name, kind=kind, style=specimen.draft.style.name,
        vocabulary=specimen.draft.vocabulary, bugs=specimen.bugs, setting=specimen.setting,
        called=bool(findings), named=first in {*specimen.causes, *due},
        line=bool({_place(f) for f in findings} & set(specimen.places(specimen.accepted_lines))),
        repaired=fixed, claimed=claimed, misled=bool(bugs - due - set(specimen.causes)), refused=trained.refused,
        said=tuple(f"{f['problem']}:{_place(f)[1]}:{f['severity']}" for f in findings),
        seconds=trained.seconds,
    )  # fmt: skip


def _cured(specimen: Specimen, folder: Path) -> bool:
    """Whether a program that `fix` wrote trains, on its own data.

    A fix that changes the network cannot be measured by the reference's objective: it counts as
    none, which is to nndiag's disadvantage.
    """
    written = sorted(path for path in folder.iterdir() if ".fixed" in path.name)
    if not written:
        return False
    probed = with_probes(specimen, program_text(written[-1]))
    draft = specimen.draft
    course = run(probed, draft.files)
    if course.error or not course.sights:
        return False
    try:
        baseline = constant_baseline(draft.recipe, course.sights[0].data[1])
        training = training_of(course, draft.objective, baseline)
    except (ValueError, IndexError):
        return False
    return training is not None and training.trains


def program_text(path: Path) -> str:
    """The text of a program or of a notebook's cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [c for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
    return f"\n{CELL}\n".join("".join(cell["source"]) for cell in cells)


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return " | ".join(lines[:3])[:200]


def _judged(
    specimen: Specimen, kind: str, folder: Path, document: dict[str, Any], refused: str, took: float
) -> Score:
    findings = document.get("findings") or []
    errors = [f for f in findings if f.get("severity") == "error"]
    problems = [str(f.get("problem")) for f in findings]
    pointed = {_place(finding) for finding in findings}
    if kind == "two":
        named = bool(specimen.bugs) and all(set(BUGS[b]) & set(problems) for b in specimen.bugs)
        line = all(pointed & set(specimen.places(part)) for part in specimen.parts)
    else:
        named = any(set(problems[:1]) & set(BUGS[b]) for b in specimen.bugs)
        line = bool(pointed & set(specimen.places(specimen.accepted_lines)))
    called = document.get("correct") is False or bool(errors)
    called = called or any(set(problems) & set(BUGS[bug]) for bug in specimen.bugs)
    repaired = kind != "right" and called and _mended(specimen, document, folder)
    return Score(
        name=specimen.name, kind=kind, style=specimen.draft.style.name,
        vocabulary=specimen.draft.vocabulary, bugs=specimen.bugs, called=called, named=named,
        line=line, repaired=repaired, refused=refused, seconds=round(took, 2),
        said=tuple(f"{f['problem']}:{_place(f)[1]}:{f['severity']}" for f in findings),
    )  # fmt: skip


def _place(finding: dict[str, Any]) -> tuple[int | None, int | None]:
    place = finding.get("place") or {}
    return place.get("cell"), place.get("line")


def _mended(specimen: Specimen, document: dict[str, Any], folder: Path) -> bool:
    """Whether the written program is right by the reference and trains."""
    name = document.get("fixed_program")
    if not name or not (folder / name).exists():
        return False
    return passes(specimen, program_text(folder / name))


def passes(specimen: Specimen, text: str) -> bool:
    """Whether a changed text of a program is right by the reference and trains."""
    draft = specimen.draft
    probed = with_probes(specimen, text)
    course = run(probed, draft.files, calls=CALLS)
    if course.error or not steps_of(course, draft.recipe, draft.objective).right:
        return False
    whole = run(probed, draft.files)
    training = training_of(whole, draft.objective, specimen.training[2])
    return training is not None and training.trains


def with_probes(specimen: Specimen, text: str) -> str:
    """The probes of a program put into a changed text of it, at the lines that stand there."""
    before, after = specimen.text.splitlines(), text.splitlines()
    blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    places: dict[int, str] = {}
    for number, probe in specimen.probes:
        for kind, i1, i2, j1, j2 in blocks:
            if i1 < number <= i2:
                places[j1 + number - i1 if kind == "equal" else j2] = probe
    out: list[str] = []
    for count, line in enumerate(after, 1):
        out.append(line)
        if count in places:
            out.append(places[count])
    return "\n".join(out) + "\n"


def as_record(score: Score) -> dict[str, Any]:
    return asdict(score)
