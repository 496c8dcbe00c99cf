"""THE VERBS: one function a verb, each with a frozen result; the command line and Python call them.

A verb reads what it is given, does all that is to be done, stores what it is asked to store, and
returns a `Result`, which shows itself. It prints nothing and ends nothing: what does not work
although the result stands is a Python warning (`NndiagWarning`), what cannot be done an
`NndiagError`.
May import everything but `cli`; what a verb needs is imported when it is called.

To add one: a file with its function and the class of its result, and its name in `nndiag.__init__`
and in `cli`.
"""
