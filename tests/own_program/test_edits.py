"""Edits of a program's text: what they change, and that nothing else changes."""

import numpy as np
import pytest

from nndiag.own_program.edits import Editor
from nndiag.own_program.places import Splice
from nndiag.own_program.setting_edit import SettingEdit, edited
from nndiag.program.text.source import read_source

TEXT = """import numpy as np
x = np.linspace(400.0, 500.0, 30).reshape(-1, 1)
y = 3 * x + 7
lam = 3.0
W = np.full((1, 1), 0.5)
b = np.zeros(1)
rate = 0.1
epoch = 0
while epoch < 200:
    r = x @ W + b - y
    gW = np.clip(x.T @ r / len(x), -0.01, 0.01) + lam * W
    W = W - rate * gW
    b = b - rate * r.mean(axis=0)
    epoch += 1
"""


def told(**other):
    """What would be told of the program above."""
    link = {"weights": "W", "biases": "b", "units": 1, "columns": 1, "turned": True}
    return {
        "tensors": [["W", [1, 1], [12]], ["b", [1], [13]]],
        "links": [{**link, "activation": "linear", "slope": None, "line": 10}],
        "output": {"activation": "linear"},
        "named": [[["x", False, "axis=0"]], [["y", False, "axis=0"]]],
        "data": None,
        "rate": ["rate", 0.1],
        "rates": [],
        "decay": 3.0,
        "clip": 0.01,
        "loop_line": 9,
        **other,
    }


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(TEXT)
    return read_source(path)


def changed(source, edit):
    """The lines that an edit changes, as they are then."""
    after = edited(source.text, [edit]).split("\n")
    return [line.strip() for line in after if line not in source.text.split("\n")]


def test_sets_the_rate_the_steps_the_decay_and_the_clip_where_they_stand(source):
    editor = Editor(source, told())
    assert changed(source, editor.rate(0.00123)) == ["rate = 0.0012"]
    assert changed(source, editor.steps(10)) == ["while epoch < 2000:"]
    assert changed(source, editor.decay()) == ["lam = 0"]
    assert changed(source, editor.clip()) == ["gW = np.clip(x.T @ r / len(x), -1, 1) + lam * W"]


def test_a_rate_that_a_schedule_gives_anew_is_set_in_the_loop(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(TEXT.replace("    r = x", "    rate = 0.1 / (1 + epoch)\n    r = x"))
    source = read_source(path)
    edit = Editor(source, told(rates=[[0, 0.1], [1, 0.05]], loop_line=9)).rate(0.01)
    assert changed(source, edit) == ["rate = 0.01"]
    assert edit.line == 10


def test_what_is_not_found_is_not_changed(source):
    assert Editor(source, told(decay=0.25)).decay() is None
    assert Editor(source, told(rate=None)).rate(0.1) is None


def test_edits_of_the_same_place_cannot_be_joined(source):
    one, other = (SettingEdit("a", "", 1, (Splice(3, 6, text),)) for text in "bc")
    assert edited(source.text, [one, other]) is None


@pytest.mark.parametrize("targets", [False, True])
def test_scaled_data_are_undone_behind_the_training(source, targets):
    edit = Editor(source, told()).standardized(targets=targets, undone=True)
    text = edited(source.text, [edit])
    plain = {}
    exec(text, plain)
    # The network as the loop left it, for the data that it saw there: the statements of the edit
    # behind the loop are left out, and its predictions are put into the targets' units by hand.
    scaled = {}
    exec(text[: text.index("    epoch += 1") + len("    epoch += 1")], scaled)
    predicted = scaled["x"] @ scaled["W"] + scaled["b"]
    if targets:
        predicted = predicted * scaled["y_std"] + scaled["y_mean"]
    np.testing.assert_allclose(plain["x"] @ plain["W"] + plain["b"], predicted, rtol=1e-9)
    np.testing.assert_allclose(plain["x"], np.linspace(400, 500, 30).reshape(-1, 1), rtol=1e-12)
    np.testing.assert_allclose(plain["y"], 3 * plain["x"] + 7, rtol=1e-12)


ADAM = """
import numpy as np
x = np.arange(1.0, 5.0)
w, net = np.zeros(4), {"b": np.ones(2)}
for step in range(3):
    g = x * (w - 3)
    w -= 0.5e-7 * g
    net["b"] = net["b"] - 0.5e-7 * np.array([1.0, -2.0])
    seen = seen + [w.copy()]
"""


def test_the_first_step_of_adam_has_the_length_of_its_rate(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(ADAM)
    tensors = [["w", [4], [7]], ["net['b']", [2], [8]]]
    told = {"adaptive": False, "momentum": [], "tensors": tensors, "loop_line": 5}
    edit = Editor(read_source(path), told).optimizer("Adam", 0.01)
    names = {"seen": []}
    exec(edited(ADAM, [edit]), names)
    np.testing.assert_allclose(names["seen"][0], np.full(4, 0.01))  # the rate, towards 3
    np.testing.assert_allclose(names["net"]["b"], [1 - 0.03, 1 + 0.03])  # a steady gradient


def test_steps_with_a_velocity_are_no_plain_ones(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(ADAM)
    told = {"adaptive": False, "momentum": ["w"], "tensors": [["w", [4], [7]]], "loop_line": 5}
    assert Editor(read_source(path), told).optimizer("Adam", 0.01) is None


def test_holds_a_rate_that_fades(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(TEXT.replace("    r = x", "    pace = rate / (1 + 9 * epoch)\n    r = x"))
    rates = [[0, 0.1], [1, 0.01], [150, 1e-4]]
    editor = Editor(read_source(path), told(rate=["pace", 0.1], rates=rates))
    assert changed(read_source(path), editor.steady_rate()) == ["pace = 0.1"]
    steady = Editor(read_source(path), told(rate=["pace", 0.1], rates=[]))
    assert steady.steady_rate() is None


@pytest.mark.parametrize(
    ("fades", "slower"),
    [
        ("rate *= 0.9", "rate *= 0.989"),
        ("rate = rate * 0.9", "rate = rate * 0.989"),
        ("rate /= fall", "epoch = 0; fall = 1.012"),
    ],
)
def test_lets_a_rate_fade_to_a_tenth(tmp_path, fades, slower):
    path = tmp_path / "net.py"
    text = TEXT.replace("epoch = 0", f"epoch = 0; fall = {1 / 0.9}", 1)
    path.write_text(text.replace("    r = x", f"    {fades}\n    r = x"))
    rates = [[0, 0.1], [199, 0.1 * 0.9**200]]
    editor = Editor(read_source(path), told(rates=rates))
    assert changed(read_source(path), editor.steady_rate()) == [slower]
    little = Editor(read_source(path), told(rates=[[0, 0.1], [199, 0.02]]))
    assert little.steady_rate() is None


ACTIVATED = """import numpy as np
def squash(t):
    return 1.0 / (1.0 + np.exp(-t))
def slope(s):
    return s * (1 - s)
for i in range(3):
    a = squash(x @ W)
    b = squash(a @ V)
    d = (b - y) * b * (1 - b)
    e = (d @ V.T) * slope(a)
"""


def test_writes_another_activation_with_its_derivative(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(ACTIVATED)
    source = read_source(path)
    ways = [
        changed(source, x) for x in Editor(source, told(loop_line=6)).activations("sigmoid", "tanh")
    ]
    assert ways[0][:2] == ["return np.tanh(t)", "return (1 - (s) ** 2)"]  # the output is one, too
    assert ["a = np.tanh(x @ W)", "e = (d @ V.T) * (1 - (a) ** 2)"] in ways


def test_sets_the_number_that_a_rate_is_computed_from(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(TEXT.replace("rate = 0.1", "first = 20").replace(
        "    r = x", "    rate = first / (1 + epoch)\n    r = x"))  # fmt: skip
    source = read_source(path)
    assert changed(source, Editor(source, told(rate=["rate", 20.0])).rate(0.5)) == ["first = 0.5"]


NARROW = """import numpy as np
rng = np.random.default_rng(0)
{widths}
W = {start}
b = np.zeros((1, {hidden}))
V = rng.normal(size=({hidden}, 1)) * 30
c = np.zeros((1, 1))
for step in range(10):
    W, b, V, c = W, b, V, c
"""


@pytest.mark.parametrize(
    ("hidden", "changes"),
    [
        ("n_hidden", ["n_hidden = 8"]),
        (
            "2",
            [
                "W = rng.normal(size=(3, 8)) * 30",
                "b = np.zeros((1, 8))",
                "V = rng.normal(size=(8, 1)) * 30",
            ],
        ),
        ("sizes[1]", ["sizes = [3, 8, 1]"]),
    ],
)
def test_widens_the_hidden_layer_where_its_number_stands(hidden, changes, tmp_path):
    widths = {"n_hidden": "n_hidden = 2", "sizes[1]": "sizes = [3, 2, 1]"}.get(hidden, "")
    start = f"rng.normal(size=(3, {hidden})) * 30"
    source, roles = narrow(tmp_path, widths, start, hidden)
    assert changed(source, Editor(source, roles).units(4)) == changes


@pytest.mark.parametrize(
    ("start", "changes"),
    [
        (
            "rng.normal(size=(3, 2)) * 30",
            "W = rng.normal(size=(3, 2)) * 0.57",
        ),  # 30 · 0.019
        ("np.zeros((3, 2))", "W = np.random.default_rng(3).normal(0, 0.58, (3, 2))"),
    ],
)
def test_writes_a_start_in_the_place_of_what_stands_there(start, changes, tmp_path):
    source, roles = narrow(tmp_path, "", start, "2")
    first = {"W": np.full((3, 2), 0.0 if "zeros" in start else 30.0), "V": np.ones((2, 1))}
    first["W"][::2] *= -1
    roles["copies"] = [[0, {**first, "b": np.zeros((1, 2)), "c": np.zeros((1, 1))}]]
    assert changes in changed(source, Editor(source, roles).start())


def narrow(folder, widths, start, hidden):
    """A program with one hidden layer of two units, and what would be told of it."""
    path = folder / "narrow.py"
    path.write_text(NARROW.format(widths=widths, start=start, hidden=hidden))
    link = {"turned": True, "activation": "tanh", "slope": None, "line": 5, "units": 2}
    links = [
        {**link, "weights": "W", "biases": "b", "columns": 3},
        {**link, "weights": "V", "biases": "c", "columns": 2, "units": 1},
    ]
    shapes = {"W": [3, 2], "b": [1, 2], "V": [2, 1], "c": [1, 1]}
    tensors = [[name, shape, [9]] for name, shape in shapes.items()]
    return read_source(path), told(links=links, tensors=tensors, loop_line=8)


def test_statements_that_are_put_before_a_line_are_shown_together():
    """One of them alone would scale nothing."""
    text = "a = 1\nfor step in range(3):\n    a = a - 1\n"
    place = text.index("for")
    several = SettingEdit(
        "inputs", "standardized", 2, (Splice(place, place, "m = 1\na = a - m\n"),)
    )
    assert several.first_line(text) == "m = 1; a = a - m"
    start = text.index("3")
    one = SettingEdit("steps", "9", 2, (Splice(start, start + 1, "9"),))
    assert one.first_line(text) == "for step in range(9):"
    block = SettingEdit("x", "y", 2, (Splice(place, place, "if a:\n    a = 2\n"),))
    assert block.first_line(text) == "if a:"


MINI = """import numpy as np
x, y = make()
size = 8
np.random.shuffle(x)
for epoch in range(20):
    for start in range(0, len(x), size):
        r = x[start:start + size] @ w - y[start:start + size]
        w -= 0.5 * x[start:start + size].T @ r
"""


def editor_of(text, tmp_path, **other):
    path = tmp_path / "mini.py"
    path.write_text(text)
    source = read_source(path)
    line = 1 + [x.strip().startswith("for start") for x in source.lines].index(True)
    data = [np.zeros((80, 1)), np.zeros((80, 1))]
    return source, Editor(source, told(batch=8, data=data, loop_line=line, **other))


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "", ["size = 64"]),
        ("size", "8", ["for start in range(0, len(x), 64):"]),
        ("size = 8\n", "size = 8 if x else 4\n", None),
    ],
    ids=["by its name", "as it is", "computed"],
)
def test_gives_a_step_more_examples_where_their_number_stands(old, new, lines, tmp_path):
    text = MINI if not old else MINI.replace(old, new)
    text = text.replace("8 = 8\n", "")
    source, editor = editor_of(text, tmp_path)
    edit = editor.batch(8)
    if lines is None:
        assert edit is None
        return
    assert changed(source, edit)[:1] == lines
    assert editor.batch(11) is None  # 88 of 80 examples


def test_leaves_the_shuffle_of_one_array_out(tmp_path):
    source, editor = editor_of(MINI, tmp_path)
    after = edited(source.text, [editor.unshuffled()])
    assert after == MINI.replace("np.random.shuffle(x)\n", "")
    both = MINI.replace("np.random.shuffle(x)", "x = np.random.permutation(x)  # mix")
    source, editor = editor_of(both, tmp_path)
    assert "permutation" not in edited(source.text, [editor.unshuffled()])
    together = MINI.replace("np.random.shuffle(x)", "x, y = shuffle(x, y)")
    assert editor_of(together, tmp_path)[1].unshuffled() is None


def test_takes_the_step_of_the_mean_for_that_of_the_sum(source):
    edit = Editor(source, told(batch=30)).mean_rate()
    assert changed(source, edit) == ["rate = 0.1 / 30"]
    assert Editor(source, told(batch=1)).mean_rate() is None


def test_scales_starts_that_one_expression_draws_by_the_widest_layer(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "import numpy as np\nW = [np.random.randn(a, b) * 9 for a, b in [(1, 4), (4, 1)]]"
    )
    links = [
        {"weights": f"W[{n}]", "biases": None, "columns": a, "units": b, "activation": "tanh"}
        for n, (a, b) in enumerate([(1, 4), (4, 1)])
    ]
    rng = np.random.default_rng(0)
    first = {f"W[{n}]": 9 * rng.normal(size=shape) for n, shape in enumerate([(1, 4), (4, 1)])}
    editor = Editor(read_source(path), told(links=links, copies=[[0, first]]))
    (splice,) = editor.start().splices
    # the second layer has 4 inputs: 1 / √4 suits it
    size = np.sqrt(np.mean(first["W[1]"] ** 2))
    assert float(splice.text) == pytest.approx(9 * 0.5 / size, rel=0.06)  # two digits, twice


@pytest.mark.parametrize("way", [0, 1])
def test_biases_step_by_the_gradient_of_the_weights_without_the_input(tmp_path, way):
    path = tmp_path / "net.py"
    path.write_text(
        TEXT.replace(" + b - y", " - y")
        .replace("gW = np.clip(x.T @ r / len(x), -0.01, 0.01) + lam * W", "gW = x.T @ r / len(x)")
        .replace("    b = b - rate * r.mean(axis=0)\n", "")
    )
    source = read_source(path)
    link = {**told()["links"][0], "biases": None}
    ways = list(Editor(source, told(links=[link], tensors=[["W", [1, 1], [12]]])).biases())
    lines = changed(source, ways[len(ways) - 2 + way])
    summed = "np.sum(r, axis=0)" if way else "r"
    assert lines == [
        "W_bias = np.zeros(1)",
        "r = x @ W + W_bias - y",
        f"W_bias -= rate * ({summed} / len(x))",
    ]
