"""What is told about the gradient of a user's program."""

from pathlib import Path

import pytest
from rich.console import Console

from nndiag.finding import Evidence, Finding, Severity
from nndiag.plain import to_plain
from nndiag.program.result import LossFound, ProgramCheck, RateFound, RepairStep, TensorCheck
from nndiag.program.roles.status import Status
from nndiag.program.text.source import Source
from nndiag.program.training.ablation import Matters
from nndiag.report.gradcheck_document import PlaceDocument, program_document
from nndiag.report.gradcheck_program import program_line, program_report

TEXT = """\
for i in range(100):
    out = x @ w + b
    cost = np.mean((out - y)**2)
    w += 0.1 * x.T @ (out - y)
    b -= 0.1 * (out - y).sum(axis=0)
"""
FIXED = TEXT.replace("w +=", "w -=")
SOURCE = Source(Path("my_net.py"), TEXT)
NOTEBOOK = Source(Path("my_net.ipynb"), TEXT, cells=(1, 3))

WRONG_SIGN = Finding(
    "wrong-sign",
    Severity.ERROR,
    "w: the sign is wrong: the step goes uphill",
    (Evidence("cosine", -1.0, 1.0),),
    tensor="w",
    file="my_net.py",
    line=4,
    replacement="w -= 0.1 * x.T @ (out - y)",
)
SHOWN = Finding(
    "loss-is-not-the-objective",
    Severity.WARNING,
    "the shown number is not what is minimised",
    remedies=("show the loss",),
    line=3,
)


def tensor(name, verdict=Status.RIGHT, **changed):
    known = {"relative_error": 3e-10, "cosine": 1.0, "scale": 0.1, "line": 4}
    return TensorCheck(name=name, shape=(2, 1), verdict=verdict, **(known | changed))


def checked(**changed):
    known = {
        "source": SOURCE,
        "correct": True,
        "tensors": (tensor("w"), tensor("b", line=5)),
        "findings": (),
        "loss": LossFound("cost", own=True, line=3),
        "learning_rate": RateFound("0.1", 0.1, 0.1),
        "loop": "my_net.py:1",
        "points": ("iteration 0", "iteration 3"),
    }
    return ProgramCheck(**(known | changed))


RIGHT = checked()
WRONG = checked(
    correct=False,
    tensors=(tensor("w", Status.WRONG_SIGN, cosine=-1.0, scale=-0.1), tensor("b", line=5)),
    findings=(WRONG_SIGN, SHOWN),
    repairs=(RepairStep("wrong-sign", 4, "w += …", "w -= …", ("w",)),),
    fixed_text=FIXED,
    edits_tried=12,
    matters=Matters(50, 2.0, 1e9, 0.01, "this is why it does not train"),
)


def told(check, *, width=80, **known):
    console = Console(width=width, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(program_report(check, **known))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


RIGHT_AT_80 = """\
my_net.py  loop at line 1 · 2 parameters
╭──────────────────────────────────────────────────────────────────────────────╮
│ GRADIENT CORRECT  the step follows the negative gradient of the loss         │
╰──────────────────────────────────────────────────────────────────────────────╯
parameter  shape  error  cosine  scale  line
w            2×1  3e-10       1    0.1     4  correct
b            2×1  3e-10       1    0.1     5  correct

loss   cost, line 3
rate   0.1; the step is 0.1 times the gradient
points iteration 0; iteration 3
so     the gradient is right; a config of the same network has its settings
       judged
next   nndiag train my_net.py"""

WRONG_AT_80 = """\
my_net.py  loop at line 1 · 2 parameters
╭──────────────────────────────────────────────────────────────────────────────╮
│ GRADIENT WRONG  1 of 2 parameters                                            │
│ w: the sign is wrong: the step goes uphill                                   │
│ bug   wrong-sign                                                             │
│ at    my_net.py:4                                                            │
│ line  w += 0.1 * x.T @ (out - y)                                             │
│ write w -= 0.1 * x.T @ (out - y)                                             │
│ This is why it does not train: loss 2 → 1e9 with this step, → 0.01 fixed, in │
│ 50 iterations                                                                │
╰──────────────────────────────────────────────────────────────────────────────╯
parameter  shape  error  cosine  scale  line
w            2×1  3e-10      -1   -0.1     4  wrong sign
b            2×1  3e-10       1    0.1     5  correct

! loss-is-not-the-objective  The shown number is not what is minimised
  my_net.py:3 · show the loss

--- my_net.py
+++ my_net.fixed.py
@@ -2,4 +2,4 @@
     out = x @ w + b
     cost = np.mean((out - y)**2)
-    w += 0.1 * x.T @ (out - y)
+    w -= 0.1 * x.T @ (out - y)
     b -= 0.1 * (out - y).sum(axis=0)

loss   cost, line 3
rate   0.1; the step is 0.1 times the gradient
points iteration 0; iteration 3
next   nndiag gradcheck my_net.py --write-fixed"""


@pytest.mark.parametrize(("check", "text"), [(RIGHT, RIGHT_AT_80), (WRONG, WRONG_AT_80)])
def test_tells_to_the_letter_what_was_found(check, text):
    assert told(check) == text


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("check", [RIGHT, WRONG])
def test_no_line_is_wider_than_the_console(check, width):
    assert max(map(len, told(check, width=width).splitlines())) <= width


def test_a_mended_program_is_checked_next():
    text = told(WRONG, written=Path("my net.fixed.py"))
    assert "written my net.fixed.py" in text
    assert "next    nndiag train 'my net.fixed.py'" in text


def test_a_bug_without_a_repair_is_explained_next():
    check = checked(correct=False, findings=(WRONG_SIGN,), edits_tried=1200)
    text = told(check)
    assert "fix    none found among 1,200 edits" in text
    assert text.endswith("nndiag explain wrong-sign")


def test_places_in_a_notebook_are_cells():
    text = told(checked(source=NOTEBOOK, correct=False, findings=(WRONG_SIGN,)))
    assert "at    my_net.ipynb, cell 2, line 2" in text
    assert "cell 2, 2" in text
    check = checked(source=NOTEBOOK, correct=False, findings=(WRONG_SIGN,))
    (finding,) = program_document(check).findings
    assert finding.place == PlaceDocument(str(check.path), cell=2, line=2)


def test_losses_that_are_not_finite_are_left_out():
    nan = float("nan")
    check = checked(
        correct=False,
        findings=(WRONG_SIGN,),
        matters=Matters(9, nan, nan, nan, "the mended step does not train either"),
    )
    assert "The mended step does not train either" in told(check)
    assert "nan" not in told(check)


def test_what_was_assumed_and_left_out_is_told():
    check = checked(
        loss=LossFound("half the squares", own=False, line=3, assumption="assumed to be halves"),
        other_loops=("my_net.py:40",),
        notes=("dropout was switched off",),
    )
    text = told(check)
    assert "loss   assumed to be halves" in text
    assert "not checked: my_net.py:40" in text
    assert "dropout was switched off" in text


def test_of_many_parameters_the_wrong_ones_are_shown():
    tensors = [tensor(f"w{number}") for number in range(40)]
    tensors[33] = tensor("w33", Status.WRONG)
    text = told(checked(tensors=tuple(tensors), correct=False, findings=(WRONG_SIGN,)))
    assert "w33" in text
    assert "… 16 more" in text


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (RIGHT, "gradient correct"),
        (WRONG, "wrong-sign: w: the sign is wrong: the step goes uphill (my_net.py:4)"),
        (
            checked(findings=(SHOWN,)),
            "gradient correct; loss-is-not-the-objective: the shown number is not what is "
            "minimised (my_net.py:3)",
        ),
    ],
)
def test_the_line_has_the_verdict_and_the_place(check, line):
    assert program_line(check) == line


def test_the_document_keeps_the_contract():
    document = to_plain(program_document(WRONG, written=Path("my_net.fixed.py")))
    assert (document["version"], document["command"], document["correct"]) == (
        2,
        "gradcheck",
        False,
    )
    first, shown = document["findings"]
    assert (first["problem"], first["tensor"], first["place"]["line"]) == ("wrong-sign", "w", 4)
    assert first["replacement"] == "w -= 0.1 * x.T @ (out - y)"
    assert shown["severity"] == "warning"
    assert [tensor["verdict"] for tensor in document["tensors"]] == ["wrong sign", "correct"]
    assert document["fixed_program"] == "my_net.fixed.py"
    assert document["matters"]["verdict"] == "this is why it does not train"
    assert document["diff"].startswith("--- my_net.py")
