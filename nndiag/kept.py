"""What takes long to find and stays the same until nndiag changes, kept between commands.

It lies in the user's cache folder as JSON, one file each, with a fingerprint of the sources that
it was found with. Where that folder cannot be used, everything is found anew each time.

May import nothing of the package.
"""

import importlib.util
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


def kept(name: str, find: Callable[[], Any]) -> Any:
    """What `find()` gives, found by an earlier command or now.

    Args:
        name: What it is, as the name of a file.
        find: Finds it: data that JSON can hold.
    """
    path, sources = folder() / f"{name}.json", fingerprint()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["sources"] == sources:
            return stored["value"]
    except (OSError, ValueError, TypeError, KeyError):
        pass
    value = find()
    write(path, json.dumps({"sources": sources, "value": value}))
    return value


def folder() -> Path:
    """The folder for what is kept; it need not exist."""
    home = os.path.expanduser("~")  # noqa: PTH111 (Path.home raises where there is none)
    places = {"win32": os.environ.get("LOCALAPPDATA", home), "darwin": f"{home}/Library/Caches"}
    place = os.environ.get("XDG_CACHE_HOME") or places.get(sys.platform, f"{home}/.cache")
    return Path(place) / "nndiag"


def fingerprint() -> str:
    """A number of the sources of nndiag, of this Python and of the packages beside it."""
    pydantic = importlib.util.find_spec("pydantic")
    beside = Path(pydantic.origin).parents[1] if pydantic and pydantic.origin else _PACKAGE
    about = [sys.version, str(beside), str(beside.stat().st_mtime_ns), *_sources(str(_PACKAGE))]
    return f"{zlib.crc32(chr(10).join(about).encode()):08x}-{len(about)}"


def _sources(place: str) -> Iterator[str]:
    """Path, size and time of each source file below a folder."""
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.endswith((".py", ".md")):
                about = entry.stat()
                yield f"{entry.path} {about.st_size} {about.st_mtime_ns}"
            elif entry.name != "__pycache__" and entry.is_dir():
                yield from _sources(entry.path)


def write(path: Path, text: str) -> None:
    """Write a file at once or not at all; one that cannot be written is no loss."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)  # noqa: PTH105
    except OSError:
        pass
