"""Asserts that a program trains, for tests of a course or a library."""

from pathlib import Path

from nndiag.finding import Severity


def assert_trains(
    program: str | Path, *, within: int | None = None, seconds: float | None = None
) -> None:
    """Raise an AssertionError if a program's gradient is wrong or its training fails.

    Args:
        program: `"net.py"`, `"net.py:Class"`, `"net.ipynb"`, or a config. It is run in a process
            of its own.
        within: Steps after which it is stopped and judged; its own end by default.
        seconds: Time after which its training is stopped.

    Raises:
        AssertionError: With the report.
        NndiagError: The program cannot be run.
    """
    __tracebackhide__ = True
    from nndiag.verbs.train import train  # noqa: PLC0415 (only what is needed)

    result = train(str(program), steps=within, seconds=seconds)
    check = getattr(result, "check", None)
    if result.gravest() is Severity.ERROR or (check is not None and not check.correct):
        raise AssertionError(f"{program} does not train\n{result}")
