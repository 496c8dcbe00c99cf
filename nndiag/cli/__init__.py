"""THE COMMANDS: one file per command; the only code that prints or exits.

May import everything. Nothing heavy is imported before it is needed.

To add a command: a file in `commands`.
"""

import os
import signal
import sys

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def main() -> None:
    """Run the command line and end the process with its exit code.

    Everything is imported in here: until the commands are there, Ctrl-C ends the process at once,
    without a traceback. (What Python does before is its own.)
    """
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _open_what_is_closed()
    for name in _THREADS:  # small matrices are slower on many threads; before NumPy is imported
        os.environ.setdefault(name, "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some takes 20 ms
    from nndiag.cli.app import run  # noqa: PLC0415
    from nndiag.errors import ExitCode  # noqa: PLC0415

    try:
        if interruptible:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = int(ExitCode.INTERRUPTED)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said; an end takes some time too
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Lead streams that the caller has closed (`>&-`) to nowhere; files would take their place."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest descriptor that is free
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115 (to the end)
            setattr(sys, name, nowhere)
