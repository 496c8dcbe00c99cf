"""THE PAGES: what is known of each problem and each bug as Markdown, problems with a picture.

They are generated, from the docstrings that `nndiag explain` prints and from runs of the configs in
`configs/broken`; in a clone:

    python -m nndiag.pages

This module may import nothing; what writes the pages may import what `report` and `plots` may.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def page_file(name: str) -> Path | None:
    """The Markdown page of a problem or a bug; None where there is none."""
    return _there(f"{name}.md")


def picture_file(name: str) -> Path | None:
    """The picture of a typical run with a problem; None where there is none."""
    return _there(f"{name}.svg")


def _there(name: str) -> Path | None:
    path = FOLDER / name
    return path if path.is_file() else None
