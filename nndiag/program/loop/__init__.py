"""Which loop is the training loop, and how its iteration is run: found by watching.

May import `execution`, `text` and `errors`. The way through is `training_loop`; what makes an
iteration a step stands in `motion`; how the numbers that it moves make up tensors in `tensors`;
`laboratory` runs the iteration from chosen values.
"""
