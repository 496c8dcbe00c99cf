"""Tables in lines of text: what programs print while they train.

    Epoch 3/10 - loss: 0.53 - val_loss: 0.61        step 100 loss=0.5        [12] train-rmse:0.4

A number belongs to the words before it. Words for a place in the run (epoch, step, iteration) hold
for the lines below, too. Of a line that was written over and over, the last state counts; where a
file is one such line, each of its states does.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nndiag.tables.forms import form
from nndiag.tables.json_tables import list_table
from nndiag.tables.table import MOST_COLUMNS, Table

_ARRAY = re.compile(r"\s*(?:\w+\()?\[(?:[-+\d.eE,\s]|nan|inf)+\]\)?\s*")
_UPDATE = re.compile(r"\r|\x08+")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_STAMPS = re.compile(
    r"^[IWEF]\d{4} \S+ +\d+ \S+\] "  # of Google's logging
    r"|\b\d{1,2}/\d{1,2}(/\d{2,4})?,? (?=\d{1,2}:\d\d)"
    r"|\d{4}-\d\d-\d\d[T ]?|\d{1,2}:\d\d(:\d\d)?([.,]\d+)?(?!\d)|\[[=>.\s#~-]{4,}\]|[█▏▎▍▌▋▊▉━╸╺]+"
)
_NUMBER = re.compile(
    r"(?<![\w.#])(?P<number>[-+]?(\d{1,3}(,\d{3})+(?![\d,])|\d*\.?\d+([eE][-+]?\d+)?|(nan|inf)\b))"
    r"(?P<of>/\s*\d+(?!\w*\.))?(?P<unit>\s?%|[A-Za-z/]\S*)?",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[,|;\t()\[\]{}]|\s[-–—]\s|\s{2,}")
_AFTER = re.compile(r"\s+(avg loss|avg|loss|rate|lr)\b(?!\s*[:=])", re.IGNORECASE)
_POINT = re.compile(r"\d\.\d")
_COMMA = re.compile(r"(?<![\d,])(\d+),(\d+)(?![\d,])")
_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}")
_PLACES = {
    "epoch": re.compile(r"\b(epochs?|ep)$", re.IGNORECASE),
    "step": re.compile(
        r"\b((global|num|total)[ _])?(steps?|iters?|iterations?|it|updates?|batch)$", re.IGNORECASE
    ),
}
_PARTS = re.compile(
    r"\b(train|training|val|valid|validation|eval|evaluation|test|testing|dev)\b", re.I
)
_OF_PLACE = re.compile(
    r"^(.*?\w)\s+(?:(?:after|at|in|for|on)\s+)?(?:the\s+)?\w+$"
)  # Cost after step 3
"""Words before those of a place: "Cost after iteration 3: 0.5"."""
_COUNTED = re.compile(r"\s+([A-Za-z]+)\b\s*(?=[:,;|]|-+>?\s|\s[A-Za-z]|$)")
_COUNTING = re.compile(r"^(?:(.*?\w)\s+)?(?:after|at|in|for)$", re.IGNORECASE)
"""What stands around a number of places: "Error after 300 iterations: 0.5"."""
_REPEATS = re.compile(r"\bbest\b.*:\s*$", re.IGNORECASE)  # the next line says again what was said
_LIST = re.compile(r"(\w[\w ./]*?)\W*[=:]\s*(?:\w+\()?\[([-+\d.eE,\s]|nan|inf)+\]")
_MOST_WORDS = 6  # of a title; more are a sentence
_LONGEST = 20_000  # characters of a line that was printed
_EDGES = " :='\"-*<>~#"


@dataclass
class _Reading:
    """What was read until now.

    Attributes:
        titles: Title → its column's number.
        rows: Column → value, for each row.
        lines: Line of each row.
        places: The place in the run that was named last.
        part: Word for the examples that the lines below tell of.
        filled: Titles that have a value at this place.
        fractions: Words that had a fraction once, and count no steps.
    """

    titles: dict[str, int] = field(default_factory=dict)
    rows: list[dict[str, float]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    places: dict[str, float] = field(default_factory=dict)
    part: str = ""
    filled: set[str] = field(default_factory=set)
    fractions: set[str] = field(default_factory=set)


@form
def array_table(text: str, file: str) -> Table | None:
    """The numbers of one array as numpy prints it, `[2.1 1.9]`, in a column without a name."""
    if _ARRAY.fullmatch(text) is None:
        return None
    return list_table({"column1": _numbers(text)}, file, "an array that was printed")


def line_table(text: str, file: str) -> Table:
    """The numbers in lines of text, by the words before them; `epoch` and `step` where named."""
    text = _with_points(text)
    found = _LIST.finditer(text) if "[" in text else ()
    lists = {match[1]: _numbers(match[0]) for match in found}
    if max(map(len, lists.values()), default=0) > 1:
        return list_table(lists, file, "lists of numbers")
    numbered = list(enumerate(text.split("\n"), 1))
    reading = _read_all(numbered)
    if len(reading.rows) < 2 and _UPDATE.search(text):
        reading = _read_all((number, one) for number, x in numbered for one in _UPDATE.split(x))
    titles = ["epoch", "step", *list(reading.titles)[: MOST_COLUMNS - 2]]
    columns = [[row.get(title) for row in reading.rows] for title in titles]
    return Table(file, "lines of text", titles, reading.lines, cells=lambda: columns)


def _with_points(text: str) -> str:
    """The text with points for decimal commas: no number has a point, and some commas stand where
    none would be between thousands.
    """
    if _POINT.search(text) or all(_THOUSANDS.fullmatch(x[0]) for x in _COMMA.finditer(text)):
        return text
    return _COMMA.sub(r"\1.\2", text)


def _read_all(lines: Iterable[tuple[int, str]]) -> _Reading:
    """What stands in lines with their numbers."""
    reading = _Reading()
    repeated = False
    for number, line in lines:
        if not line or repeated or len(line) > _LONGEST:
            repeated = repeated and not line
            continue
        repeated = _REPEATS.search(line) is not None
        _read(reading, _shown(line), number)
    return reading


def _numbers(text: str) -> list[float]:
    """The numbers in the last brackets of a text."""
    inside = text[text.rindex("[") + 1 : text.rindex("]")]
    return [float(word) for word in re.split(r"[,\s]+", inside) if word]


def _shown(line: str) -> str:
    """What a terminal shows of a line in the end, without bars and times."""
    updates = _UPDATE.split(line)
    last = next((update for update in reversed(updates) if update.strip()), "")
    return _STAMPS.sub(" ", _ESCAPES.sub("", last))


def _read(reading: _Reading, line: str, number: int) -> None:
    """Take the numbers of one line."""
    only = _PARTS.fullmatch(line.strip(f"{_EDGES}.=[]"))
    if only is not None:
        reading.part = only[0].lower()
        return
    own: dict[str, float] = {}
    values: dict[str, float] = {}
    for title, value, is_place in _named_numbers(line, reading.part, reading.fractions):
        (own if is_place else values).setdefault(title, value)
    if own:
        if own.get("epoch", reading.places.get("epoch")) != reading.places.get("epoch"):
            reading.places.pop("step", None)
        if own.items() - reading.places.items():
            reading.filled, reading.part = set(), ""
        reading.places |= own
    if not values:
        return
    again = not own and reading.filled >= values.keys()
    reading.filled |= values.keys()
    reading.titles |= dict.fromkeys(values, 0)
    reading.rows.append(values if again else {**reading.places, **values})
    reading.lines.append(number)


def _named_numbers(line: str, part: str, fractions: set[str]) -> Iterator[tuple[str, float, bool]]:
    """Title and value of each number with words before it, and whether it is a place in the run."""
    end, of_place = 0, ""
    places: set[str] = set()
    for match in _NUMBER.finditer(line):
        before, end = line[end : match.start()], match.end()
        words = _SEPARATORS.split(before.rstrip(f"{_EDGES},|([{{\t"))[-1].strip(_EDGES)
        value = float(match["number"].replace(",", ""))
        unit = (match["unit"] or "").strip()
        place = next((name for name, kind in _PLACES.items() if kind.search(words)), None)
        counted = _counted(line, match, words)
        if place is None and counted is not None:
            place, end, of_place = counted
            if place not in places:
                yield place, value, True
            places.add(place)
            continue
        if place is None and not words and (match["of"] or _begins(line, match)):
            place = _unnamed_place(match, places)
        if place == "step" and not value.is_integer():
            fractions.add(words)
        if place == "step" and words in fractions:
            continue
        said = _PARTS.search(words if place is None else before)
        if place is not None:
            told = _OF_PLACE.match(words)
            of_place = told[1] if told is not None and _PARTS.fullmatch(told[1]) is None else ""
            whole = match["of"] is not None and value == float(match["of"].strip("/ "))
            if not unit and place not in places and not (whole and place == "step"):
                yield place, value, True
            places.add(place)
            part = said[0].lower() if said else part
            continue
        after = _AFTER.match(line, end) if before.strip() in ("", ",", ":") else None
        words = words or (after[1] if after is not None else of_place)
        of_place = ""
        if (
            not words[:1].isalpha()
            or len(words.split()) > _MOST_WORDS
            or (unit and unit != "%")
            or match["of"]
        ):
            part = said[0].lower() if said and len(words.split()) < _MOST_WORDS else part
            continue
        yield f"{part} {words}" if part and said is None else words, value, False


def _counted(line: str, match: re.Match[str], words: str) -> tuple[str, int, str] | None:
    """Of a number of places: which, where its words end, and what is told of it; else None."""
    after, before = _COUNTED.match(line, match.end()), _COUNTING.match(words)
    whole = match["number"].replace(",", "").isdigit()
    if after is None or not whole or not (before or not words):
        return None
    place = next((name for name, kind in _PLACES.items() if kind.search(after[1])), None)
    return None if place is None else (place, after.end(), (before and before[1]) or "")


def _begins(line: str, match: re.Match[str]) -> bool:
    """Whether a number is the first thing in a line and stands apart: `[12] …`, `12: …`."""
    around = line[: match.start()].strip() + line[match.end() : match.end() + 1]
    return around in ("[]", ":") and match["number"].isdigit()


def _unnamed_place(match: re.Match[str], places: set[str]) -> str:
    """`[3/25][100/938]` is an epoch and a step, one alone a step."""
    followed = re.match(r"\]?\s*\[\d+/", match.string[match.end() :]) is not None
    return "epoch" if followed and not places else "step"
