"""How numbers are written for a person: in findings, checks, reports and pictures."""

from __future__ import annotations

import math
import time

_NO_R_SQUARED = 5e-4  # 0.000 to three decimals


def number(value: float | None, *, digits: int = 3) -> str:
    """A number with a few significant digits: "0.0824", "12,300", "1.2e+30", "inf", "–"."""
    if value is None or math.isnan(value):
        return "–" if value is None else "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    if value == 0 or -4 <= int(exponent) < digits:
        return f"{value:.{digits}g}"
    if digits <= int(exponent) < 6:
        return f"{float(f'{mantissa}e{exponent}'):,.0f}"
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def rough(value: float) -> str:
    """A number whose size is what matters: "0.082", "12,000"."""
    return number(value, digits=2)


def chosen(value: float) -> str:
    """A number that somebody chose, as it was chosen: "0.0125", "1e-5"."""
    return number(value, digits=6)


def times(factor: float) -> str:
    """A factor: "×0.31", "×1.2e6"; "–" where there is none."""
    if math.isnan(factor):
        return "–"
    return f"×{rough(factor)}"


def count(number_of: int, noun: str) -> str:
    """A count with its noun: "1 step", "2,000 steps"."""
    return f"{number_of:,} {noun}" + ("" if number_of == 1 else "s")


def duration(seconds: float) -> str:
    """A time span: "0:07", "12:30", "1:02:03"."""
    whole = math.ceil(seconds) if math.isfinite(seconds) else 0
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def part_of(done: int, total: int, *, seconds: float) -> str:
    """How far something is: "12 of 40, about 0:30 left"; the total may be a guess.

    Args:
        done: How many are done.
        total: How many there are.
        seconds: Time that those took.
    """
    total = max(done, total)
    words = f"{done:,} of {total:,}"
    return (
        words if done == 0 else f"{words}, about {duration(seconds / done * (total - done))} left"
    )


class Pace:
    """Tells how far something is since it began.

    Args:
        total: How many there are.
    """

    def __init__(self, total: int) -> None:
        self._total, self._started = total, time.monotonic()

    def words(self, done: int) -> str:
        """So many are done: "3 of 17, about 0:30 left"."""
        return part_of(done, self._total, seconds=time.monotonic() - self._started)


def percent(share: float) -> str:
    """A share as a percentage: "41 %", "0.0021 %"; "0 %" for what no digit of these would show."""
    if abs(share) < 1e-6:
        return "0 %"
    return f"{rough(100 * share)} %"


def accuracy_words(share: float) -> str:
    """A share of right classes: "82 %"; close to all with a digit more: "99.7 %"."""
    return f"{100 * share:.1f} %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def r_squared_words(r_squared: float) -> str:
    """A R²: "0.84", "0"; close to 1 with the digits that still differ from it: "0.99993"."""
    if abs(r_squared) < _NO_R_SQUARED:
        return "0"
    digits = 3
    while digits < 9 and r_squared < 1 and float(f"{r_squared:.{digits}g}") == 1:
        digits += 1
    return number(r_squared, digits=digits)
