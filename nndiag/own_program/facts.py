"""What a program's text and values say by themselves, whatever its run does."""

from dataclasses import replace

from nndiag.finding import Cause, Confidence, Diagnosis, Finding, Severity
from nndiag.own_program.mirror import Told
from nndiag.program.text.source import Source


def fact_of(told: Told, source: Source) -> Finding | None:
    """What is wrong with the program before any step; None where nothing is."""
    return _softmax_of_one_unit(told, source)


def with_facts(diagnosis: Diagnosis, told: Told, source: Source) -> Diagnosis:
    """The diagnosis with what is wrong with the program before any step.

    Args:
        diagnosis: What is said about its run.
        told: What was watched of it.
        source: The program.
    """
    found = fact_of(told, source)
    if found is None:
        return diagnosis
    others = tuple(x for x in diagnosis.findings if x.problem != found.problem)
    explained = tuple(x for x in others if x.severity is not Severity.NOTE)
    cause = Cause(found, Confidence.LIKELY, explained)
    return replace(diagnosis, cause=cause, findings=(found, *others))


def _softmax_of_one_unit(told: Told, source: Source) -> Finding | None:
    """A softmax over one output is 1, whatever the network computes."""
    output = told["output"] or {}
    units = [link["units"] for link in told["links"][-1:]]
    if output.get("activation") != "softmax" or units != [1]:
        return None
    call = output.get("call")
    line = output["line"] if call is None else call[0][0]
    return Finding(
        "loss-does-not-fit-output",
        Severity.ERROR,
        f"{source.place(line)}: a softmax over one output is always 1, so the loss does not depend "
        "on the weights: use a sigmoid",
        file=str(source.path),
        line=line,
    )
