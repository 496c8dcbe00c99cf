"""The check of the networks of configs: faster differences behind the same judgement.

`differences` passes on only what a perturbed weight changes, `rounding` bounds the noise from the
sizes of the sums, `sampling` keeps the work within what was asked for; `check` gives them to the
judgement, `points` says where it is made. May import `nn` and `experiment`.
"""
