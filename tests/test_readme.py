"""The README tells the truth: every command in it runs and says what stands there."""

import os
import re
import shutil
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from nndiag.cli.app import COMMANDS, run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

CONSOLE = re.compile(
    r"^```console\n\$ (?P<command>[^\n]*)\n(?P<output>.*?)^```$", re.DOTALL | re.MULTILINE
)
PROGRAM = re.compile(
    r"`(?P<name>\w+\.py)`:\n\n```python\n(?P<text>import numpy.*?)^```$", re.DOTALL | re.MULTILINE
)
CHART = re.compile(r"[▁▂▃▄▅▆▇█┤▲━╌]")


def words(text: str) -> list[str]:
    """The words of a report in their order: numbers, charts and frames differ between machines."""
    kept = [line for line in text.splitlines() if not CHART.search(line)]
    return re.findall(
        r"[a-zA-Z_][\w.-]*[a-zA-Z_]", re.sub(r"-\d{8}-\d{6}(-\d+)?", "", "\n".join(kept))
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the configs and the programs that the README speaks of."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "configs", folder / "configs")
    programs = list(PROGRAM.finditer(README))
    assert len(programs) == 2
    for program in programs:
        (folder / program["name"]).write_text(program["text"], encoding="utf-8")
    return folder


def test_every_command_in_the_readme_says_what_the_readme_shows(place):
    shown = list(CONSOLE.finditer(README))
    assert len(shown) >= 5
    environment = os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    for block in shown:
        arguments = block["command"].split()[1:]
        ended = subprocess.run(
            [sys.executable, "-m", "nndiag", *arguments],
            cwd=place, env=environment, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert ended.returncode in {0, 1}, (block["command"], ended.stderr)
        told, expected = (words(text) for text in (ended.stdout, block["output"]))
        assert told[:12] == expected[:12], block["command"]
        # Rounding may move a word or two from machine to machine: a remedy's rank, "and 3 more".
        alike = SequenceMatcher(None, told, expected, autojunk=False).ratio()
        assert alike > 0.9, (block["command"], ended.stdout)


def test_every_command_of_the_one_screen_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    block = README.partition("<!-- screen -->\n```bash\n")[2].partition("```")[0]
    ran = set()
    for line in block.splitlines():
        program, *words = line.partition("#")[0].split()
        assert program == "nndiag"
        found = [(word, sorted(map(str, Path().glob(word)))) for word in words]
        arguments = [name for word, names in found for name in (names if "*" in word else [word])]
        assert run(arguments) == 0, (line, capsys.readouterr().err)
        ran.add(words[0])
    assert ran == set(COMMANDS)
    assert len(block.splitlines()) <= 24  # lines of a small screen


def test_the_config_in_the_readme_can_be_trained(place):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    path = place / "configs" / "posts" / "from_readme.yaml"
    path.write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "nndiag", "train", str(path), "--quiet", "--no-plots"],
        cwd=place, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ended.returncode in {0, 1}, ended.stderr


def test_every_folder_is_in_the_table_of_the_architecture():
    table = README.partition("| folder |")[2].partition("\n\n")[0]
    packages = {
        path.name for path in (ROOT / "nndiag").iterdir() if (path / "__init__.py").exists()
    }
    assert packages <= set(re.findall(r"`(\w+)`", table))


def test_the_test_command_stands_where_the_checks_look_for_it():
    block = README.partition("<!-- tests -->\n```bash\n")[2].partition("\n```")[0]
    assert block.endswith(".venv/bin/pytest -n 2")
    assert "\n" not in block
