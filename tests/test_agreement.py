"""No verb says the opposite of another; the whole is `python -m tests.benchmarks.agreement`."""

import pytest

from tests.benchmarks.agreement import ROOT, disagreements

QUICK = ("healthy/linear_doubling", "broken/unscaled_inputs")
SAMPLE = ("healthy/linear_doubling", "broken/saturated_units", "broken/unscaled_inputs")


@pytest.mark.parametrize("name", SAMPLE)
def test_the_verbs_agree_on_a_config(name):
    config, quick = ROOT / "configs" / f"{name}.yaml", name in QUICK
    assert list(disagreements(config, sweep=False, fix=quick)) == []
