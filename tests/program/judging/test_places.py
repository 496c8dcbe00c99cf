"""Where a fault is told to stand, and what is written there: in the program's own names."""

import pytest

from nndiag.errors import UserCodeError

LINEAR = """\
import numpy as np
rng = np.random.default_rng(3)
rows = rng.normal(size=(12, 2))
goal = np.tanh(rows @ np.array([[1.0], [-0.5]])) + 0.2
first, shift = rng.normal(size=(2, 4)) * 0.5, np.zeros((1, 4))
last = rng.normal(size=(4, 1)) * 0.5
for turn in range(400):
    inner = np.tanh(rows @ first + shift)
    guess = inner @ last
    cost = np.sum((guess - goal) ** 2) / len(rows)
    gap = {gap}
    back = gap
    last_slope = inner.T @ back
    hidden = back @ last.T * (1 - inner ** 2)
    last -= 0.1 * last_slope
    first -= 0.1 * rows.T @ hidden
    shift -= 0.1 * hidden.sum(0, keepdims=True)
"""


def linear(*, gap="2 * (guess - goal) / len(rows)"):
    return LINEAR.format(gap=gap)


SAMPLING = """\
import numpy as np
rng = np.random.default_rng(1)
seen = (rng.random((20, 6)) > 0.5).astype(float)
links = rng.normal(size=(6, 4)) * 0.1
for turn in range(300):
    likely = 1 / (1 + np.exp(-seen @ links))
    drawn = likely > rng.random(likely.shape)
    again = 1 / (1 + np.exp(-np.dot(drawn, links.T)))
    links += 0.1 * (seen.T @ likely - again.T @ (1 / (1 + np.exp(-again @ links)))) / 20
    print(np.sum((seen - again) ** 2))
"""


def test_says_nothing_of_the_right_program(check):
    assert check(linear()).correct


def test_takes_out_a_factor_that_is_made_of_the_errors(check):
    found = check(linear(gap="np.mean(guess - goal) * 2 * (guess - goal) / len(rows)"))
    finding = found.findings[0]
    assert (finding.problem, finding.line) == ("loss-gradient-scaled-by-residual", 11)
    assert finding.replacement is not None
    assert "mean" not in finding.replacement


def test_names_the_variable_that_takes_an_unfinished_error_over(check):
    text = linear().replace("guess = inner @ last", "guess = np.tanh(inner @ last)")
    (finding,) = check(text).findings
    assert finding.line == 12  # `gap` is the derivative by the outputs, `back` is not by the sums
    assert finding.replacement == "back = gap * (1 - guess ** 2)"


def test_refuses_units_that_are_sampled(check):
    with pytest.raises(UserCodeError, match="samples its units"):
        check(SAMPLING)
