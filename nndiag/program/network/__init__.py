"""The network of a program: its layers, activations, output, targets and loss, from its graph.

A layer is what a parameter first meets in a product, with what is added to that. Everything behind
it is told by interventions: the pre-activations are given other, moderate values, and what follows
is computed again from the graph, so that neither saturated units nor exploded weights hide what a
program computes. What cannot be computed again by the role that it is thought to have has no role.

May import `roles`, `graph` and what lies below.
"""
