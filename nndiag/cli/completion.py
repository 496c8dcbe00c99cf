"""What a shell may complete: names; nothing is imported before somebody presses Tab."""


def names(incomplete: str) -> list[tuple[str, str]]:
    """Everything that `nndiag explain` knows, with a line on each."""
    from nndiag.report.catalogue import KINDS, entries_of  # noqa: PLC0415

    entries = (entry for kind in reversed(KINDS) for entry in entries_of(kind))
    return [(x.name, x.summary) for x in entries if x.name.startswith(incomplete)]


def problems(incomplete: str) -> list[tuple[str, str]]:
    """Problems of a run that can be selected or ignored, with a line on each."""
    from nndiag.report.catalogue import entries_of  # noqa: PLC0415

    entries = entries_of("problems")
    return [(x.name, x.summary) for x in entries if x.name.startswith(incomplete)]


def kinds(incomplete: str) -> list[str]:
    """The kinds that `nndiag list` knows."""
    from nndiag.report.catalogue import KINDS  # noqa: PLC0415

    return [kind for kind in KINDS if kind.startswith(incomplete)]
