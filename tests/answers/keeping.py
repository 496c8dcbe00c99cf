"""The answers as files: one for each subject, written so that a diff can be read."""

import json
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parent / "kept"
_WIDTH = 100


def kept(name: str) -> dict[str, Any]:
    """The kept answers of a subject."""
    found: dict[str, Any] = json.loads(_path(name).read_text(encoding="utf-8"))
    return found


def keep(name: str, answers: dict[str, Any]) -> None:
    """Write the answers of a subject."""
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(answers) + "\n", encoding="utf-8")


def names() -> set[str]:
    """The subjects whose answers are kept."""
    return {path.relative_to(KEPT).as_posix()[:-5] for path in KEPT.rglob("*.json")}


def drop(name: str) -> None:
    """Delete the answers of a subject that is no longer asked about."""
    _path(name).unlink()


def _path(name: str) -> Path:
    return KEPT / f"{name}.json"


def _text(value: Any, indent: str = "") -> str:
    """JSON in which whatever fits into a line stands in one; numbers have six digits."""
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    if not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items()]
    else:
        parts = [_text(item, inner) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    line = f"{opening}{', '.join(parts)}{closing}"
    if "\n" not in line and len(indent) + len(line) <= _WIDTH:
        return line
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{closing}"
