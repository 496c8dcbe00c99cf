"""One term for one thing: what a person reads has no synonym of a term of the field."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nndiag"

SYNONYMS = {
    r"skill": "R²",
    r"ceiling": "stability limit",
    r"edge(?!\s+of\s+stability)": "divergence threshold",
    r"held[- ]out": "validation",
    r"cures?|mend(s|ed)?|repair(s|ed)?|remed(y|ies)": "fix",
    r"(way )?downhill": "negative gradient",
    r"deviations?(?<!standard deviation)": "std",
}
"""What is not written → the term, as `docs/terms.md` has it."""

PAGES = ("detectors", "bugs", "faults")
"""Folders whose modules' docstrings are pages."""

NAMES = {"verdict": "cures", "option": "remedy "}
"""Words that are names: a verdict on a trial, the registry of remedies in a message of it."""

DOCUMENTS = [
    ROOT / "README.md",
    *(
        PACKAGE / "docs" / f"{name}.md"
        for name in ("tutorial", "programs", "scripts", "config", "runs", "logs", "many", "python")
    ),
]


@cache
def strings_of(path: Path) -> list[tuple[int, str]]:
    """The strings of several words in a module, and the page that its docstring is, by line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strings = []
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }  # docstrings
    if any(folder in path.parts for folder in PAGES) and not path.stem.startswith(("__", "contr")):
        strings.append((1, ast.get_docstring(tree) or ""))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            words = node.value
            if " " in words.strip() and words not in NAMES.values():
                strings.append((node.lineno, words))
    return strings


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("synonym", [*SYNONYMS, "not looked at"])
def test_no_message_and_no_page_has_another_word_for_a_term(synonym):
    pattern = re.compile(rf"\b({synonym})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{line}: {found[0]!r} for {SYNONYMS.get(synonym)!r}"
        for path in MODULES
        for line, words in strings_of(path)
        if (found := pattern.search(words)) is not None
    ]
    assert found == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_no_document_has_another_word_for_a_term(document):
    text = re.sub(r"```.*?```|`[^`]*`", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for synonym, term in SYNONYMS.items():
        found = re.search(rf"\b({synonym})\b", text, re.IGNORECASE)
        assert found is None, f"{found[0]!r} for {term!r}"
