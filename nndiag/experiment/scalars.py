"""What text without quotes means in a config: YAML 1.2's core schema, not PyYAML's 1.1.

So `1e-3` is a number, and `no`, `on` and `12:30` are text. A whole number with an exponent, such
as `1e4`, counts as an integer.
"""

import re
from collections.abc import Callable

Scalar = str | int | float | bool | None


def resolved_scalar(text: str) -> Scalar:
    """The value of a scalar without quotes."""
    for pattern, value in _RULES:
        if pattern.fullmatch(text):
            return value(text)
    return text


def _whole(text: str) -> int:
    digits, _, exponent = text.lower().partition("e")
    return int(digits) * int(10 ** int(exponent))


def _special(text: str) -> float:
    return float(text.replace(".", ""))


_RULES: tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...] = (
    (re.compile(r"|~|null|Null|NULL"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]{1,100}"), int),
    (re.compile(r"0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?[0-9]{1,20}[eE]\+?[0-9]{1,2}"), _whole),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), _special),
)
