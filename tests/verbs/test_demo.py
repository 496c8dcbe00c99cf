"""The demos are there, can be written, and show what the commands say of them."""

from pathlib import Path

import pytest

from nndiag.errors import ConfigError, UnknownNameError
from nndiag.verbs.demo import FIRST, demo, demos


def test_every_demo_tells_what_it_is_and_stands_for_itself():
    every = demos()
    assert FIRST in {one.name for one in every}
    assert {"logic_gate.py", "linear_doubling.yaml"} <= {one.name for one in every}
    assert all(len(one.about) > 20 and "extends:" not in one.text for one in every)


def test_a_demo_is_written_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = demo("linear_doubling", write=True)
    assert result.written == Path("linear_doubling.yaml")
    assert result.written.read_text().startswith("# One tanh unit")
    with pytest.raises(ConfigError, match="exists already"):
        demo("linear_doubling", write=True)


def test_a_wrong_name_is_met_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'logic_gate"):
        demo("logic_gat")


def test_a_demo_shows_the_verdict_and_the_fix():
    result = demo("linear_doubling.yaml")
    assert "cured" in result.line()
    assert "$ nndiag fix linear_doubling.yaml" in str(result)
    assert result.to_dict()["run"]["command"] == "train"


@pytest.mark.parametrize("name", ["exploding_sine.yaml", "exploding_sine.py"])
def test_a_demo_is_told_by_its_name_and_not_by_where_it_is_installed(name):
    told = str(demo(name))
    assert f"next nndiag fix {name}\n" in told
    assert "/" not in "".join(line for line in told.splitlines() if "nndiag" in line)
