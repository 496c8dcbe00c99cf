"""Which loop is the training loop, and which of its numbers are parameters: found by watching.

May import `execution`, `text` and `errors`. What makes an iteration a step stands in `motion`; how
the numbers that it moves make up tensors in `tensors`.
"""
