"""The live line while a network trains."""

from nndiag.formatting import duration, number


def progress_line(*, step: int, total: int, loss: float, seconds: float, width: int) -> str:
    """Step, loss, rate and remaining time, no longer than the terminal is wide.

    Args:
        step: Steps taken.
        total: Steps asked for.
        loss: The last loss.
        seconds: Time since the first step.
        width: Columns of the terminal.
    """
    rate = step / seconds if seconds > 0 else 0.0
    left = duration((total - step) / rate) if rate > 0 else "–"
    parts = [
        f"step {step:,}/{total:,}",
        f"loss {number(loss)}",
        f"{_rate_words(rate)} steps/s",
        f"{left} left",
    ]
    while len(parts) > 1 and len("  ".join(parts)) >= width:
        parts.pop()
    line = "  ".join(parts)
    free = width - len(line) - 5
    if free >= 8 and parts[-1].endswith("left"):
        cells = min(free, 24)
        done = round(cells * min(step / max(total, 1), 1))
        line = f"{'━' * done}{'╌' * (cells - done)}  {line}"
    return line[: max(width - 1, 0)]


def _rate_words(rate: float) -> str:
    return f"{rate / 1000:,.0f}k" if rate >= 10_000 else f"{rate:,.0f}"
