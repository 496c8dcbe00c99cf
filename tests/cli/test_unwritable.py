"""A folder that may not be written to is told before anything is done, with a way out."""

import os
import shutil
import subprocess
import sys

import pytest

SETPRIV = shutil.which("setpriv")
"""Takes from root what lets it write everywhere; another user has no such right."""

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
PREFIX = (
    [SETPRIV, "--bounding-set", "-dac_override,-dac_read_search,-fowner", "--inh-caps", "-all"]
    if ROOT
    else []
)

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX"),
    pytest.mark.skipif(ROOT and SETPRIV is None, reason="root may write everywhere"),
]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "healthy.yaml"], "runs/healthy-"),
        (["train", "net.py"], "runs/run"),
        (["fix", "exploding.yaml"], "exploding.fixed.yaml"),
        (["fix", "exploding.yaml", "--no-write"], "runs/exploding-fix-"),
        (["fix", "net.py"], "net.fixed.py"),
        (["gradcheck", "net.py", "--write-fixed"], "net.fixed.py"),
        (["sweep-lr", "exploding.yaml"], "runs/exploding-sweep-lr-"),
        (["sweep-lr", "net.py"], "runs/run"),
        (["doctor", "healthy.yaml", "--html", "page.html"], "page.html"),
        (["grade", "net.py"], "grades.jsonl"),
        (["grade", "net.py", "--csv", "grades.csv"], "grades.csv"),
        (["demo", "logic_gate.py", "--write"], "logic_gate.py"),
        (["init", "new.yaml"], "new.yaml"),
    ],
    ids=" ".join,
)
def test_it_is_told_before_anything_is_done(folder, program_text, arguments, told):
    (folder / "net.py").write_text(program_text("-"))
    if told.startswith("runs"):
        (folder / "runs").mkdir()
        (folder / "runs").chmod(0o555)
    before = sorted(folder.rglob("*"))
    folder.chmod(0o555)
    try:
        command = [*PREFIX, sys.executable, "-m", "nndiag", *arguments]
        ended = subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    finally:
        folder.chmod(0o755)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: {told}")
    assert "cannot be written: permission denied\n  try: " in ended.stderr
    assert sorted(folder.rglob("*")) == before
