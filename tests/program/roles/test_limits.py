"""What keeps an iteration from being read is told as an error with a way out."""

import pytest

from nndiag.errors import UserCodeError
from nndiag.program.execution.host import OutOfTime
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.graph.tracer import GraphTooLargeError
from nndiag.program.roles.limits import limits_told
from nndiag.program.text.source import read_source


@pytest.mark.parametrize("error", [OutOfTime(), StepFailedError("NameError"), GraphTooLargeError()])
def test_names_the_program_and_a_way_out(error, write):
    source = read_source(write("x = 1\n"))
    with pytest.raises(UserCodeError) as caught, limits_told(source):
        raise error
    assert "program.py" in str(caught.value)
    assert "try:" in str(caught.value)
