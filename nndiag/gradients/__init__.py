"""ONE CHECK: whether a gradient is that of a loss, for any Subject, function or object.

`check` compares a gradient with differences of the loss, tensor by tensor. `differences` forms them
for a plain function of arrays; whatever has a faster way (the networks of a config, in `network`)
gives its own `Differences` to the same judgement.

All modules here but `network` need the standard library and numpy alone and run on Python 3.9: they
are imported beside a user's program, in the user's own Python. May import `subject`; `network` also
`nn` and `experiment`.
"""
