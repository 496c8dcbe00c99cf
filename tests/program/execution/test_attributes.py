"""An attribute that is replaced is as it was behind it, wherever the owner has it from."""

import math

import pytest

from nndiag.program.execution.attributes import replaced


class Parent:
    @classmethod
    def name(cls):
        return cls.__name__


class Heir(Parent):
    @staticmethod
    def double(number):
        return 2 * number


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Heir, "double"), (Heir, "name"), (Heir, "new"), (math, "pi"), (Heir(), "x")],
)
def test_an_attribute_is_as_it_was(owner, name):
    before = dict(vars(owner))
    with pytest.raises(KeyError), replaced(owner, name, "other"):  # noqa: PT012
        assert getattr(owner, name) == "other"
        raise KeyError
    assert dict(vars(owner)) == before


def test_what_is_taken_away_meanwhile_does_not_matter():
    with replaced(Heir, "name", None):
        del Heir.name
    assert Heir.name() == "Heir"
