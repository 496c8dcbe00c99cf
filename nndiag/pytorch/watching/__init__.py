"""The child's side: a script runs with hooks of torch, and what it computes is recorded.

`tape` records the operations of one iteration, `replay` computes them again at other parameters and
for other examples, `network` reads layers, output and loss from them, `run` puts the hooks in and
watches, `task` answers what the parent asks. Every module here imports torch, in the user's Python.
"""
