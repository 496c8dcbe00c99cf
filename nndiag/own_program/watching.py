"""A program watched while it trains, in a child of its own."""

from collections.abc import Callable, Mapping
from typing import Any

from nndiag.errors import UserCodeError
from nndiag.own_program.mirror import Told
from nndiag.program import CodeSettings
from nndiag.program.child.plain import as_plain
from nndiag.program.child.process import Child, ChildFailedError

_BESIDE = 60.0  # seconds for all that is not the training itself
_LAST = 10.0  # seconds for what was watched until Ctrl-C
_ENDLESS = 1e9


def watched(
    settings: CodeSettings,
    *,
    python: str | None = None,
    tell: Callable[[str], None] | None = None,
    seconds: float | None = None,
    **more: Any,
) -> Told:
    """What is seen of one training of a program, in a child of its own.

    Args:
        settings: Which program.
        python: The Python that runs it.
        tell: Told how far it is.
        seconds: Time after which its training is stopped.
        more: What else `program.running.task.watch` is asked for.

    Raises:
        UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
        KeyboardInterrupt: Ctrl-C before its first step; later it ends the run, and what was
            watched until then is given.
    """

    def hear(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "step" and tell is not None:
            tell(f"step {data['step']:,}, loss {data['loss']:.4g}")

    request = {
        "program": str(settings.path),
        "settings": as_plain(settings),
        "seconds": seconds,
        **more,
    }
    limit = _ENDLESS if seconds is None else seconds + _BESIDE
    with Child(python=python, on_message=hear) as child:
        try:
            return child.ask("watch", request, seconds=limit)
        except KeyboardInterrupt:
            try:
                return child.cut_short(request, seconds=_LAST)
            except (ChildFailedError, UserCodeError):
                raise KeyboardInterrupt from None  # before its first step
