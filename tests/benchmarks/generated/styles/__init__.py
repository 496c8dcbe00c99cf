"""Styles of writing: each a function that writes a whole program into a scene.

Add one with `@style("name", …)` in a module of this folder; the keywords restrict the recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from tests.benchmarks.generated.scene import Scene


@dataclass(frozen=True)
class Style:
    """A way of writing; `allows` restricts the fields of the recipe, `notebook` the file."""

    name: str
    write: Callable[[Scene], None]
    notebook: bool = False
    matrix: bool = False
    allows: dict[str, tuple[object, ...]] = field(default_factory=dict)


STYLES: dict[str, Style] = {}


def style(
    name: str, *, notebook: bool = False, matrix: bool = False, **allows: tuple[object, ...]
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    def kept(write: Callable[[Scene], None]) -> Callable[[Scene], None]:
        STYLES[name] = Style(name, write, notebook, matrix, allows)
        return write

    return kept


def all_styles() -> dict[str, Style]:
    """Every style of this folder."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem != "__init__":
            import_module(f"{__name__}.{path.stem}")
    return STYLES
