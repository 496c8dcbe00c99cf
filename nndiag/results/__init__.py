"""THE RESULTS: what the Python API returns: frozen, and each shows itself.

`repr` is one line, `str` the report of the terminal as text; rich shows it in colour, a notebook as
HTML with vector pictures. May import everything but `cli`; `report` and `plots` only when shown.

To add one: a file with a class over the frozen result of its package and over `shown.Shown`.
"""

from nndiag.results.run import RunResult, judged

__all__ = ["RunResult", "judged"]
