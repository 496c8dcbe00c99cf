"""Statements before a training that scale its inputs or targets, undone behind it if possible."""

import numpy as np

from nndiag.own_program.absorbing import absorbed
from nndiag.own_program.mirror import Told
from nndiag.own_program.places import Places
from nndiag.own_program.setting_edit import SettingEdit


class Rescaling:
    """Writes such statements.

    Args:
        places: Finds places in the program.
        told: What was watched of it.
    """

    def __init__(self, places: Places, told: Told) -> None:
        self._places, self._told = places, told

    def usable(self, place: int) -> tuple[str, str] | None:
        """What the inputs (0) or targets (1) are called where the loop stands, and their axis."""
        inside = self._places.function() is not None
        names = self._told["named"][place]
        usable = [x for x in names if x[1] == inside or not x[0].isidentifier()]
        return (usable[0][0], usable[0][2]) if usable else None

    def before_loop(
        self, place: int, statement: str, *, name: str, says: str
    ) -> SettingEdit | None:
        """A statement before the training."""
        loop, known = self._places.outer_loop(), self.usable(place)
        if loop is None or known is None:
            return None
        splice = self._places.before(loop, [statement.format(known[0])])
        return SettingEdit(name, says, loop.lineno, (splice,))

    def rescaled(self, name: str, place: int, *, undone: bool) -> SettingEdit | None:
        """Data standardized before the training, and both data and network put back behind it."""
        loop, known = self._places.outer_loop(), self.usable(place)
        if loop is None or known is None:
            return None
        label, axis = known
        stem = label.replace(".", "_") if label.replace(".", "_").isidentifier() else name
        mean, std = f"{stem}_mean", f"{stem}_std"
        says = "standardized"
        back = undone and absorbed(self._told, self._places, place, names=(mean, std))
        measured = [f"{mean}, {std} = {label}.mean({axis}), {label}.std({axis}) + 1e-12"]
        if self._has_column_of_ones(place):  # it stays as it is
            measured = [
                f"{std} = {label}.std({axis})",
                f"{mean}, {std} = {label}.mean({axis}) * ({std} > 0), {std} + ({std} == 0)",
            ]
        elif not back:
            scaled = f"{label} = ({label} - {label}.mean({axis})) / ({label}.std({axis}) + 1e-12)"
            return SettingEdit(name, says, loop.lineno, (self._places.before(loop, [scaled]),))
        splices = [self._places.before(loop, [*measured, f"{label} = ({label} - {mean}) / {std}"])]
        if back:
            undoing = [*back, f"{label} = {label} * {std} + {mean}"]
            splices.append(self._places.behind(loop, undoing))
        return SettingEdit(name, says, loop.lineno, tuple(splices))

    def _has_column_of_ones(self, place: int) -> bool:
        """Whether the data have a column that stands in for biases."""
        if self._told["data"] is None:
            return False
        columns = np.asarray(self._told["data"][place], dtype=np.float64)
        columns = columns.reshape(len(columns), -1)
        return bool(((np.ptp(columns, axis=0) == 0) & (columns[0] != 0)).any())
