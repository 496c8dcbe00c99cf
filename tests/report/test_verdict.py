"""Single numbers in words."""

import pytest

from nndiag.finding import Evidence
from nndiag.report.verdict import evidence_words, sentence


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (Evidence("learning_rate", 0.2, 0.0131), "learning rate 0.2 (fine up to 0.0131)"),
        (Evidence("cosine", -0.94, 1.0), "cosine -0.94 (1 if right)"),
        (
            Evidence("validation_loss", 3.0, 0.3, steps=(20, 400), measure="rise"),
            "rise of validation loss 3 (fine up to 0.3, steps 20–400)",
        ),
        (
            Evidence("gradient_norm", 0.0024, 0.01, "layer1", (7, 7), "ratio"),
            "ratio of gradient norm of layer1 0.0024 (fine from 0.01, step 7)",
        ),
    ],
)
def test_says_what_of_a_series_a_number_is(evidence, words):
    assert evidence_words(evidence) == words


@pytest.mark.parametrize(
    ("message", "begins"), [("wh, bh: a factor", "wh"), ("wrong, but not why: both", "Wrong")]
)
def test_leaves_the_names_of_a_program_as_they_are(message, begins):
    assert sentence(message).startswith(begins)
