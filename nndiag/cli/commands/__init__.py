"""One file a command, named as the command: a function under `@command`, see `nndiag.cli.command`.

A file here may import click and the standard library, and imports the rest inside its function.
"""
