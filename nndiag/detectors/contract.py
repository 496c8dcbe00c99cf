"""What a detector is: a pure function of a trace, with its needs and its thresholds declared."""

import functools
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Annotated, Any, TypeAlias, get_args, get_origin

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from nndiag.errors import ConfigError, Problem, UnknownNameError
from nndiag.finding import Finding, Outcome, Skipped
from nndiag.registry import Option, Registry, suggestion
from nndiag.trace import Trace

Findings: TypeAlias = list[Finding] | Skipped
Detector: TypeAlias = Callable[..., Findings]
Thresholds: TypeAlias = Mapping[str, Mapping[str, float]]

DETECTORS: Registry[Detector] = Registry("problem", package="nndiag.detectors")


class Stage(IntEnum):
    """Where in a run's life a problem begins: what comes first is the cause of what comes later."""

    TASK = auto()
    """Loss, output layer, inputs and targets do not belong together."""
    MODEL = auto()
    """The network cannot compute what is wanted, whatever its weights."""
    DATA = auto()
    """What the examples say, and in which order they come."""
    SCALE = auto()
    """The size of inputs and targets."""
    START = auto()
    """The parameters before the first step."""
    RULE = auto()
    """How a step is made from the gradients."""
    PACE = auto()
    """Steps too small to arrive. They come before those too large at first: they are in force."""
    RATE = auto()
    """Steps beyond what is stable, computed from the curvature."""
    CAPACITY = auto()
    """What the reference fit shows: no optimizer gets this network further."""
    OVERFLOW = auto()
    """The first symptom: numbers that are none."""
    GROWTH = auto()
    """Loss or gradients run away."""
    SWINGS = auto()
    """The loss goes up and down."""
    UNITS = auto()
    """Units no longer pass anything on."""
    SIGNAL = auto()
    """Gradients do not reach every layer."""
    LENGTH = auto()
    """The way to the minimum is not gone."""
    REST = auto()
    """The run rests at a place that is no good minimum."""
    HELD_OUT = auto()
    """Training succeeded and other examples did not profit."""
    OUTCOME = auto()
    """How it ended in other words: never a cause."""

    @property
    def of_a_step(self) -> bool:
        """Whether it is about the steps: their rule, or computed before the first one."""
        return Stage.RULE <= self <= Stage.RATE

    @property
    def is_symptom(self) -> bool:
        """Whether it is seen while training only."""
        return self >= Stage.OVERFLOW

    @property
    def keeps_from_moving(self) -> bool:
        """Whether a run with it moves too little, or in vain."""
        return self.of_a_step or Stage.SIGNAL <= self <= Stage.REST

    def and_earlier(self) -> tuple["Stage", ...]:
        """All stages up to this one."""
        return tuple(stage for stage in Stage if stage <= self)


@dataclass(frozen=True)
class Declared:
    """What a detector says about its problem and others.

    Attributes:
        stage: Where in a run's life it begins.
        explained_by: The problems, or stages of problems, that can bring it about.
        outcome: The outcome that consists of it.
        by_exclusion: Whether it is said only where nothing else explains what it sees.
        follows: Symptoms that it comes after, where it begins later than they do.
        headline: What a report is headed with where it is the cause.
    """

    stage: Stage
    explained_by: frozenset[str | Stage]
    outcome: Outcome | None
    by_exclusion: bool
    follows: frozenset[str]
    headline: str


SECTIONS = (
    "What it sees",
    "Why it matters",
    "Fires when",
    "Silent when",
    "Thresholds",
    "Fixes",
    "Source",
)
"""The sections of a detector's page, in this order, each a line of its own in the docstring."""

_DECLARED: dict[str, Declared] = {}

_BOUNDS: dict[type, tuple[str, str, Callable[[Any, Any], bool]]] = {
    Gt: ("gt", "above", operator.gt),
    Ge: ("ge", "at least", operator.ge),
    Lt: ("lt", "below", operator.lt),
    Le: ("le", "at most", operator.le),
}


def detector(
    problem: str,
    *,
    stage: Stage,
    explained_by: Sequence[str | Stage] = (),
    outcome: Outcome | None = None,
    by_exclusion: bool = False,
    follows: Sequence[str] = (),
    headline: str | None = None,
    series: Sequence[str] = (),
    facts: Sequence[str] = (),
    ending: Sequence[str] = (),
) -> Callable[[Detector], Detector]:
    """Decorator that makes a function the detector of `problem`.

    Args:
        problem: Name of the problem, hyphenated; the module's name with hyphens.
        stage: See `Declared`, as for the next five.
        explained_by: Problems, or whole stages, that can bring it about.
        outcome: The outcome that consists of it.
        by_exclusion: Whether it is said only where nothing else explains what it sees.
        follows: Symptoms that it comes after, where it begins later than they do.
        headline: What a report is headed with where it is the cause; by default the name.
        series: Series without which it cannot judge.
        facts: Attributes of `Facts` without which it cannot judge.
        ending: Attributes of `Ending` without which it cannot judge.

    Returns:
        A decorator; the decorated function returns `Skipped` where one of the needs is missing.
    """

    def decorate(function: Detector) -> Detector:
        @functools.wraps(function)
        def judged(trace: Trace, **thresholds: float) -> Findings:
            missing = _missing(trace, series=series, facts=facts, ending=ending)
            if missing is not None:
                return Skipped(problem, missing)
            with np.errstate(all="ignore"):  # overflow in a broken run is a finding, no warning
                return function(trace, **thresholds)

        _DECLARED[problem] = Declared(
            stage,
            frozenset(explained_by),
            outcome,
            by_exclusion,
            frozenset(follows),
            headline or problem.replace("-", " "),
        )
        return DETECTORS.register(problem)(judged)

    return decorate


def declared(problem: str) -> Declared:
    """What the detector of `problem` says about it and others.

    Raises:
        UnknownNameError: There is no such problem; the message suggests one.
    """
    DETECTORS.get(problem)
    return _DECLARED[problem]


def run(problem: str, trace: Trace, *, thresholds: Mapping[str, float] | None = None) -> Findings:
    """What the detector of `problem` says about a run, with some thresholds changed."""
    return DETECTORS.get(problem)(trace, **(thresholds or {}))


def page(problem: str) -> str:
    """The page that explains a problem: the docstring of its detector's module."""
    module = inspect.getmodule(inspect.unwrap(DETECTORS.get(problem)))
    return inspect.getdoc(module) or ""


def checked_thresholds(thresholds: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The thresholds, if each exists and lies within its bounds.

    Args:
        thresholds: Problem → threshold → value, as in the config's `diagnosis.thresholds`.

    Raises:
        ConfigError: Some problem or threshold does not exist or a value is out of bounds; tells
            all of them.
    """
    problems: list[Problem] = []
    checked: dict[str, dict[str, float]] = {}
    for problem, values in thresholds.items():
        try:
            options = DETECTORS.options(problem)
        except UnknownNameError as error:
            problems.extend(error.problems)
            continue
        if not isinstance(values, Mapping):
            problems.append(_wrong(f"thresholds.{problem}", values, "threshold: value"))
            continue
        problems.extend(_problems_of(problem, values, options=options))
        checked[problem] = {
            name: _number(value, options.get(name)) for name, value in values.items()
        }
    if problems:
        raise ConfigError(problems)
    return checked


def _problems_of(
    problem: str, values: Mapping[str, Any], *, options: Mapping[str, Option]
) -> list[Problem]:
    """What is wrong with the thresholds of one detector."""
    problems = []
    for name, value in values.items():
        if name not in options:
            hint = suggestion(str(name), options)
            message = f"{problem!r} has no threshold {name!r}"
            problems.append(Problem(message, allowed=", ".join(options), hint=hint))
            continue
        allowed = _broken_bound(value, options[name].annotation)
        if allowed is not None:
            problems.append(_wrong(f"thresholds.{problem}.{name}", value, allowed))
    return problems


def _broken_bound(value: object, annotation: Any) -> str | None:
    """What a threshold has to be, where `value` is not that."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "a number"
    if _is_whole(annotation) and value != int(value):
        return "a whole number"
    for bound in getattr(annotation, "__metadata__", ()):
        attribute, word, holds = _BOUNDS[type(bound)]
        if not holds(value, getattr(bound, attribute)):
            return f"a number {word} {getattr(bound, attribute)}"
    return None


def _is_whole(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated and get_args(annotation)[0] is int


def _number(value: Any, option: Option | None) -> Any:
    """A threshold as its detector takes it: the config knows only floats."""
    whole = option is not None and _is_whole(option.annotation)
    return int(value) if whole and value == value // 1 else value


def _wrong(key: str, value: object, allowed: str) -> Problem:
    return Problem(f"{key} cannot be used", got=repr(value), allowed=allowed)


def _missing(
    trace: Trace, *, series: Sequence[str], facts: Sequence[str], ending: Sequence[str]
) -> str | None:
    """Why a detector cannot judge this trace; None where it can."""
    for name in series:
        if name not in trace.series or len(trace.series[name].steps) == 0:
            return f"the trace has no {_words(name)}"
    for name in facts:
        value = getattr(trace.facts, name)
        if value is None or (isinstance(value, tuple) and not value):
            return f"the trace has no {_words(name)}"
    if ending and trace.ending is None:
        return f"the run was cut off, and no {_words(ending[0])} at the end are known"
    for name in ending:
        if getattr(trace.ending, name) is None:
            return f"the trace has no {_words(name)} at the end"
    return None


def _words(name: str) -> str:
    return name.replace("_", " ")
