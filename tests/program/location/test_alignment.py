"""Which derivative is due for which value."""

from nndiag.program.location.alignment import Alignment, alignments


def test_gives_each_value_the_derivative_in_order():
    assert Alignment(0).places(3, 3) == (0, 1, 2)


def test_counts_from_the_end_where_a_loop_goes_backward():
    assert Alignment(0, turned=True).places(3, 3) == (2, 1, 0)


def test_leaves_out_the_value_behind_the_last_derivative():
    # the error that reaches the state before the first step belongs to no state of the network
    assert Alignment(1, turned=True).places(3, 3) == (1, 0, None)


def test_tries_as_many_values_as_derivatives_also_one_aside():
    assert Alignment(1, turned=True) in alignments(4, 4)
    assert Alignment(1, turned=True) not in alignments(4, 9)
