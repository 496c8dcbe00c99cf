"""Which changes of a program are tried together."""

from collections.abc import Iterator, Sequence

from nndiag.own_program.setting_edit import SettingEdit


def combinations(edits: Sequence[SettingEdit]) -> Iterator[tuple[SettingEdit, ...]]:
    """None (the rate alone), each alone, what belongs to the data together, then all.

    Another optimizer comes last: alone, and with all the rest.
    """
    last = tuple(x for x in edits if x.name == "optimizer")
    edits = [x for x in edits if x not in last]
    yield ()
    for edit in edits:
        yield (edit,)
    data = tuple(x for x in edits if x.name in {"inputs", "targets"})
    if len(data) > 1:
        yield data
    start = tuple(x for x in edits if x.name == "starting weights")
    for first in data:
        if start:
            yield (first, *start)
    if len(edits) > len(data) + len(start) or (len(data) > 1 and start) or len(edits) > 2:
        yield tuple(edits)
    if last:
        yield last
        yield (*(data or edits), *last)
