"""THE ASSERTION: the gradient check for tests of a course or a library, like numpy.testing.

    from nndiag.testing import assert_gradients_correct

    assert_gradients_correct(lambda: net.loss(x, y), net.params)  # loss() returns (loss, grads)
    assert_gradients_correct(loss, {"W": W, "b": b}, {"W": dW, "b": db})  # loss(parameters)
    assert_gradients_correct(net, arguments=(x, y))                       # an object

`assert_trains("net.py", within=2000)` runs a program. In pytest both are fixtures, see `plugin`.

May import `verbs`, `gradients`, `nested` and `errors`.
"""

from nndiag.testing.assertion import assert_gradients_correct
from nndiag.testing.training import assert_trains

__all__ = ["assert_gradients_correct", "assert_trains"]
