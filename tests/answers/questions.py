"""What is asked: every command on the configs, on the tests' programs and on the mutations'."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.mutations.__main__ import mutated
from tests.benchmarks.mutations.mutations import MUTATIONS

ROOT = Path(__file__).parents[2]
POSTS = ROOT / "tests" / "program" / "programs"
RIGHT = ROOT / "tests" / "benchmarks" / "mutations" / "programs"
COMPARED = ("exploding_sine", "exploding_sine_sum", "exploding_sine_cured", "logic_gate")


@dataclass(frozen=True)
class Subject:
    """What commands are asked about.

    Attributes:
        name: Folder and name, as in "configs/broken/dead_units".
        commands: The arguments by the name of the answer; asked in this order, as `diagnose` judges
            the run that `train` stored.
    """

    name: str
    commands: dict[str, tuple[str, ...]]


def _config(path: Path) -> Subject:
    place = path.relative_to(ROOT).as_posix()
    name = place.removesuffix(".yaml")
    runs = ("--no-plots", "--runs", f"runs/{name}")
    quick = {
        "train": ("train", place, *runs),
        "diagnose": ("diagnose", f"runs/{name}"),
        "doctor": ("doctor", place),
        "gradcheck": ("gradcheck", place),
    }
    if name.endswith("_cured"):  # what is healthy is swept and fixed in configs/healthy
        return Subject(name, quick)
    sweep = ("sweep-lr", place, "--no-plots", "--runs", "sweeps")
    return Subject(name, quick | {"sweep-lr": sweep, "fix": ("fix", place, "--no-write")})


def _program(name: str) -> Subject:
    # A minute, so that a busy machine searches as far as an idle one.
    check = ("gradcheck", f"{name}.py", "--seconds", "60")
    if "/posts/" not in name:  # a sweep takes ten seconds
        return Subject(name, {"gradcheck": check})
    sweep = ("sweep-lr", f"{name}.py", "--no-plots", "--runs", "sweeps")
    return Subject(name, {"gradcheck": check, "sweep-lr": sweep})


def _comparison() -> Subject:
    """The runs of a family of configs, compared."""
    runs = {
        f"train {name}": (
            "train", f"configs/posts/{name}.yaml", "--no-plots", "--runs", f"compared/{name}",
        )
        for name in COMPARED
    }  # fmt: skip
    folders = tuple(f"compared/{name}" for name in COMPARED)
    return Subject("compare/posts", runs | {"compare": ("compare", *folders)})


_FAULTY = {mutation.program: mutation for mutation in reversed(MUTATIONS)}
"""The first of the bugs that are put into each right program."""


def subjects() -> dict[str, Subject]:
    """All subjects by their names."""
    configs = [_config(path) for path in sorted((ROOT / "configs").glob("*/*.yaml"))]
    programs = [
        *(f"programs/posts/{path.stem}" for path in sorted(POSTS.glob("*.py"))),
        *(f"programs/right/{path.stem}" for path in sorted(RIGHT.glob("*.py"))),
        *(f"programs/faulty/{name}" for name in sorted(_FAULTY)),
    ]
    found = [*configs, *map(_program, programs), _comparison()]
    return {subject.name: subject for subject in found}


def lay_out(folder: Path) -> None:
    """Write the configs and the programs into an empty folder, where the commands are run."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    for name, source in (("posts", POSTS), ("right", RIGHT)):
        shutil.copytree(source, folder / "programs" / name)
    faulty = folder / "programs" / "faulty"
    faulty.mkdir()
    for name, mutation in _FAULTY.items():
        (faulty / f"{name}.py").write_text(mutated(mutation), encoding="utf-8")
