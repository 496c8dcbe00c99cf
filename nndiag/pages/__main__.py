"""Writes the pages; run in a clone: `python -m nndiag.pages`.

Pictures whose config has not changed are left alone; with `--redraw` they are drawn again too.
"""

import sys
from pathlib import Path

from nndiag.experiment import load_experiment
from nndiag.pages import FOLDER
from nndiag.pages.markdown import pages
from nndiag.pages.picture import fingerprint, picture_of


def main(configs: Path, *, redraw: bool) -> None:
    """Write them.

    Args:
        configs: The folder with one config for each problem.
        redraw: Whether pictures that are up to date are drawn again.
    """
    pictures = {f"{path.stem.replace('_', '-')}.svg": path for path in configs.glob("*.yaml")}
    texts = pages(configs)
    for path in (*FOLDER.glob("*.md"), *FOLDER.glob("*.svg")):
        if path.name not in texts | pictures:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for name, config in sorted(pictures.items()):
        picture = FOLDER / name
        made_from = f"<desc>{fingerprint(load_experiment(config))}</desc>"
        if redraw or not picture.exists() or made_from not in picture.read_text(encoding="utf-8"):
            picture.write_text(picture_of(config), encoding="utf-8")


if __name__ == "__main__":
    main(Path("configs/broken"), redraw="--redraw" in sys.argv[1:])
