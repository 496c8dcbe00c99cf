"""Every check of `doctor` goes by the name under which it is registered."""

import pytest

import nndiag
from nndiag.checkup import CHECKS


@pytest.mark.parametrize(
    "changes", [{}, {"optimizer": {"name": "adam"}}, {"layer": {"batch_norm": True}}], ids=str
)
def test_a_check_has_its_own_name_whatever_the_config(changes):
    hidden = {"units": 4, "activation": "tanh", **changes.get("layer", {})}
    found = nndiag.doctor(
        {
            "dataset": {"name": "sine", "samples": 20},
            "network": {"layers": [hidden, {"units": 1}]},
            "optimizer": changes.get("optimizer", {"name": "sgd"}),
            "training": {"steps": 20},
        }
    )
    assert [check.name for check in found.checks] == list(CHECKS)
