"""THE TABLES: text that people and programs have written, as named columns with line numbers.

One reader for data sets and logs. Nothing is executed, sizes are bounded, and what is wrong is told
with its line. What a column means is not known here. May import `errors` only.

To add a form that shows by its text: a module with one function under `@form`, which gives a
`Table`, or None where the text is of another form.
"""

from nndiag.arrays import FloatArray
from nndiag.tables.cells import has_comma, is_number, number_in
from nndiag.tables.content import LARGEST_FILE, content_of, text_of, too_large
from nndiag.tables.delimited import Header, delimited_table, header_in
from nndiag.tables.forms import marked_table
from nndiag.tables.lines import line_table
from nndiag.tables.table import MOST_COLUMNS, Cell, Table

__all__ = [
    "LARGEST_FILE",
    "MOST_COLUMNS",
    "Cell",
    "FloatArray",
    "Header",
    "Table",
    "content_of",
    "delimited_table",
    "has_comma",
    "header_in",
    "is_number",
    "line_table",
    "marked_table",
    "number_in",
    "text_of",
    "too_large",
]
