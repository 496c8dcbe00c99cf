"""Commands answer as they did: a sample of the kept answers, for the suite's time.

It is a sample, not the whole: each command, each kind of problem's outcome, right and faulty
programs; sweeps and fixes of few configs, since they take longest. All answers are compared by
`python -m tests.answers`; what is meant to change is kept by `python -m tests.answers --renew`, and
`git diff` shows it.
"""

import dataclasses

import pytest

from tests.answers.asking import asked
from tests.answers.chaotic import without_chaos
from tests.answers.comparison import differences
from tests.answers.keeping import kept, names
from tests.answers.questions import subjects

QUICK = ("train", "diagnose", "gradcheck")

SAMPLE = {
    "configs/broken/dead_units": ("train", "diagnose", "doctor", "gradcheck", "fix"),
    "configs/broken/exploding_loss": (*QUICK, "doctor"),
    "configs/broken/mismatched_data": (*QUICK, "doctor"),
    "configs/broken/saddle_point": QUICK,
    "configs/broken/unscaled_inputs": (*QUICK, "sweep-lr"),
    "configs/broken/vanishing_gradients": QUICK,
    "configs/healthy/csv_plane": (*QUICK, "doctor"),
    "configs/healthy/linear_doubling": (*QUICK, "sweep-lr", "fix"),
    "configs/posts/exploding_sine": QUICK,
    "configs/programs/xor_two_units": QUICK,
    "configs/programs/xor_two_units_cured": QUICK,
    "programs/posts/quadratic_cosine": ("gradcheck",),
    "programs/posts/sigmoid_sine": ("gradcheck",),
    "programs/right/script_tanh": ("gradcheck",),
    "programs/right/softmax_relu": ("gradcheck",),
    "programs/faulty/nonlin": ("gradcheck",),
    "programs/faulty/script_tanh": ("gradcheck",),
    "compare/posts": tuple(subjects()["compare/posts"].commands),
}


@pytest.mark.parametrize("name", SAMPLE)
def test_a_command_answers_as_it_did(name):
    subject = subjects()[name]
    commands = {key: subject.commands[key] for key in SAMPLE[name]}
    found = asked(dataclasses.replace(subject, commands=commands))
    before = {key: value for key, value in kept(name).items() if key in commands}
    lines = [*differences(before, without_chaos(name, found))]
    assert not lines, "\n".join([*lines, f"if meant: python -m tests.answers --renew {name}"])


def test_no_answers_are_kept_of_what_is_not_asked_about():
    assert names() <= set(subjects())


@pytest.mark.parametrize("name", sorted(names()))
def test_the_answers_to_every_command_are_kept(name):
    assert set(kept(name)) == set(subjects()[name].commands)
