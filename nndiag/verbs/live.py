"""A run that is watched while it goes on: who watches is handed what gives it until then."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nndiag.trace import Trace

Watch: TypeAlias = "Callable[[Callable[[], Trace]], None]"
"""Called a few times a second with a function that gives the run until now."""
