"""Faults of a program whose gradient is that of its loss: the loss is not what was meant."""

COLUMN = """\
import numpy as np
x = np.linspace(-1, 1, 12).reshape(-1, 1)
y = {targets}
W, b = np.ones((1, 1)), np.zeros(1)
for step in range(60):
    out = x @ W + b
    gap = out - y
    loss = np.mean(gap ** 2)
    back = 2 * gap.mean(axis=1, keepdims=True) / 12
    W = W - 0.1 * x.T @ back
    b = b - 0.1 * back.sum(axis=0)
    print(loss)
"""


def test_a_difference_that_is_a_table_is_told_and_mended(judge):
    found = judge(COLUMN.format(targets="x[:, 0] * 3"))
    assert [fault.bug for fault in found.faults] == ["mismatched-shapes"]
    assert found.fixed is not None
    assert "gap = out - np.reshape(y, out.shape)" in found.fixed.text


def test_a_column_of_targets_is_right(judge):
    assert judge(COLUMN.format(targets="x * 3")).is_right
