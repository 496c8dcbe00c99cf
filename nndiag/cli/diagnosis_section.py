"""The `diagnosis:` section of a config, held against the detectors that there are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nndiag.detectors import DETECTORS, checked_thresholds
from nndiag.errors import ConfigError, NndiagError, Problem
from nndiag.experiment import Experiment


def check_diagnosis_section(experiment: Experiment) -> None:
    """Refuses thresholds and names of problems that do not exist.

    Raises:
        ConfigError: All of them, each at its line.
    """
    section = experiment.config.diagnosis
    problems: list[Problem] = []

    def check(call: Callable[[Any], object], argument: Any, *path: str | int) -> bool:
        try:
            call(argument)
        except NndiagError as error:
            place = experiment.location("diagnosis", *path)
            problems.extend(replace(problem, location=place) for problem in error.problems)
            return False
        return True

    for problem, values in section.thresholds.items():
        if check(checked_thresholds, {problem: {}}, "thresholds", problem):
            for name, value in values.items():
                check(checked_thresholds, {problem: {name: value}}, "thresholds", problem, name)
    for index, problem in enumerate(section.ignore):
        check(DETECTORS.get, problem, "ignore", index)
    if problems:
        raise ConfigError(problems)
