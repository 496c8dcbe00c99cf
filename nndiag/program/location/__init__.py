"""The first statement of a backward pass that takes right values and yields a wrong one.

`evidence` lays the values of several points side by side; `substitution` puts derivatives in the
place of values of the backward pass until gradients are what `aims` says; `relation` tells which
bug it is by what stands there.
`synthesis` tries the variations that `candidates` makes of the expression, in the `scene` where it
is computed, until one comes to what is due. May import the roles and what lies below.
"""
