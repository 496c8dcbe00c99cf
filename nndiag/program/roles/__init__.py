"""What the values of an iteration are: parameters, data, loss, gradients, optimizers' memory.

Every role is found from what depends on what, and checked by recomputation; where it cannot be
checked it is absent. May import the graph, the execution of programs and what lies below.
"""
