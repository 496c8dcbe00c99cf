"""Python 2 read as Python 3, line by line, so that old programs are checked as they stand.

Translated are `print` and `raise` statements, `except E, e`, `<>`, long integers, tabs as wide as
eight blanks, `iteritems` and its like, and `/` where only a whole number fits: in indices and in
`range`. Elsewhere `/` is the division of Python 3; a program that relies on `1 / 2 == 0` is
therefore read with the fraction that it most likely meant.
"""

from __future__ import annotations

import functools
import io
import itertools
import re
import tokenize
from collections.abc import Iterator
from typing import Any

_Token = tokenize.TokenInfo
_Splice = tuple[tuple[int, int], tuple[int, int], str]
_BLANK = {tokenize.NL, tokenize.COMMENT}
_STARTS = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
_METHODS = re.compile(r"\.(?:iter|view)(items|keys|values)\b")


def translated(text: str) -> str | None:
    """The program in Python 3, line for line; None where it cannot even be split into words.

    Args:
        text: A program that Python 3 refuses.
    """
    widened = "".join(_widened(line) for line in text.splitlines(keepends=True))
    try:
        tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(widened).readline)
            if token.type not in _BLANK
        ]
    except (tokenize.TokenError, SyntaxError):
        return None
    splices = [*_statements(tokens), *_words(tokens)]
    return _METHODS.sub(r".\1", _spliced(widened, splices))


def builtins_of_python_2() -> dict[str, Any]:
    """The builtins that give lists in Python 2, and those that Python 3 has dropped."""
    return {
        "range": lambda *limits: list(range(*limits)),
        "zip": lambda *parts: list(zip(*parts)),
        "map": _listed_map,
        "filter": lambda keep, items: list(filter(keep, items)),
        "reduce": functools.reduce,
        "xrange": range,
        "long": int,
        "unicode": str,
        "basestring": str,
        "unichr": chr,
    }


def _listed_map(function: Any, *parts: Any) -> list[Any]:
    if function is None:
        return list(itertools.zip_longest(*parts))
    return list(map(function, *parts))


def _widened(line: str) -> str:
    """A line whose leading tabs are blanks."""
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].expandtabs(8) + body


def _statements(tokens: list[_Token]) -> Iterator[_Splice]:
    """What changes in `print`, `raise` and `except` statements."""
    for number, token in enumerate(tokens):
        if token.type != tokenize.NAME or not _begins(tokens, number):
            continue
        body = _rest(tokens, number)
        if token.string == "print":
            yield from _print(token, body)
        elif token.string in {"raise", "except"}:
            yield from _comma(token, body)


def _begins(tokens: list[_Token], number: int) -> bool:
    """Whether a statement begins at a word."""
    if number == 0:
        return True
    before = tokens[number - 1]
    return before.type in _STARTS or before.string in {";", ":"}


def _rest(tokens: list[_Token], number: int) -> list[_Token]:
    """The words of a statement behind its first one."""
    depth = 0
    found: list[_Token] = []
    for token in tokens[number + 1 :]:
        ends = token.string == ";" or token.type in {tokenize.NEWLINE, tokenize.ENDMARKER}
        if ends and depth == 0:
            break
        depth += (token.string in {"(", "[", "{"}) - (token.string in {")", "]", "}"})
        found.append(token)
    return found


def _print(word: _Token, body: list[_Token]) -> Iterator[_Splice]:
    if not body:
        yield word.end, word.end, "()"
        return
    if body[0].string in {"=", ".", ",", ")"} or _in_brackets(body):
        return
    ending = ""
    first, last = body[0].start, body[-1].end
    if body[0].string == ">>":
        commas = _commas(body)
        stream = body[1 : commas[0]] if commas else body[1:]
        ending = f", file={' '.join(item.string for item in stream)}"
        first = body[commas[0] + 1].start if commas and commas[0] + 1 < len(body) else last
    if body[-1].string == ",":
        last = body[-1].start
        ending += ", end=' '"
    yield word.end, first, "("
    yield last, body[-1].end, f"{ending})"


def _in_brackets(body: list[_Token]) -> bool:
    """Whether one pair of brackets holds all."""
    depth = 0
    for number, token in enumerate(body):
        depth += (token.string in {"(", "[", "{"}) - (token.string in {")", "]", "}"})
        if depth == 0:
            return token.string == ")" and number == len(body) - 1
    return False


def _commas(body: list[_Token]) -> list[int]:
    """Positions of the commas outside of brackets."""
    depth = 0
    found = []
    for number, token in enumerate(body):
        depth += (token.string in {"(", "[", "{"}) - (token.string in {")", "]", "}"})
        if token.string == "," and depth == 0:
            found.append(number)
    return found


def _comma(word: _Token, body: list[_Token]) -> Iterator[_Splice]:
    """`except E, e` and `raise E, message`."""
    commas = _commas(body)
    if not commas:
        return
    comma = body[commas[0]]
    if word.string == "except":
        yield comma.start, comma.end, " as"
    else:
        yield comma.start, body[commas[0] + 1].start, "("
        yield body[-1].end, body[-1].end, ")"


def _words(tokens: list[_Token]) -> Iterator[_Splice]:
    """What changes inside statements: `<>`, long integers, division of whole numbers."""
    holders: list[str] = []
    for number, token in enumerate(tokens):
        before = tokens[number - 1].string if number else ""
        if token.string in {"(", "[", "{"}:
            index = token.string == "[" and (before in {")", "]"} or before.isidentifier())
            holders.append("whole" if index or before in {"range", "xrange"} else "")
        elif token.string in {")", "]", "}"} and holders:
            holders.pop()
        elif token.string == "/" and holders and holders[-1] == "whole":
            yield token.start, token.end, "//"
        elif number == 0 or tokens[number - 1].end != token.start:
            continue
        elif (before, token.string) == ("<", ">"):
            yield tokens[number - 1].start, token.end, "!="
        elif token.string in {"L", "l"} and before.isdigit():
            yield token.start, token.end, ""


def _spliced(text: str, splices: list[_Splice]) -> str:
    lines = text.splitlines(keepends=True)
    for start, end, new in sorted(splices, reverse=True):
        if start[0] == end[0]:
            line = lines[start[0] - 1]
            lines[start[0] - 1] = line[: start[1]] + new + line[end[1] :]
    return "".join(lines)
