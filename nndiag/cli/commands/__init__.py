"""One file a command: a function under `@command("name")`, see `nndiag.cli.command`.

A file here may import typer and the standard library, and imports the rest inside its function:
all of them are read before the first word of a command line is looked at.
"""
