"""What the user's Python is started with: it makes `nndiag` importable, and nothing else of it.

The folder that nndiag is installed in may hold a numpy that is built for another Python, so that it
is not put on the path.
"""

from __future__ import annotations

import sys

del sys.path[0]  # this file's folder

import importlib.abc  # noqa: E402 - a file beside this one could have stood for it
import importlib.machinery  # noqa: E402
import importlib.util  # noqa: E402
import os  # noqa: E402

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120


class OwnFinder(importlib.abc.MetaPathFinder):
    """Finds `nndiag` where this file belongs to it; its modules are found from there."""

    def find_spec(
        self, fullname: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The package's specification; None for all others."""
        if fullname != "nndiag":
            return None
        return importlib.util.spec_from_file_location(
            fullname,
            os.path.join(_ROOT, "__init__.py"),  # noqa: PTH118 - pathlib takes longer to import
            submodule_search_locations=[_ROOT],
        )


if __name__ == "__main__":
    sys.meta_path.insert(0, OwnFinder())
    from nndiag.program.child.agent import serve

    serve(*sys.argv[1:])
