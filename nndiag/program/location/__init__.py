"""The first statement of a backward pass that takes right values and yields a wrong one.

`evidence` lays the values of several points side by side, `culprit` goes from a wrong gradient down
to the operation at fault, with what should have come out. May import the roles and what lies below.
"""
