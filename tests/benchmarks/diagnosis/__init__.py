"""Error rates of the diagnosis on a labelled population, built from nndiag's own configs.

`bases` are networks that train, `faults` break them, `population` puts both together, `judging`
trains and diagnoses, `table` counts. Run with

    python -m tests.benchmarks.diagnosis

which works on all processors, can be stopped and goes on where it was, and prints the table.
"""
