"""The check and the protocol run beside a user's program: old Python, numpy and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nndiag

ROOT = Path(nndiag.__file__).parent
MODULES = [ROOT / "subject.py", *sorted((ROOT / "gradients").glob("*.py"))]
NEWER = {"StrEnum", "TypeAlias", "Self", "assert_never", "override", "pairwise", "vecdot"}
"""Names that Python 3.9, or numpy 1, does not have."""

IMPORTS = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("numpy", "nndiag"):
            raise ImportError(name)
sys.meta_path.insert(0, Refused())
import nndiag.gradients.of_subject
"""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_the_text_is_that_of_python_3_9(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
              for alias in node.names}  # fmt: skip
    assert not names & NEWER
    keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    assert not keywords & {"strict", "slots", "kw_only"}  # of zip and dataclass
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    only_text = len(tree.body) == 1
    assert only_text or futures[0].module == "__future__"


def test_everything_is_imported_with_numpy_alone():
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, cwd=ROOT.parent)
