"""Python 2, translated line by line."""

import pytest

from nndiag.program.text.python2 import translated

PROGRAM = """\
import numpy as np, random
def batches(data, size):
\tfor start in xrange(0, len(data) / size * size, size):
\t\tyield data[start:start + size]
data = zip(np.linspace(-1, 1, 20), np.linspace(-2, 2, 20))
random.shuffle(data)
w, b = 0.3, 0.1
for epoch in xrange(30):
\tfor batch in batches(data, 5):
\t\tx, y = (np.array(part) for part in zip(*batch))
\t\terror = w * x + b - y
\t\tw -= 0.1 * np.mean(error * x)
\t\tb -= 0.1 * np.mean(error)
\tif epoch % 10 == 0: print "epoch %d" % epoch, np.mean(error ** 2) / 2
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print", "print()"),
        ("print 'a', b", "print('a', b)"),
        ("print 'a',", "print('a', end=' ')"),
        ("print ('a') + 'b'", "print(('a') + 'b')"),
        ("print('a', b)", "print('a', b)"),
        ("print >>log, 'a'", "print('a', file=log)"),
        ("if x: print 'a'; print", "if x: print('a'); print()"),
        ("print 'a %d' % (\n    3)", "print('a %d' % (\n    3))"),
        ("print 'a'  # said", "print('a')  # said"),
        ("raise ValueError, 'bad'", "raise ValueError('bad')"),
        ("a = 10L <> b", "a = 10 != b"),
        ("a = x[n / 2:] / 2", "a = x[n // 2:] / 2"),
        ("for i in range(n / 2): d.iteritems()", "for i in range(n // 2): d.items()"),
        ("if a:\n\tb\n        c", "if a:\n        b\n        c"),
    ],
)
def test_translates(old, new):
    assert translated(old + "\n") == new + "\n"


def test_translates_except():
    text = "try:\n    a\nexcept (A, B), e:\n    pass\n"
    assert "except (A, B) as e:" in (translated(text) or "")


def test_checks_a_program_in_python_2(check):
    found = check(PROGRAM)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {"w", "b"}
    assert any("Python 2" in note for note in found.notes)


def test_names_the_line_of_a_bug_in_python_2(check):
    found = check(PROGRAM.replace("w -=", "w +="))
    assert [item.problem for item in found.findings] == ["wrong-sign"]
    assert found.source.line(found.findings[0].line).strip().startswith("w +=")
