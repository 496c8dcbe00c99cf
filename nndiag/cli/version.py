"""`nndiag --version`."""

import platform

import click

from nndiag import __version__
from nndiag.cli.streams import emit_text

RUNS_ON = ("numpy", "pydantic", "pyyaml", "click", "rich", "matplotlib")


def show_version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    """Print the versions of nndiag and of what it runs on, and end."""
    if not asked:
        return
    lines = [f"nndiag {__version__}", f"python {platform.python_version()}"]
    lines += [f"{package} {_version(package)}" for package in RUNS_ON]
    emit_text("\n".join(lines) + "\n")
    context.exit()


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
