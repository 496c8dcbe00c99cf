"""The table in a piece of HTML, as notebooks and frames write their tables."""

import re
from html.parser import HTMLParser

from nndiag.tables.cells import number_in
from nndiag.tables.forms import form
from nndiag.tables.table import Cell, Table, refuse_width

_BEGINS = re.compile(r"\s*(<(?!\?xml)[^<>]*>\s*)*?<table\b", re.IGNORECASE)
_FEWEST = 2  # rows with that of the titles


class _Rows(HTMLParser):
    """The cells of the first table of a text, row by row, with the line of each row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.lines: list[int] = []
        self._inside = False
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr" and not self._ended:
            self.rows.append([])
            self.lines.append(self.getpos()[0])
        self._inside = tag in ("td", "th") and bool(self.rows) and not self._ended
        if self._inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")
        self._ended = self._ended or tag == "table"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data.strip()


@form
def html_table(text: str, file: str) -> Table | None:
    """The first table of a text that begins with one; its first row names the columns."""
    if _BEGINS.match(text) is None:
        return None
    read = _Rows()
    read.feed(text)
    found = [(row, line) for row, line in zip(read.rows, read.lines, strict=True) if row]
    if len(found) < _FEWEST:
        return None
    names, width = found[0][0], len(found[0][0])
    refuse_width(width, file)
    kept = [(row, line) for row, line in found[1:] if len(row) == width]
    columns: list[list[Cell]] = [[_cell(row[place]) for row, _ in kept] for place in range(width)]
    return Table(file, "a table in HTML", names, [line for _, line in kept], cells=lambda: columns)


def _cell(text: str) -> Cell:
    number = number_in(text)
    return text if number is None else number
