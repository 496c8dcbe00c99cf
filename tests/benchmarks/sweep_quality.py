"""How good the recommended learning rates are: against an exhaustive grid of long runs.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.sweep_quality [--seeds N] [TASK …]
    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.sweep_quality --held-out
    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.sweep_quality --drawn 20

Each task is swept as `nndiag sweep-lr` does it, with several seeds; `--shorter 4` gives the short
runs only a quarter of the config's steps. The truth comes from runs of full length, with fifteen
seeds of their own, at eight rates in each of nine decades; rates that these do not tell from the
best one are run with a hundred. The best rate is the one with the lowest geometric mean of the
final losses; where others reach a loss within 5 % of it, or within two standard errors of what a
hundred seeds can tell, each of them counts as best. A recommended rate is right within half a
decade (a factor of 3.16) of a best one; "loss" is its own loss over the lowest, both from the long
runs. It learns if it removes at least half of the loss that the best rate removes.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nndiag.experiment.building import build, initial_parameters
from nndiag.experiment.loading import experiment_of
from nndiag.training.lr_sweep import sweep_learning_rates
from nndiag.training.schedule import batches_of
from nndiag.training.sweep_blocks import BlockTrainer
from nndiag.training.sweep_runs import SweepTask
from tests.benchmarks.sweep_tasks import drawn, held_out, tasks

GRID = [float(f"{10 ** (k / 8):.6g}") for k in range(-48, 25)]  # 1e-6 to 1e3
TRUTH_SEEDS, MORE_SEEDS = range(1000, 1015), range(1015, 1100)
OUT, ALIKE = 3.0, 2.0  # standard errors: a rate is out after fifteen seeds, alike after a hundred
HALF_DECADE, NOTHING = 0.5, 0.9
EQUAL = 1.05


class Truth:
    """What long runs of a config say.

    Attributes:
        lowest: Final loss of the best rate over the mean baseline's.
        best: The rates that are best.
    """

    def __init__(self, config):
        experiment = experiment_of(config)
        built = build(experiment)
        starts = {
            seed: initial_parameters(experiment.config, built.shape, seed=seed)
            for seed in (*TRUTH_SEEDS, *MORE_SEEDS)
        }
        batches = batches_of(built)
        self._task = SweepTask(
            built.shape, built.optimizer, *built.training, batches, starts, steps=built.steps
        )
        table = self._table(GRID, TRUTH_SEEDS)
        doubtful = near_best(table, errors=OUT)
        more = self._table(doubtful, MORE_SEEDS)
        table = {rate: np.concatenate([table[rate], more[rate]]) for rate in doubtful}
        self.best = near_best(table, errors=ALIKE)
        self.lowest = np.exp(min(logs.mean() for logs in table.values()))

    def distance(self, rate):
        """Decades from a rate to the nearest best one; infinite where none was recommended.

        Where no rate removes a tenth of the mean baseline's loss, none is right, too.
        """
        if rate is None:
            return 0.0 if self.lowest > NOTHING else np.inf
        return min(abs(np.log10(rate / best)) for best in self.best)

    def loss(self, rate):
        """Final loss of a rate, run in full, over the mean baseline's."""
        if rate is None:
            return np.nan
        return np.exp(self._table([rate], (*TRUTH_SEEDS, *MORE_SEEDS))[rate].mean())

    def _table(self, rates, seeds):
        """Rate → logarithms of the final losses over the mean baseline's, by seed (S,)."""
        workers = BlockTrainer(self._task, interrupted=lambda: False, done=lambda _: None)
        with workers.started(seconds=10):
            runs = workers.train([(rate, seed) for rate in rates for seed in seeds])
        reference = runs[0].reference
        worst = 10 * max(1.0, *(run.initial / reference for run in runs))
        logs = {(run.rate, run.seed): run.final / reference for run in runs}
        return {
            rate: np.log(np.clip([logs[rate, seed] for seed in seeds], 1e-12, worst))
            for rate in rates
        }


def near_best(table, *, errors):
    """The rates of a table whose losses are as low as the lowest, as far as that can be told."""
    lead = table[min(table, key=lambda rate: table[rate].mean())]
    gaps = {rate: logs - lead for rate, logs in table.items()}  # seed by seed
    return [
        rate
        for rate, gap in gaps.items()
        if gap.mean() <= max(np.log(EQUAL), errors * gap.std(ddof=1) / np.sqrt(len(gap)))
    ]


def main():
    """Print a line per task and the share that is right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="sweeps per task")
    parser.add_argument("--shorter", type=int, default=1, help="divides the sweep's steps")
    parser.add_argument("--held-out", action="store_true", help="other tasks")
    parser.add_argument("--drawn", type=int, metavar="N", help="N tasks drawn at random")
    parser.add_argument("names", nargs="*", metavar="TASK")
    chosen = parser.parse_args()
    right = learned = cases = 0
    with tempfile.TemporaryDirectory() as folder:
        every = (held_out if chosen.held_out else tasks)(Path(folder))
        if chosen.drawn:
            every = drawn(Path(folder), count=chosen.drawn)
        print(
            f"{'task':18}{'best rates':>20}  {'recommended':24}{'decades off':>12}"
            f"{'loss':>10}  learns"
        )
        for name in chosen.names or every:
            config, started = every[name], time.monotonic()
            truth = Truth(config)
            middle = time.monotonic()
            found = []
            for seed in range(chosen.seeds):
                steps = config["training"]["steps"] // chosen.shorter
                result = sweep_learning_rates(
                    experiment_of({**config, "seed": seed}),
                    steps=steps if chosen.shorter > 1 else None,
                )
                found.append(result.recommended)
            distances = [truth.distance(rate) for rate in found]
            losses = [truth.loss(rate) for rate in found]
            learns = [not 1 - loss < 0.5 * (1 - truth.lowest) for loss in losses]
            best = f"{min(truth.best):.2g} – {max(truth.best):.2g}"
            rates = " ".join("none" if r is None else f"{r:.2g}" for r in found)
            seconds = f"{middle - started:.0f} + {time.monotonic() - middle:.0f} s"
            print(
                f"{name:18}{best:>20}  {rates:24}{max(distances):12.2f}"
                f"{max(losses) / truth.lowest:10.2f}  {'yes' if all(learns) else 'NO':8}{seconds}",
                flush=True,
            )
            cases += len(found)
            right += sum(distance <= HALF_DECADE for distance in distances)
            learned += sum(learns)
    print(f"\nwithin half a decade: {right} of {cases} ({right / cases:.0%})")
    print(f"recommended rates that learn: {learned} of {cases}")
    return 0 if right >= 0.95 * cases and learned == cases else 1


if __name__ == "__main__":
    sys.exit(main())
