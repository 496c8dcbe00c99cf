"""A user's own program as a run: its trace, its diagnosis and its fixes in its own words.

`program.running` watches it; what it told of its network is built again here as a network of
nndiag's own, so that the same probes, detectors and fits look at a program and at a config.
May import `diagnosis`, `remedies`, `program` and `training`, and what these may import.
"""
