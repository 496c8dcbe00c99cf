"""Files that hold several runs: side by side, one below the other, or one row each."""

from collections import defaultdict

from nndiag.errors import DataError, Location, Problem
from nndiag.tables import Table, number_in
from nndiag.trace.log_titles import EPOCH, STEP, Losses, column_of, loss_title

_NAMES = {
    *("run", "run_id", "run_name", "runid", "id", "name", "trial", "trial_id", "experiment"),
    *("model", "fold", "seed", "number", "uuid", "run id", "run name"),
}
"""Titles, in small letters, of what tells runs apart."""

_SETTINGS = ("params_", "params.", "param_", "config/", "config.", "hparams", "user_attrs_")
_FEWEST = 2


def refuse_several_runs(table: Table, losses: Losses, *, chosen: bool) -> None:
    """Refuse what is not the course of one run.

    Args:
        table: The table.
        losses: Which columns are the losses.
        chosen: Whether a person chose the column of the loss, and with it the run.

    Raises:
        DataError: Runs stand side by side, are told apart by a column, or have one row each.
    """
    if not chosen and losses.others:
        _refuse_side_by_side(table)
    columns = {column.name for title in table.names if (column := column_of(title)) is not None}
    counted = bool(columns & {STEP, EPOCH})
    place = Location(table.file, table.lines[0])
    settings = [x for x in table.names if x.lower().startswith(_SETTINGS)]
    for number, title in enumerate(table.names):
        if title.strip().lower() not in _NAMES or len(table.lines) < _FEWEST:
            continue
        cells = table.words(number)
        different = list(dict.fromkeys(cells))
        words = all(cell and number_in(cell) is None for cell in cells)
        if len(different) == len(cells) and (words or settings):
            _refuse_rows(place, f"{title} {', '.join(different[:3])}, …")
        if 1 < len(different) <= len(cells) // 2 and (words or not counted):
            shown = ", ".join(different[:5]) + (", …" if len(different) > 5 else "")
            message = f"the file holds {len(different)} runs, told apart by {title!r}"
            hint = "one run a file; `nndiag compare` takes several files"
            raise DataError(Problem(message, place, got=shown, hint=hint))
    if settings and not counted:
        _refuse_rows(place, f"settings in each row: {', '.join(settings[:3])}")


def _refuse_rows(place: Location, got: str) -> None:
    """Refuse a table of runs.

    Raises:
        DataError: Always.
    """
    message = "a table of runs, one row each, is not the course of a run"
    raise DataError(Problem(message, place, got, hint="give the log of one of the runs"))


def _refuse_side_by_side(table: Table) -> None:
    """Refuse columns of one loss for several runs: `a - train/loss`, `b - train/loss`.

    Raises:
        DataError: There are some.
    """
    runs: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for title in table.names:
        found = loss_title(title)
        if found is not None and found.run:
            runs[found.part, found.kind].append(title)
    several = next((titles for titles in runs.values() if len(titles) > 1), [])
    if several:
        message = f"the file holds {len(several)} runs side by side"
        shown = ", ".join(repr(title) for title in several[:5])
        hint = f"name the column of one: loss={several[0]!r}"
        raise DataError(Problem(message, Location(table.file, 1), got=shown, hint=hint))
