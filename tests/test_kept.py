"""What is kept between commands is what would be found anew."""

import pytest

from nndiag import kept as module
from nndiag.kept import folder, kept


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def found(value):
    return lambda: value


def test_what_was_found_is_not_looked_for_again(home):
    assert kept("thing", found({"a": [1, None]})) == {"a": [1, None]}
    assert kept("thing", found("other")) == {"a": [1, None]}
    assert [path.name for path in folder().iterdir()] == ["thing.json"]


def test_it_is_found_anew_once_the_sources_have_changed(home, monkeypatch):
    kept("thing", found(1))
    monkeypatch.setattr(module, "fingerprint", found("other sources"))
    assert kept("thing", found(2)) == 2


def test_a_source_that_is_edited_changes_the_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    (tmp_path / "below").mkdir()
    before = module.fingerprint()
    (tmp_path / "below" / "module.py").write_text("1")
    assert module.fingerprint() != before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"value": 1}'])
def test_a_damaged_file_is_replaced(home, text):
    kept("thing", found(1))
    (folder() / "thing.json").write_text(text)
    assert kept("thing", found(2)) == 2
    assert kept("thing", found(3)) == 2


def test_without_a_folder_all_is_found_each_time(home, monkeypatch):
    (home / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    assert [kept("thing", found(value)) for value in (1, 2)] == [1, 2]
