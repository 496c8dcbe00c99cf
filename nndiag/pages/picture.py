"""The picture of a typical run: its loss, its gradients and its prediction side by side."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from nndiag.diagnosis import diagnose
from nndiag.experiment import Experiment, load_experiment
from nndiag.experiment.building import build
from nndiag.plots.vector import vector_panels
from nndiag.trace import Trace, TraceRecorder
from nndiag.training import train

_MOST_EXAMPLES = 80  # dots of a prediction
_STYLE = """<style>
svg{color:#1b1b1b;background:#fff}
@media(prefers-color-scheme:dark){svg{color:#e4e4e4;background:#16181b}}
</style>"""
"""A picture in a page of another program has no colours to inherit."""


def picture_of(config: Path) -> str:
    """Train a config and draw its run.

    Args:
        config: Its file.
    """
    experiment = load_experiment(config)
    built = build(experiment)
    recorder = TraceRecorder(layers=built.layer_names)
    trace = train(built, recorder).trace
    recorder.close()
    onset = diagnose(trace).numbers.get("onset_step")
    svg = vector_panels(_thinned(trace), onset=onset)
    return svg.replace(">", f">\n{_STYLE}\n<desc>{fingerprint(experiment)}</desc>", 1)


def fingerprint(experiment: Experiment) -> str:
    """What a picture was made from, so that a test can tell whether that has changed.

    The folder of the config, which stands before the paths of its data files, is left out.
    """
    text = json.dumps(experiment.resolved, sort_keys=True, default=str)
    if experiment.source is not None:
        text = text.replace(json.dumps(str(experiment.source.resolve().parent))[1:-1], "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _thinned(trace: Trace) -> Trace:
    """The run with fewer examples."""
    facts, ending = trace.facts, trace.ending
    if facts.inputs is None or facts.targets is None:
        return trace
    chosen = np.unique(
        np.linspace(0, len(facts.inputs) - 1, _MOST_EXAMPLES).round().astype(np.int64)
    )
    raw = None if facts.raw_inputs is None else facts.raw_inputs[chosen]
    thin = replace(
        facts,
        inputs=facts.inputs[chosen],
        targets=facts.targets[chosen],
        raw_inputs=raw,
        batch_size=len(chosen) if facts.full_batch else 1,
    )
    if ending is not None and ending.predictions is not None:
        ending = replace(ending, predictions=ending.predictions[chosen])
    return replace(trace, facts=thin, ending=ending)
