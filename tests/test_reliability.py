"""Nothing that a person can give makes a traceback: configs, overrides, data, logs, run folders."""

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nndiag
from nndiag.cli.app import run
from nndiag.errors import ExitCode
from tests.searching import examples

EXPECTED = {ExitCode.HEALTHY, ExitCode.FINDING, ExitCode.USAGE}

CONFIG = """\
# a comment
name: small
seed: 3
dataset: {name: csv, path: data.csv, x: [a, b], y: y, scale_inputs: standardize}
network:
  layers:
    - {units: 4, activation: tanh, bias: false}
    - units: 1
      activation: {name: leaky_relu, slope: 0.1}
  initializer: {name: uniform, low: -1, high: 1}
loss: {name: huber, delta: 0.5, reduction: mean}
optimizer: {name: adam, learning_rate: 1.0e-2, weight_decay: 1.0e-4, clip_norm: 2}
training: {epochs: 3, batch_size: 2, order: with_replacement}
diagnosis: {ignore: [dead-units], thresholds: {vanishing-gradients: {ratio: 0.01}}}
expect: {outcome: improving, findings: []}
"""
DATA = "a,b,y\n1,2,0.5\n2,0,1.5\n0,1,-1\n3,3,0\n"
PROBLEM_WORDS = (
    "1e999", "-1", "nan", ".inf", "null", "[]", "{}", "''", "\t", "&a [*a]", "!!python/name:os",
    "999999999999", "0", "true", "é", "\u2028", "\x00", "<<:", "- - -", "|", "*x", "%", "0x",
    "12:30", "units", "sgd", "logic_gate", "spirals", "softmax_cross_entropy", "nan: nan",
)  # fmt: skip


def code_of(folder: Path, *arguments: str) -> int:
    """The exit code of a command; what it told is shown when it is not an expected one."""
    told = io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            code = run(list(arguments))
    finally:
        os.chdir(before)
    assert code in EXPECTED, told.getvalue()
    assert "Traceback" not in told.getvalue()
    return code


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NNDIAG_TRACEBACK", "1")
    (tmp_path / "data.csv").write_text(DATA)
    (tmp_path / "small.yaml").write_text(CONFIG)
    return tmp_path


def train(folder: Path, *arguments: str) -> int:
    code = code_of(folder, "train", "small.yaml", *arguments, "--no-plots", "--quiet")
    shutil.rmtree(folder / "runs", ignore_errors=True)
    return code


def test_the_config_itself_can_be_trained(folder: Path) -> None:
    assert train(folder) in (ExitCode.HEALTHY, ExitCode.FINDING)


@examples(25)
@given(data=st.data())
def test_no_damaged_config_gives_a_traceback(folder: Path, data: st.DataObject) -> None:
    words = CONFIG.split(" ")
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(words) - 1))
        replacement = data.draw(st.sampled_from(PROBLEM_WORDS) | st.text(max_size=3))
        match data.draw(st.sampled_from(["replace", "insert", "drop"])):
            case "replace":
                words[place] = replacement
            case "insert":
                words.insert(place, replacement)
            case _:
                del words[place]
    text = " ".join(words)
    (folder / "small.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    train(folder, "training.epochs=2")


@examples(25)
@given(
    key=st.sampled_from(
        ["seed", "dataset", "dataset.path", "dataset.x", "dataset.validation", "network.layers",
         "network.layers.0", "network.layers.0.units", "network.layers.7.units", "loss", "extends",
         "network.layers.1.activation", "optimizer.learning_rate", "optimizer.clip_norm", "name",
         "training.epochs", "training.steps", "training.batch_size", "diagnosis.ignore",
         "network.layers.0.weights", "diagnosis.thresholds", "expect", "code", "", ".", "a.b.c"]
    )
    | st.text(max_size=6),
    value=st.sampled_from(PROBLEM_WORDS) | st.text(max_size=6) | st.floats().map(str),
    equals=st.sampled_from(["=", "", "==", "= "]),
)  # fmt: skip
def test_no_override_gives_a_traceback(folder: Path, key: str, value: str, equals: str) -> None:
    if "." in key and "steps" in key and value.strip().isdigit():
        value = value.strip()[:3]  # more would only take long
    text = f"{key}{equals}{value}".replace("\x00", "")
    if not text.startswith("-"):
        train(folder, text)


@examples(25)
@given(data=st.data())
def test_no_data_file_gives_a_traceback(folder: Path, data: st.DataObject) -> None:
    cells = st.sampled_from([*PROBLEM_WORDS, "1", "2.5", "1e308", "-1e308", "1e-320", "a", '"', ""])
    rows = data.draw(st.lists(st.lists(cells, min_size=1, max_size=4), max_size=6))
    text = "\n".join(
        [data.draw(st.sampled_from(["a,b,y", "a;b;y", "", "y"])), *map(",".join, rows)]
    )
    (folder / "data.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    train(folder)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was stored whole."""
    folder = tmp_path_factory.mktemp("stored")
    settings: dict[str, Any] = {
        "name": "small",
        "dataset": {"name": "sine", "samples": 10},
        "network": {"layers": [{"units": 3, "activation": "tanh"}, {"units": 1}]},
        "training": {"steps": 30},
    }
    result = nndiag.train(settings, runs=folder)
    assert result.run is not None
    return result.run


def damaged(stored: Path, folder: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    copy = folder / "run"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(stored, copy)
    (copy / name).write_bytes(change((copy / name).read_bytes()))
    return copy


FILES = ("trace.json", "facts.json", "facts.npz", "steps.f64", "probes.f64", "ending.json",
         "ending.npz", "config.yaml", "environment.json", "parameters.npz")  # fmt: skip


@examples(40)
@given(name=st.sampled_from(FILES), share=st.floats(0, 1))
def test_no_truncated_run_gives_a_traceback(
    folder: Path, stored: Path, name: str, share: float
) -> None:
    copy = damaged(stored, folder, name, lambda data: data[: int(share * len(data))])
    code_of(folder, "diagnose", str(copy))


@examples(40)
@given(
    name=st.sampled_from(FILES),
    place=st.floats(0, 1),
    byte=st.integers(0, 255),
    length=st.integers(1, 40),
)
def test_no_damaged_run_gives_a_traceback(
    folder: Path, stored: Path, name: str, place: float, byte: int, length: int
) -> None:
    def change(data: bytes) -> bytes:
        start = int(place * len(data))
        return data[:start] + bytes([byte]) * length + data[start + length :]

    code_of(folder, "diagnose", str(damaged(stored, folder, name, change)))


@examples(25)
@given(
    name=st.sampled_from(["trace.json", "facts.json", "ending.json"]),
    document=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["version", "layers", "steps", "probes", "settings", "loss", "reason", "name",
                 "initial_weights", "learning_rate", "batch_size", "diagnosis", "low", "high"]
            ),
            inner,
            max_size=5,
        ),
        max_leaves=8,
    ),
)  # fmt: skip
def test_no_document_in_a_run_gives_a_traceback(
    folder: Path, stored: Path, name: str, document: Any
) -> None:
    def change(data: bytes) -> bytes:
        known = json.loads(data)
        changed = known | document if isinstance(document, dict) else document
        return json.dumps(changed).encode()

    code_of(folder, "diagnose", str(damaged(stored, folder, name, change)))


@pytest.mark.parametrize("missing", FILES)
def test_no_missing_file_gives_a_traceback(folder: Path, stored: Path, missing: str) -> None:
    copy = damaged(stored, folder, missing, lambda data: data)
    (copy / missing).unlink()
    code = code_of(folder, "diagnose", str(copy))
    assert (code == ExitCode.USAGE) == (missing in {"trace.json", "steps.f64"})


@examples(40)
@given(rows=st.integers(0, 31), cut=st.integers(0, 31))
def test_a_run_cut_anywhere_is_judged_to_its_last_whole_row(
    folder: Path, stored: Path, rows: int, cut: int
) -> None:
    width = len(json.loads((stored / "trace.json").read_text())["steps"]) * 8
    copy = damaged(stored, folder, "steps.f64", lambda data: data[: rows * width + cut % width])
    (copy / "ending.json").unlink()
    if min(rows, 30) == 0:
        assert code_of(folder, "diagnose", str(copy)) == ExitCode.USAGE
        return
    trace = nndiag.diagnose(copy).trace
    whole = np.fromfile(stored / "steps.f64").reshape(-1, width // 8)
    np.testing.assert_array_equal(trace.loss, whole[: min(rows, 30), 1])


@pytest.mark.parametrize("command", ["train", "doctor", "gradcheck", "sweep-lr", "fix", "diagnose",
                                     "compare", "explain", "list", "init"])  # fmt: skip
@pytest.mark.parametrize("argument", ["", "/", "missing", "\udcff", "x" * 5000, "~", "a\nb"])
def test_no_odd_argument_gives_a_traceback(folder: Path, command: str, argument: str) -> None:
    arguments = [argument, argument] if command == "compare" else [argument]
    if command == "init":
        arguments = ["--data", argument, "new.yaml"]
        code_of(folder, "init", argument, "--data", "sine")
    code_of(folder, command, *arguments)
