"""A "next" line is followed until nothing is left to do."""

from pathlib import Path

from tests.benchmarks.next_steps import leads_on, walked

CONFIGS = Path(__file__).parents[1] / "configs"


def test_a_run_that_trains_leads_to_nothing_else(tmp_path):
    steps = walked(CONFIGS / "posts" / "linear_doubling_cured.yaml", tmp_path)
    assert leads_on(steps)
    assert len(steps) == 2
