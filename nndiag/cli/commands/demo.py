"""`nndiag demo`: a network that does not train, and its fix."""

from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.demo import DemoResult


@command("demo", rank=0, without=("fail_on", "output_format"))
@click.argument(
    "name",
    metavar="[NAME]",
    default="exploding_sine.yaml",
    help="Which one; exploding_sine.yaml if not said.",
)
@click.option("--list", "every", is_flag=True, help="Tell all names.")
@click.option("--write", is_flag=True, help="Write its file into this folder.")
def demo(name: str, *, every: bool, write: bool, line: "LiveLine") -> "DemoResult":
    """Show a network that does not train, and its fix."""
    from nndiag.verbs.demo import demo as shown  # noqa: PLC0415

    return shown(name, write=write, every=every, notice=line.say)
