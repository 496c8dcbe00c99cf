"""No verb says the opposite of another; the whole is `python -m tests.benchmarks.agreement`."""

import pytest

from tests.benchmarks.agreement import ROOT, disagreements

SAMPLE = ("healthy/linear_doubling", "broken/saturated_units", "broken/unscaled_inputs")


@pytest.mark.parametrize("name", SAMPLE)
def test_the_verbs_agree_on_a_config(name):
    assert list(disagreements(ROOT / "configs" / f"{name}.yaml", sweep=False)) == []
