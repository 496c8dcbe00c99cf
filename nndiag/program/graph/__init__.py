"""One iteration of a program as a graph: which value was made from which others, by what.

`tracer` records the graph while the iteration runs, `derivatives` and `adjoints` go through it
backwards from the loss. What its values are for is told in `program.roles`, what is wrong with them
in `program.location`. Nothing here reads a name: names only word what was found.

It runs beside the user's program: standard library and numpy only, Python 3.9 or later.
"""
