"""Code of the same function in several variants of a program, all of which fit its cells."""

import ast

import pytest

from nndiag.program.text.instrument import Instruments, compile_functions, hooked, keyed_codes
from nndiag.program.text.scopes import loops_in

PROGRAM = """\
def outer(a, b):
    c = a + b
    def inner(x):
        b = 2
        total = {read}
        for value in x:
            total += value
        def innermost():
            return a
        return innermost
    class Holder:
        d = 1
        def method(self):
            global c
            return d
    for step in range(3):
        inner([c])
"""


def codes(text, **changes):
    """The codes of the functions by name, with no hooks."""
    statement = ast.parse(text.format(**changes)).body[0]
    return by_name(compile_functions(statement, 0, "program.py", None))


def by_name(found):
    return {key[-1]: code for key, code in found.items()}


def hooked_codes(text):
    tree = ast.parse(text)
    tree = hooked(tree, loops_in(tree.body[0], 0))
    return by_name(keyed_codes(compile(tree, "program.py", "exec"), 0))


@pytest.mark.parametrize("read", ["0", "a", "c", "step"])
def test_what_a_function_reads_does_not_change_what_it_closes_over(read):
    """`b` and `x` are its own; `step` is the loop's variable of the function around it."""
    found = codes(PROGRAM, read=read)
    assert found["inner"].co_freevars == ("Holder", "a", "c", "inner", "step")
    own = {"b", "innermost", "total", "value", "x"}
    assert set(found["innermost"].co_freevars) == own | {"Holder", "a", "c", "inner", "step"}


def test_a_method_sees_no_variables_of_its_class_and_none_that_it_calls_global():
    assert codes(PROGRAM, read="0")["method"].co_freevars == ("Holder", "a", "b", "inner", "step")


def test_the_hooked_program_closes_over_the_same():
    plain, with_hooks = codes(PROGRAM, read="0"), hooked_codes(PROGRAM.format(read="0"))
    assert plain.keys() == with_hooks.keys() == {"outer", "inner", "innermost", "Holder", "method"}
    for name, code in plain.items():
        assert with_hooks[name].co_freevars == code.co_freevars


def test_compiling_leaves_the_tree_as_it_was():
    statement = ast.parse(PROGRAM.format(read="0")).body[0]
    before = ast.dump(statement, include_attributes=True)
    for instruments in (None, Instruments(), Instruments(probes=None, after=None)):
        compile_functions(statement, 0, "program.py", instruments)
    assert ast.dump(statement, include_attributes=True) == before
