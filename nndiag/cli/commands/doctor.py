"""`nndiag doctor CONFIG|PROGRAM`: what to look at before any training, as a ticked list."""

from typing import TYPE_CHECKING

from nndiag.cli.command import command
from nndiag.cli.options import overrides_argument, python_option, trained_argument

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.doctor import CheckupResult


@command("doctor", rank=9)
@trained_argument
@overrides_argument
@python_option
def doctor(
    config: str, overrides: tuple[str, ...], *, python: str | None, line: "LiveLine"
) -> "CheckupResult":
    """Check what is worth checking before any training."""
    from nndiag.verbs.doctor import doctor as looked_over  # noqa: PLC0415

    return looked_over(config, overrides, python=python, notice=line.say)
