"""Small rates are computed from larger ones where that is what training them would give."""

from dataclasses import replace

import numpy as np
import pytest

from nndiag.experiment.building import build
from nndiag.experiment.loading import experiment_of
from nndiag.training.lr_sweep import _task
from nndiag.training.sweep_flow import follows_flow, guide_of, run_below
from nndiag.training.sweep_runs import train_block
from nndiag.training.sweep_search import RateSearch

SINE = {
    "dataset": {"name": "sine", "samples": 30},
    "network": {
        "layers": [{"units": 8, "activation": "tanh"}, {"units": 1, "activation": "linear"}]
    },
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "training": {"steps": 300},
}


def task_of(**optimizer):
    experiment = experiment_of({**SINE, "optimizer": {**SINE["optimizer"], **optimizer}})
    return _task(experiment, build(experiment), seeds=1, steps=300)


class Trainer:
    """Trains in this process and counts."""

    def __init__(self, task):
        self.task, self.made = task, 0

    def train(self, pairs, *, steps=None):
        self.made += len(pairs)
        return train_block(self.task, pairs, steps=self.task.steps, stopped=lambda: False)


@pytest.fixture(scope="module")
def made():
    """Runs at 0.0016 to 0.4, each twice as fast as the one before."""
    rates = [0.0016 * 2**power for power in range(9)]
    return Trainer(task_of()).train([(rate, 0) for rate in rates])


def test_a_computed_run_ends_where_the_run_itself_does(made):
    guide = guide_of(made)
    below = [run for run in made if run.rate < guide.rate]
    assert len(below) >= 3
    for run in below:
        computed = run_below(guide, run.rate)
        # Euler's method is of first order: the error is that of the guide's step, a few percent
        assert computed.final == pytest.approx(run.final, rel=0.03)
        np.testing.assert_allclose(computed.curve, run.curve, rtol=0.03)


def test_a_run_that_rose_is_no_guide_nor_is_one_above_it(made):
    rough = replace(made[2], curve=made[2].curve[::-1])
    assert guide_of([rough, *made[3:]]) is None
    assert guide_of([*made[:2], rough, *made[3:]]) is None  # 0.0032 is not four times 0.0016
    assert guide_of(made[:3]).rate == made[0].rate


@pytest.mark.parametrize(
    ("optimizer", "follows"),
    [({}, True), ({"momentum": 0.9}, False), ({"decay": 0.1}, False), ({"name": "adam"}, False)],
)
def test_only_plain_gradient_descent_follows_the_flow(optimizer, follows):
    assert follows_flow(task_of(**optimizer)) is follows


def test_a_search_makes_the_large_rates_and_computes_the_small_ones():
    trainer = Trainer(task_of())
    search = RateSearch(trainer, (0,), steps=300, flows=True)
    search.try_rates(0.0001 * 2**power for power in range(12))
    computed = [run.rate for run in search.runs.values() if run.computed]
    assert len(search.runs) == 12
    assert trainer.made == 12 - len(computed)
    assert len(computed) >= 5
    assert max(computed) < min(run.rate for run in search.runs.values() if not run.computed)


def test_seeds_whose_guide_lies_lower_find_it_from_above():
    # The second seed rises at the two largest rates of the grid, the first at none: its guide lies
    # two rates lower, and one run at each of these finds it.
    class Rising(Trainer):
        def train(self, pairs, *, steps=None):
            runs = super().train([(rate, 0) for rate, _ in pairs])
            runs = [replace(one, seed=seed) for one, (_, seed) in zip(runs, pairs, strict=True)]
            return [
                replace(one, curve=one.curve[::-1]) if one.seed and one.rate > 0.04 else one
                for one in runs
            ]

    trainer = Rising(task_of())
    search = RateSearch(trainer, (0, 1), steps=300, flows=True)
    rates = [0.0001 * 2**power for power in range(11)]  # to 0.1024
    search.try_rates(rates, (0,))
    before = trainer.made
    search.try_rates(rates)
    # of 0.0256 and above, where the first seed may have a guide; then of 0.0128 and of 0.0064
    assert trainer.made - before == 5
