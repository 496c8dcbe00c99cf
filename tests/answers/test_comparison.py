"""The comparison of answers sees what matters and overlooks rounding."""

import pytest

from tests.answers.chaotic import CHAOTIC, without_chaos
from tests.answers.comparison import ANY, agreed, differences
from tests.answers.questions import subjects


@pytest.mark.parametrize(
    ("kept", "now"),
    [
        (1.0, 1.009),  # within a hundredth
        (1e-12, 3e-9),  # both are rounding error
        ("inf", "inf"),
        ("the loss is flat at 0.495", "the loss is flat at 0.496"),
        ({"a": [1, None, True]}, {"a": [1, None, True]}),
    ],
)
def test_overlooks_what_only_rounding_changes(kept, now):
    assert not [*differences({"place": kept}, {"place": now})]


@pytest.mark.parametrize(
    ("kept", "now"),
    [
        (1.0, 1.02),
        (1, 2),
        (1, True),
        (0.5, None),
        ("stalled", "improving"),
        ("layer1 is dead", "layer2 is dead"),
        ("the loss is flat at 0.495", "the loss is flat at 0.595"),
        ("0.1 and 0.2", "0.1"),
        ([1, 2], [1]),
        ({"a": 1}, {"b": 1}),
    ],
)
def test_tells_what_differs(kept, now):
    assert all(line.startswith("place") for line in differences({"place": kept}, {"place": now}))
    assert [*differences({"place": kept}, {"place": now})]


def test_takes_a_number_in_a_program_s_text_for_a_part_of_the_answer():
    assert [*differences({"replacement": "w -= 0.1000 * dw"}, {"replacement": "w -= 0.1001 * dw"})]


def test_names_the_place_of_a_difference():
    kept, now = ({"train": {"losses": [1.0, last]}} for last in (2.0, 3.0))
    assert [*differences(kept, now)] == ["train.losses.1: 2.0, now 3.0"]


def test_keeps_what_two_computations_agree_on():
    one = {"cause": "exploding", "growth": 1.0, "steps": 115, "says": "grew 3e19 × from step 2"}
    other = {"cause": "exploding", "growth": 1.004, "steps": 117, "says": "grew 9e16 × from step 2"}
    both = agreed(one, other)
    assert both == {
        "cause": "exploding",
        "growth": ANY,
        "steps": ANY,
        "says": f"grew {ANY} × from step 2",
    }
    assert not [*differences(both, one)]
    assert not [*differences(both, other)]
    assert [*differences(both, {**one, "says": "grew 3e19 × from step 3"})]
    assert [*differences(both, {**one, "cause": "stalled"})]


def test_leaves_out_what_is_listed_with_a_reason_and_nothing_else():
    answers = {"sweep-lr": {"exit": 0, "answer": {"steps": 7, "edge": 0.5}}}
    left = without_chaos("programs/right/nonlin", answers)
    assert left == {"sweep-lr": {"exit": 0, "answer": {"edge": 0.5}}}
    assert without_chaos("configs/healthy/sine", answers) == answers
    assert all(CHAOTIC.values())


def test_a_subject_has_one_name():
    assert all(name == subject.name for name, subject in subjects().items())
