"""`nndiag doctor CONFIG`: what is worth looking at before any training, as a ticked list."""

from nndiag.cli.answer import answer
from nndiag.cli.options import (
    ConfigArgument,
    FailOn,
    FailOnOption,
    HtmlOption,
    JsonOption,
    OverridesArgument,
    QuietOption,
)


def doctor(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    *,
    json: JsonOption = False,
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    html: HtmlOption = None,
) -> None:
    """Check what is worth checking before any training."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.verbs.doctor import doctor as checked  # noqa: PLC0415

    with LiveLine(enabled=not quiet) as line:
        result = checked(config, overrides or (), notice=line.say)
    answer(result, json=json, quiet=quiet, html=html, fail_on=fail_on)
