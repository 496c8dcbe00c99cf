"""A user's program as a run: watched unedited to its own end, its network told from its values.

What runs beside the program (`watching`, `events`, `layers`, `losses`) needs the standard library
and numpy only. Every role is checked by recomputation at three points and otherwise absent: a wrong
role gives a confident wrong finding.

May import all other folders of `program`.
"""
