import pytest
import yaml

from nndiag.errors import ConfigError
from nndiag.experiment.document import parsed


def places(text):
    root, problems = parsed(text, "f.yaml")
    assert not problems
    return {key: (str(node.key), str(node.place)) for key, node in root.value.items()}


def refused(text):
    """Problems of a text, whether a tree could be built or not."""
    try:
        _, problems = parsed(text, "f.yaml")
    except ConfigError as error:
        return error.problems
    return problems


def test_knows_where_each_key_and_value_stands():
    assert places("a: 1\nbc:\n  d: 2\ne: [x, y]\n") == {
        "a": ("f.yaml:1:1", "f.yaml:1:4"),
        "bc": ("f.yaml:2:1", "f.yaml:3:3"),
        "e": ("f.yaml:4:1", "f.yaml:4:4"),
    }


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_counts_lines_by_any_line_end(end):
    assert places(f"a: 1{end}b: 2{end}")["b"] == ("f.yaml:2:1", "f.yaml:2:4")


def test_takes_keys_as_text_whatever_they_look_like():
    root, _ = parsed("true: 1\n2: 3\nnull: 4\n", "f.yaml")
    assert list(root.value) == ["true", "2", "null"]


def test_takes_quoted_scalars_as_text():
    root, _ = parsed("a: '1'\nb: \"true\"\nc: ''\n", "f.yaml")
    assert root.plain() == {"a": "1", "b": "true", "c": ""}


def test_follows_aliases():
    root, _ = parsed("a: &x {b: [1, 2]}\nc: *x\n", "f.yaml")
    assert root.plain() == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
    assert str(root.value["c"].key) == "f.yaml:2:1"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1", "'a' is given twice"),
        ("a:\nb: 1\n", "f.yaml:1:1", "'a' has no value"),
        ("a:\n  - 1\n  -\n", "f.yaml:3:4", "list item has no value"),
        ("a: {b: 1, c}\n", "f.yaml:1:11", "'c' has no value"),
        ("a: !!python/object/apply:os.system [x]\n", "f.yaml:1:4", "tags are not allowed"),
        ("a: !!str 1\n", "f.yaml:1:4", "tags are not allowed"),
        ("? [a]\n: 1\n", "f.yaml:1:3", "a key must be plain text"),
        ("? {a: 1}\n: 1\n", "f.yaml:1:3", "a key must be plain text"),
        ("a: &x b\n*x : 1\n", "f.yaml:2:1", "a key must be plain text"),
        ("a: *b\n", "f.yaml:1:4", "alias *b has no anchor before it"),
        ("a: &b [*b]\n", "f.yaml:1:8", "alias *b contains itself"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1", "a second document begins here"),
        ("a:\n\tb: 1\n", "f.yaml:2:1", "not YAML: a tab"),
        ("a: 'b\n", "f.yaml:2:1", "not YAML: found unexpected end of stream"),
        ("a: b: c\n", "f.yaml:1:5", "not YAML: mapping values are not allowed"),
        ("a: \x1b[31m\n", "f.yaml:1:4", "character that cannot be printed"),
        ("a: " + "[" * 100, "f.yaml:1:43", "nested deeper than 40 levels"),
    ],
)
def test_refuses_with_the_place(text, place, message):
    (problem,) = refused(text)
    assert problem.message.startswith(message)
    assert str(problem.location) == place


def test_reports_all_that_does_not_stop_the_parser():
    found = refused("a: 1\na: 2\nb:\nc: !x 3\n")
    assert [problem.location.line for problem in found] == [2, 3, 4]


def test_reports_what_was_found_before_a_syntax_error():
    found = refused("a: 1\na: 2\nb: [\n")
    assert [problem.location.line for problem in found] == [2, 4]


def test_shows_the_offending_line():
    (problem,) = refused("a: 1\n  b: \t2\n")
    assert problem.location.text == "  b:  2"


def test_bounds_what_aliases_multiply():
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))
    (problem,) = refused(f"l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n{levels}\n")
    assert "counting what aliases repeat" in problem.message


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_finds_nothing_in_an_empty_text(text):
    root, problems = parsed(text, "f.yaml")
    assert root is None or root.value is None
    assert problems == []


def test_takes_a_number_as_the_only_content():
    root, _ = parsed("3", "f.yaml")
    assert root.value == 3


def test_bounds_the_depth_that_aliases_build():
    levels = "\n".join(f"l{n}: &l{n} [*l{n - 1}]" for n in range(1, 600))
    (problem,) = refused(f"l0: &l0 [1]\n{levels}\n")
    # level n holds n + 1 lists within the mapping: the 40th level is the mapping's 39 lists
    assert (problem.message, problem.location.line) == ("nested deeper than 40 levels", 40)


def test_reads_the_same_without_the_c_parser(monkeypatch):
    text = "a: &x {b: 1e-3, c: [yes, 'q']}\nd: *x\ne: ''\nb:\n"
    first, problems = parsed(text, "f.yaml")
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    second, others = parsed(text, "f.yaml")
    assert (first.plain(), problems) == (second.plain(), others)
