"""The folder of one run: created for it alone, and every file in it written whole or not at all."""

import contextlib
import itertools
import os
import platform
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nndiag import __version__
from nndiag.errors import ELSEWHERE, refuse_unwritable, unwritable
from nndiag.plain import json_text


def create_run_folder(runs: Path, *, name: str, time: datetime) -> Path:
    """A new, empty folder `runs/<name>-<time>`, with `-2`, `-3`, … where that one is taken.

    Creating is exclusive: two processes that start in one second get two folders.

    Raises:
        RunError: The folder cannot be created.
    """
    safe = re.sub(r"[^\w.+-]+", "-", name).strip(".-")[:80] or "run"
    return claim_folder(runs / f"{safe}-{time:%Y%m%d-%H%M%S}")


def refuse_unwritable_runs(runs: Path) -> None:
    """Refuse a folder in which no run can be stored, before any is made.

    Raises:
        RunError: It may not be written to, or not be made.
    """
    there = next((place for place in (runs, *runs.parents) if place.exists()), Path())
    refuse_unwritable(there / "run")


def claim_folder(wanted: Path) -> Path:
    """A new, empty folder of that path, with `-2`, `-3`, … where that one is taken.

    Creating is exclusive: two processes that ask for one get two.

    Raises:
        RunError: The folder cannot be created.
    """
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except (OSError, ValueError) as error:
        raise unwritable(wanted, error) from error
    raise AssertionError("counting never ends")


def write_file(path: Path, data: bytes, *, hint: str = f"{ELSEWHERE} --runs DIR") -> None:
    """Write a whole file: a reader sees all of it or none.

    A device or a pipe is written to, and what a link points at is replaced.

    Args:
        path: Its place.
        data: What is in it.
        hint: The way out where it cannot be written.

    Raises:
        RunError: It cannot be written; nothing is left of it then.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        target = path.resolve() if path.is_symlink() else path
        unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            unfinished.write_bytes(data)
            unfinished.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
    except OSError as error:
        raise unwritable(path, error, hint=hint) from error


def write_environment(folder: Path, *, seed: int | None) -> None:
    """Store what the run ran on, as `environment.json`.

    Raises:
        RunError: It cannot be written.
    """
    environment = {
        "nndiag": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "byte_order": sys.byteorder,
        "seed": seed,
    }
    write_file(folder / "environment.json", json_text(environment).encode())


def write_parameters(folder: Path, parameters: Mapping[str, NDArray[np.float64]]) -> None:
    """Store the parameters at the end of the run by name, as `parameters.npz`.

    Raises:
        RunError: It cannot be written.
    """
    packed = BytesIO()
    np.savez(packed, allow_pickle=False, **parameters)
    write_file(folder / "parameters.npz", packed.getvalue())
