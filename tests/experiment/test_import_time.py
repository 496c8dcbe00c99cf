import subprocess
import sys

HEAVY = {"scipy", "matplotlib", "rich", "click"}


def test_imports_nothing_heavy():
    program = (
        "import sys, nndiag.experiment, nndiag.experiment.building\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(result.stdout.split())
