"""The forms of tables that show what they are by how they begin, such as JSON."""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from nndiag.tables.table import Table

Form = Callable[[str, str], Table | None]
"""Text and file, for messages → the table; None where the text is of another form."""

_FORMS: list[Form] = []


def form(function: Form) -> Form:
    """Decorator that makes a function the reader of a form.

    The function raises a `DataError` where the text is of its form and holds no table.
    """
    _FORMS.append(function)
    return function


def marked_table(text: str, file: str) -> Table | None:
    """The table in a text that shows its form; None for lines and columns without a mark.

    Args:
        text: The text.
        file: Its path, for messages.

    Raises:
        DataError: It is of a form, and holds no table.
    """
    tables = (read(text, file) for read in _forms())
    return next((table for table in tables if table is not None), None)


@cache
def _forms() -> tuple[Form, ...]:
    package = importlib.import_module("nndiag.tables")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return tuple(_FORMS)
