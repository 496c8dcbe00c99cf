"""Training programs composed at random, right and wrong ones, and what nndiag says of them.

A style of writing, a network, a loss, an optimizer, data and names are drawn; the style writes the
program line by line, and says of each line how people get it wrong. What is true of a program is
measured: its steps are compared with those of `reference`, which shares no line with `nndiag`.
A new style is a module in `styles`, a new bug an entry of `catalogue` that a style mentions.

    python -m tests.benchmarks.generated --right 44 --bugs 130 --seeds report --keep /tmp/figures
    python -m tests.benchmarks.generated --bugs 65 --only wrong-beta --write /tmp/programs

Programs of the seeds `look` may be read, those of `report` give totals only, so that nothing is
fitted to them. Kinds: `right`, `bugs` and `two` are asked by `gradcheck`; `healthy`, `settings` and
`mixed` (a setting and a bug) by `train` and `fix`.
"""
