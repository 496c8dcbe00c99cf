"""How the log of another program was read: its form, its columns, what is counted."""

from collections.abc import Iterator

from nndiag.trace import Trace

_MOST = 10  # titles that are listed
_PARTS = {"loss": "loss", "training_loss": "training loss", "validation_loss": "validation loss"}
_UNITS = {"step": "steps", "epoch": "epochs", "row": "rows, as no column counts the steps"}


def reading_words(trace: Trace) -> Iterator[str]:
    """One line on how a log was read, and one for each choice that could have been another."""
    settings = trace.facts.settings
    form = settings.get("read_as")
    if form is None:
        return
    taken = "; ".join(f"{_PARTS[name]}: {title!r}" for title, name in settings["losses"].items())
    yield f"read as {form}; {taken}; counted in {_UNITS[trace.facts.unit]}"
    others = settings["other_losses"]
    if others:
        yield f"other losses in the log: {_listed(others)}; to judge one: loss={others[0]!r}"
    if set(settings["losses"].values()) == {"loss"} and "val" in " ".join(settings["losses"]):
        yield "the log has a validation loss only: it was judged as the loss"
    unused = [title for title in settings["columns_not_used"] if title not in others]
    if unused:
        yield f"columns that were not used: {_listed(unused)}"


def _listed(titles: list[str]) -> str:
    shown = ", ".join(map(repr, titles[:_MOST]))
    return f"{shown}, …" if len(titles) > _MOST else shown
