"""The README and the documents tell the truth: every command runs and says what stands there."""

import re
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from nndiag.cli.app import run
from nndiag.cli.command import NAMES
from tests.documents import DOCUMENTS, ROOT, can_run, lay_out, programs, said, shown

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "nndiag" / "docs"
CHART = re.compile(r"[▁▂▃▄▅▆▇█┤▲━╌]")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def words(text: str) -> list[str]:
    """The words of a report in their order: numbers, charts and frames differ between machines."""
    kept = [line for line in text.splitlines() if not CHART.search(line)]
    return re.findall(
        r"[a-zA-Z_][\w.-]*[a-zA-Z_]", re.sub(r"-\d{8}-\d{6}(-\d+)?", "", "\n".join(kept))
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the configs and the programs that the documents speak of."""
    folder = tmp_path_factory.mktemp("readme")
    lay_out(folder / "there")
    return folder / "there"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_command_says_what_the_document_shows(document, place):
    for block in filter(lambda x: can_run(x.command), shown(document.read_text(encoding="utf-8"))):
        told, expected = words(said(block.command, place)), words(block.output)
        assert told[:12] == expected[:12], block.command
        # Rounding may move a word or two from machine to machine: a remedy's rank, "and 3 more".
        assert SequenceMatcher(None, told, expected, autojunk=False).ratio() > 0.9, block.command


def test_the_documents_show_programs_and_commands():
    assert len(programs()) >= 2
    assert sum(len(shown(path.read_text(encoding="utf-8"))) for path in DOCUMENTS) >= 8


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_of_a_document_leads_somewhere(document):
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", sorted((ROOT / "nndiag").rglob("*.md")), ids=lambda x: x.stem)
def test_every_link_of_the_package_stays_inside_of_it(document):
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        found = (document.parent / target).resolve()
        assert found.exists(), target
        assert found.is_relative_to(ROOT / "nndiag"), target


def test_every_document_is_in_the_site():
    told = (ROOT / ".mkdocs.yml").read_text(encoding="utf-8")
    assert {path.name for path in DOCS.glob("*.md")} == set(re.findall(r"docs/(\w+\.md)", told))


def test_the_readme_is_one_page():
    assert len(README.splitlines()) <= 200


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
    assert ran == set(NAMES)
    assert len(block.splitlines()) <= 24  # lines of a small screen


def test_the_config_of_the_documents_can_be_trained(place):
    (text,) = re.findall(
        r"^```yaml\n(.*?)^```$", (DOCS / "config.md").read_text(), re.DOTALL | re.MULTILINE
    )
    path = place / "configs" / "posts" / "from_documents.yaml"
    path.write_text(text, encoding="utf-8")
    said(f"nndiag train {path} --quiet --no-plots", place)


def test_every_folder_is_in_the_table_of_the_architecture():
    table = (DOCS / "architecture.md").read_text().partition("| folder |")[2].partition("\n\n")[0]
    packages = {
        path.name for path in (ROOT / "nndiag").iterdir() if (path / "__init__.py").exists()
    }
    assert packages <= set(re.findall(r"`(\w+)`", table))


def test_the_test_command_stands_where_the_checks_look_for_it():
    block = README.partition("<!-- tests -->\n```bash\n")[2].partition("\n```")[0]
    assert block.endswith(".venv/bin/pytest -n 2")
    assert "\n" not in block
