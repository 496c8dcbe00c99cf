"""A small recorded run, in memory and on disk."""

from pathlib import Path

import numpy as np
import pytest

from nndiag.trace import Ending, Facts, LayerFacts, Trace, TraceRecorder, TraceWriter

LAYERS = ("layer1", "layer2")


def record(sink: TraceWriter | None = None, *, steps: int = 20, ending: bool = True) -> Trace:
    """Record a made-up run with everything that a trace can hold."""
    rng = np.random.default_rng(0)
    recorder = TraceRecorder(layers=LAYERS, sink=sink)
    recorder.record_facts(
        Facts(
            inputs=rng.normal(size=(6, 1)),
            targets=rng.normal(size=(6, 1)),
            layers=(
                LayerFacts("layer1", 3, "tanh", -1.0, 1.0, True),
                LayerFacts("layer2", 1, "linear", -np.inf, np.inf, False),
            ),
            initial_weights=(rng.normal(size=(3, 1)), rng.normal(size=(1, 3))),
            initial_biases=(np.zeros(3), None),
            loss="mean_squared_error",
            reduction="mean",
            baseline_loss=0.5,
            optimizer="sgd",
            learning_rate=0.1,
            batch_size=6,
            total_steps=steps,
            settings={"name": "made-up", "training": {"steps": steps}, "ignore": []},
            stability_limit=np.inf,
        )
    )
    norms = rng.normal(size=(steps, 2))
    norms[-1] = np.nan
    losses = rng.normal(size=steps)
    losses[-1] = np.inf
    recorder.record_steps(np.arange(steps), losses, norms)
    for step in (0, 1, 10):
        recorder.record_probe(step, {"training_loss": step / 3, "dead_share": [np.nan, step]})
    recorder.record_probe(12, {"sharpness": 4.0, "training_loss": np.nan})
    if ending:
        recorder.record_ending(
            Ending(reason="non-finite", loss=np.nan, predictions=np.full((6, 1), np.inf))
        )
    recorder.close()
    return recorder.trace()


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, Trace]:
    """The folder of a stored run, and what was in memory."""
    return tmp_path, record(TraceWriter(tmp_path, layers=LAYERS))
