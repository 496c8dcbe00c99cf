"""THE SCRIPT: a script that trains with torch, unedited, behind the verbs of every program.

The script runs in a child, in the user's own Python, with hooks of torch: `watching` is the child's
side and the only part that imports torch. What it tells is in the form of a numpy program's, so
that the same network of nndiag's own, the same record, detectors, edits and search take it:
`recognition` says which programs are scripts, `run` watches and judges one, `edits` finds places in
its text, `faults` has what goes wrong in scripts only, `checks` and `fix` are for `gradcheck` and
`fix`.

May import `own_program` and what that may import.
"""
