"""The plugin of pytest: what a test asks for by name, without an import."""

from collections.abc import Callable
from typing import Any

import pytest

from nndiag.testing.assertion import assert_gradients_correct
from nndiag.testing.training import assert_trains


@pytest.fixture
def nndiag_gradients() -> Callable[..., None]:
    """`nndiag_gradients(loss, parameters, gradients)`, as `assert_gradients_correct` has them."""
    return assert_gradients_correct


@pytest.fixture
def nndiag_trains() -> Callable[..., Any]:
    """`nndiag_trains("net.py", within=2000)`, as `assert_trains` has them."""
    return assert_trains
