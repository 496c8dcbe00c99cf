"""What runs in the user's own Python needs the standard library and numpy, and Python 3.9."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nndiag
from nndiag.program.child import start
from nndiag.program.child.agent import TASKS

ROOT = Path(nndiag.__file__).parent
FOLDERS = ("program", "bugs")
MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
MODULES += [
    ROOT / f"{name}.py"
    for name in ("__init__", "arrays", "errors", "finding", "registry", "formatting")
]

TORCH = "nndiag.pytorch."  # what runs scripts with torch may need torch

BARE = """\
import importlib, sys
class Forbidding:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first not in {"nndiag", "numpy", *sys.stdlib_module_names, "__main__"}:
            raise ModuleNotFoundError(f"{name} is not there")
sys.meta_path.insert(0, Forbidding())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_is_written_for_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_needs_the_standard_library_and_numpy_only():
    modules = {target.partition(":")[0] for target in TASKS.values()} | {"nndiag.bugs"}
    modules = {name for name in modules if not name.startswith(TORCH)}
    done = subprocess.run(
        [sys.executable, "-c", BARE, "nndiag.program.child.agent", *sorted(modules)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_starts_without_what_only_some_tasks_need():
    program = "import sys, nndiag.program.child.agent; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "subprocess", "nndiag.program.check"} & set(done.stdout.split())


def test_finds_nndiag_and_nothing_else_of_its_folder(tmp_path):
    """The child's path has no folder in which other packages stand beside nndiag."""
    program = (
        f"import sys; sys.path.insert(0, ''); __file__ = {start.__file__!r}; __name__ = 'start';"
        "exec(open(__file__).read()); sys.path[:] = [p for p in sys.path if 'lib/python' in p];"
        "sys.meta_path.insert(0, OwnFinder()); import nndiag.errors; print(nndiag.__file__);"
        "import importlib.util; print(importlib.util.find_spec('tests'))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(ROOT / "__init__.py"), "None"]
