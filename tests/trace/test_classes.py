import numpy as np
import pytest

from nndiag.trace.classes import class_numbers, classes_of, confusion_of, plane_of

BINARY = np.array([[0.0], [0], [0], [1], [1]])
ONE_HOT = np.eye(3)[[0, 1, 2, 2]]


def run(make_trace, targets, predictions, **facts):
    ending = {"predictions": predictions}
    return make_trace([1.0, 0.5], facts={"targets": targets, **facts}, ending=ending)


def test_counts_what_is_put_into_which_class(make_trace):
    trace = run(make_trace, BINARY, np.array([[0.1], [0.2], [0.6], [0.9], [0.4]]))
    assert confusion_of(trace).tolist() == [[2, 1], [1, 1]]
    # 3 of 5 are right, and so would be "class 0" for all.
    assert class_numbers(trace) == pytest.approx({"accuracy": 0.6, "baseline_accuracy": 0.6})


def test_takes_the_largest_of_several_outputs(make_trace):
    outputs = np.array([[3.0, 1, 0], [0, 1, 2], [0, 1, 2], [0, 1, 2]])
    assert confusion_of(run(make_trace, ONE_HOT, outputs)).tolist() == [
        [1, 0, 0],
        [0, 0, 1],
        [0, 0, 2],
    ]


@pytest.mark.parametrize(
    "targets", [[[0.0], [1], [2]], [[0.3], [0.7]], [[1.0, 1], [0, 1]], [[np.nan], [1]], [[1.0]]]
)
def test_other_targets_are_no_classes(targets):
    assert classes_of(np.array(targets)) is None


def test_a_cross_entropy_makes_classes_of_any_two_values():
    assert classes_of(np.array([[0.1], [0.9]]), loss="binary_cross_entropy").labels.tolist() == [
        0,
        1,
    ]


def test_validation_examples_have_an_accuracy_of_their_own(make_trace):
    ending = {"predictions": BINARY, "validation_predictions": 1 - BINARY}
    facts = {"targets": BINARY, "validation_targets": BINARY}
    numbers = class_numbers(make_trace([1.0, 0.5], facts=facts, ending=ending))
    assert (numbers["accuracy"], numbers["validation_accuracy"]) == (1.0, 0.0)


def test_the_plane_reaches_a_little_beyond_the_examples():
    points = plane_of(np.array([[0.0, 10.0], [1.0, 30.0]]))
    assert points.min(axis=0) == pytest.approx([-0.05, 9.0])
    assert points.max(axis=0) == pytest.approx([1.05, 31.0])
    assert (points[1] - points[0])[1] == 0  # row by row
