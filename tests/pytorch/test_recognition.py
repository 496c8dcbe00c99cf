"""Which programs are scripts, and what is said of other frameworks; no torch is needed."""

import pytest

from nndiag.errors import UserCodeError
from nndiag.program import CodeSettings
from nndiag.pytorch.faults import FAULTS
from nndiag.pytorch.recognition import is_script
from nndiag.pytorch.watching import answer
from nndiag.report.catalogue import entry_of

SECTIONS = ("What it is:", "Why it matters:", "How it is told:", "Fix:", "Source:")


def settings(tmp_path, text):
    path = tmp_path / "train.py"
    path.write_text(text, encoding="utf-8")
    return CodeSettings(script=str(path))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("import torch\n", True),
        ("def f():\n    from torch import nn\n", True),
        ("import numpy as np\n", False),
        ("import torchlight\n", False),
    ],
)
def test_a_script_is_what_imports_torch(tmp_path, text, is_one):
    assert is_script(settings(tmp_path, text)) is is_one


@pytest.mark.parametrize("name", ["keras", "tensorflow.keras", "jax.numpy"])
def test_says_what_works_instead_for_other_frameworks(tmp_path, name):
    with pytest.raises(UserCodeError, match="cannot be watched") as caught:
        is_script(settings(tmp_path, f"\nimport {name}\n"))
    assert "nndiag diagnose" in str(caught.value)
    assert "train.py:2" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "from keras.datasets import mnist",
        "from tensorflow.keras.datasets import mnist",
        "import tensorflow.keras.datasets.mnist as mnist",
        "from keras import datasets",
        "from keras.utils import to_categorical",
    ],
)
def test_a_program_that_only_takes_its_data_from_a_framework_is_a_program(tmp_path, text):
    assert not is_script(settings(tmp_path, f"{text}\nimport numpy as np\n"))


def test_a_python_without_torch_says_where_to_find_one(monkeypatch):
    monkeypatch.setattr(answer, "_watch", None)
    with pytest.raises(UserCodeError, match=r"train.py imports torch, which this Python") as caught:
        answer.watch({"program": "train.py"}, lambda *_: None)
    assert "nndiag[torch]" in str(caught.value)


@pytest.mark.parametrize("name", FAULTS.names())
def test_each_fault_has_a_page_with_all_sections(name):
    page = entry_of(name).page
    places = [page.index(section) for section in SECTIONS]
    assert places == sorted(places)
