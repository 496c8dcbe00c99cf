"""Runs with what is said about them, made by hand: reports are tested apart from detectors."""

import numpy as np
import pytest

from nndiag.finding import (
    Cause,
    Confidence,
    Diagnosis,
    Evidence,
    Finding,
    Outcome,
    Severity,
    Skipped,
    Suggestion,
)
from nndiag.trace import Ending, Facts, LayerFacts, Series, Trace


def finding(problem: str, severity: Severity = Severity.ERROR, **changed) -> Finding:
    """A finding with one number behind it."""
    known = {
        "message": f"something about {problem}",
        "evidence": (Evidence("loss", 12.0, 10.0, steps=(0, 3)),),
        "remedies": ("optimizer.learning_rate=0.01", "loss.reduction=mean"),
    }
    return Finding(problem, severity, **(known | changed))


def diverged_trace() -> Trace:
    """0.5 · 2ⁿ over 10 steps, then infinity; gradients twice that in layer2."""
    losses = np.append(0.5 * 2.0 ** np.arange(10), np.inf)
    norms = np.column_stack([losses, 2 * losses])
    steps = np.arange(11)
    return Trace(
        steps,
        losses,
        {"gradient_norm": Series(steps, norms)},
        layers=("layer1", "layer2"),
        facts=Facts(
            inputs=np.zeros((200, 1)),
            targets=np.zeros((200, 1)),
            layers=(
                LayerFacts("layer1", 100, "tanh", -1, 1, True),
                LayerFacts("layer2", 1, "linear", -np.inf, np.inf, True),
            ),
            baseline_loss=0.5,
            optimizer="sgd",
            learning_rate=0.2,
            batch_size=200,
            total_steps=2000,
        ),
        ending=Ending(reason="non-finite", loss=np.inf),
    )


def diverged_diagnosis() -> Diagnosis:
    """One cause that explains two symptoms, a warning beside it, two checks not made."""
    top = finding(
        "learning-rate-above-stability-limit",
        message="learning rate 0.2 is 8.33 × the stability limit 0.024",
        evidence=(Evidence("learning_rate", 0.2, 0.024),),
    )
    symptoms = (finding("exploding-loss"), finding("exploding-gradients", layer="layer1"))
    other = finding("unscaled-inputs", Severity.WARNING)
    return Diagnosis(
        outcome=Outcome.DIVERGED,
        cause=Cause(top, Confidence.LIKELY, symptoms),
        findings=(top, *symptoms, other),
        not_checked=(
            Skipped("dead-units", "no ReLU layer"),
            Skipped("vanishing-gradients", "fewer than three layers"),
        ),
        numbers={"onset_step": 0.0, "baseline_loss": 0.5},
        suggested=(
            Suggestion("rate-below-limit", "Lower it", {"optimizer": {"learning_rate": 0.01}}),
            Suggestion("mean-loss", "Average the loss"),
        ),
    )


@pytest.fixture
def diverged() -> tuple[Diagnosis, Trace]:
    """A run that blew up."""
    return diverged_diagnosis(), diverged_trace()


@pytest.fixture
def healthy() -> tuple[Diagnosis, Trace]:
    """A run of 100 steps from 1 to 0.01 that finished, nothing wrong."""
    steps = np.arange(100)
    losses = 10.0 ** (-2 * steps / 99)
    trace = Trace(
        steps,
        losses,
        facts=Facts(baseline_loss=1.0, total_steps=100),
        ending=Ending(reason="finished", loss=0.01),
    )
    numbers = {"r_squared": 0.99, "baseline_loss": 1.0, "final_loss": 0.01}
    return Diagnosis(Outcome.CONVERGED, None, (), (), numbers), trace
