"""Repair as proof: small edits tried until one makes the step the gradient, which names the bug.

May import `gradients` and all below it, `registry` and `finding`. The edits themselves are those of
the bugs, one file each in `nndiag.bugs`; `bug` says what a bug is, `sites` and `atoms` what it may
look at.
"""
