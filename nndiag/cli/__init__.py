"""THE COMMANDS: one file per command; the only code that prints or exits.

May import everything. Nothing heavy is imported before it is needed: a command's module may
import typer and the standard library, and imports the rest inside its function.

To add a command: a file with its function, and a line in `app.COMMANDS`.
"""

import os
import sys

from nndiag.errors import ExitCode

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for name in _THREADS:  # small matrices are slower on many threads; before NumPy is imported
        os.environ.setdefault(name, "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some takes 20 ms
    try:
        from nndiag.cli.app import run  # noqa: PLC0415

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = int(ExitCode.INTERRUPTED)
    sys.exit(code)
