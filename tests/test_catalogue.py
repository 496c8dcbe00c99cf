"""One name, four addresses: module, test, config and page of every problem."""

from pathlib import Path

import pytest
import yaml

from nndiag.detectors import DETECTORS, page

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("problem", DETECTORS.names())
def test_every_problem_has_its_four_addresses(problem):
    name = problem.replace("-", "_")
    assert (ROOT / "nndiag" / "detectors" / f"{name}.py").is_file()
    assert (ROOT / "tests" / "detectors" / f"test_{name}.py").is_file()
    assert (ROOT / "configs" / "broken" / f"{name}.yaml").is_file()
    assert page(problem)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "broken").glob("*.yaml")))
def test_every_broken_config_expects_its_problem(path):
    expected = yaml.safe_load(path.read_text())["expect"]["findings"]
    assert path.stem.replace("_", "-") in expected
