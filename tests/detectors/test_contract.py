import pytest

from nndiag.detectors import DETECTORS, checked_thresholds
from nndiag.detectors.contract import SECTIONS
from nndiag.detectors.contract import page as page_of
from nndiag.errors import ConfigError


@pytest.mark.parametrize("problem", DETECTORS.names())
def test_each_page_has_exactly_the_sections(problem):
    lines = page_of(problem).splitlines()
    assert tuple(line for line in lines[1:] if line and not line.startswith(" ")) == SECTIONS


@pytest.mark.parametrize("problem", DETECTORS.names())
def test_each_page_opens_with_the_summary_and_names_each_threshold(problem):
    page = page_of(problem)
    assert page.splitlines()[0] == DETECTORS.summary(problem)
    section = page.split("Thresholds\n")[1].split("Fixes\n")[0]
    for name, option in DETECTORS.options(problem).items():
        assert f"{name} = " in section
        assert not option.required


@pytest.mark.parametrize("problem", DETECTORS.names())
def test_each_default_keeps_its_own_bounds(problem):
    defaults = {name: option.default for name, option in DETECTORS.options(problem).items()}
    assert checked_thresholds({problem: defaults}) == {problem: defaults}


def test_all_wrong_thresholds_are_told_at_once_with_a_way_out():
    with pytest.raises(ConfigError) as error:
        checked_thresholds(
            {
                "vanishing-gradient": {"ratio": 1.0},
                "dead-units": {"share": 1.5},
                "vanishing-gradients": {"ration": 1.0, "ratio": -1, "window": 2.5},
                "unscaled-inputs": {"size": "big", "offset": True},
                "saturated-units": 0.5,
            }
        )
    text = str(error.value)
    assert len(error.value.problems) == 8
    for part in (
        "did you mean 'vanishing-gradients'?",
        "a number at most 1",
        "did you mean 'ratio'?",
        "a number above 0",
        "a whole number",
        "'big'",
        "True",
        "threshold: value",
    ):
        assert part in text
