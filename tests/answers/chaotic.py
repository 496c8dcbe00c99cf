"""Answers that hang on the last bit or on the clock: left out, each with the reason."""

from fnmatch import fnmatchcase
from typing import Any

TIMED = "the steps of a program's sweep are what ten seconds allow"
PROVED = "so are the iterations in which a program and the mended one are compared"

WORST = "which entry of a right gradient differs most, and at which point, is rounding error"

CHAOTIC = {
    "configs/*:gradcheck.answer.*.worst": WORST,
    "configs/*:gradcheck.answer.tensors.*.point": WORST,
    "configs/*:fix.answer.reference.start": "which of several starts that end alike ended best",
    **{
        f"programs/*:sweep-lr.answer.{key}": TIMED
        for key in (
            "steps",
            "total_steps",
            "runs",
            "rates",
            "band",
            "divergence_threshold",
            "failure.*",
            "learning_rate.speed_up_of_recommended",
        )
    },
    **{
        f"programs/*:gradcheck.answer.{key}": PROVED
        for key in (
            "matters.iterations",
            "matters.program",
            "matters.right",
            "trajectory.iterations",
            "trajectory.start",
            "trajectory.end",
        )
    },
}
"""Patterns of "subject:place", and why what stands there differs from run to run, or elsewhere."""


def without_chaos(name: str, answers: dict[str, Any]) -> dict[str, Any]:
    """The answers of a subject without what is known to differ."""
    patterns = [pattern.partition(":") for pattern in CHAOTIC]
    places = [place for subject, _, place in patterns if fnmatchcase(name, subject)]
    left: dict[str, Any] = _left(answers, places, "")
    return left


def _left(value: Any, places: list[str], place: str) -> Any:
    """A document without what stands at the places."""
    if isinstance(value, list):
        return [_left(item, places, f"{place}.{index}") for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    inner = {key: f"{place}.{key}".lstrip(".") for key in value}
    return {
        key: _left(item, places, inner[key])
        for key, item in value.items()
        if not any(fnmatchcase(inner[key], pattern) for pattern in places)
    }
