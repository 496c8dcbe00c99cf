"""Pages of HTML: where `--html` puts them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nndiag.cli.streams import warn
from nndiag.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from nndiag.cli.judging import Judged


def write_page(path: Path, page: str) -> None:
    """Write a page; a place that cannot be written is a warning: the result stands."""
    from nndiag.trace.run_folder import write_file  # noqa: PLC0415

    try:
        write_file(path, page.encode("utf-8", "replace"))
    except RunError as error:
        hint = "free some space, or choose another place with --html FILE"
        problem = replace(error.problems[0], hint=hint)
        warn(f"the page could not be written: {problem}")
    except ValueError as error:  # a name that no file can have
        warn(f"the page could not be written: {error}")


def write_report(
    path: Path, title: str, report: "RenderableType", *, pictures: "Mapping[str, str] | None" = None
) -> None:
    """Write the page of any report.

    Args:
        path: Where.
        title: Its title.
        report: As the terminal shows it.
        pictures: Name → SVG element.
    """
    from nndiag.report.html import page_html  # noqa: PLC0415

    write_page(path, page_html(title, report, pictures=pictures))


def write_run_page(path: Path, judged: "Judged", *, run: str | None) -> None:
    """Write the page of a run, with its pictures."""
    from nndiag.plots.vector import vector_plots  # noqa: PLC0415
    from nndiag.report.next_command import next_command  # noqa: PLC0415
    from nndiag.report.run_page import run_page  # noqa: PLC0415

    diagnosis, trace = judged.diagnosis, judged.trace
    pictures = vector_plots(trace, onset=diagnosis.numbers.get("onset_step"))
    advice = next_command(diagnosis, trace, config=judged.config)
    page = run_page(
        diagnosis, trace, name=judged.name, pictures=pictures, run=run, next_command=advice
    )
    write_page(path, page)
