"""The child process: a user's program runs apart from nndiag, in the user's own Python.

`process` is the parent's side: it starts a Python, asks it one question after another, and bounds
its time and memory from outside. `agent` is the child's side; with all that it imports it needs the
standard library and numpy only, and runs on Python 3.9. `frames` is what passes between them, as
plain data. To let the child answer another question, add a line to `agent.TASKS`.

May import `execution` and `text`.
"""
