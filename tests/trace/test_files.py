"""What is written comes back, bit for bit, and what was cut off costs its last row alone."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from nndiag.errors import NndiagWarning, RunError
from nndiag.plain import json_text
from nndiag.trace import Facts, SharpnessChange, Stability, Trace, TraceWriter, read_trace
from nndiag.trace.documents import facts_document, facts_of
from nndiag.trace.layout import Layout

from .conftest import LAYERS, record

FILES = ("trace.json", "facts.json", "facts.npz", "steps.f64", "probes.f64", "ending.json")


def assert_same(left, right):
    """Equal in every field, with NaN equal to NaN."""
    for field in fields(left):
        if field.name not in {"series", "facts", "ending", "source"}:
            np.testing.assert_equal(getattr(left, field.name), getattr(right, field.name))


def assert_same_trace(left: Trace, right: Trace) -> None:
    assert_same(left, right)
    assert_same(left.facts, right.facts)
    if left.ending is not None and right.ending is not None:
        assert_same(left.ending, right.ending)
    assert set(left.series) == set(right.series)
    for name, series in left.series.items():
        np.testing.assert_equal(series.steps, right.series[name].steps)
        np.testing.assert_equal(series.values, right.series[name].values)


def test_a_stored_run_comes_back_as_it_was(stored):
    folder, trace = stored
    assert_same_trace(read_trace(folder), trace)
    assert read_trace(folder).source == str(folder)


@pytest.mark.parametrize(
    "stability",
    [
        None,
        Stability("2/λ_max", 0.2, adaptive=False),
        Stability(
            "2/λ_max",
            0.2,
            adaptive=False,
            sharpness=100.0,
            stability_limit=0.02,
            batch_limits=(0.01, 0.03),
            batch_size=20,
            changes=(
                SharpnessChange("half-units", "half", 2.0),
                SharpnessChange("mean-loss", "mean", 9.0, "a=b"),
            ),
        ),
    ],
)
def test_what_theory_said_of_the_rate_comes_back_as_it_was(stability):
    document, arrays = facts_document(Facts(stability=stability))
    assert facts_of(json.loads(json_text(document)), arrays).stability == stability


def test_a_stored_run_without_an_ending_has_none(tmp_path):
    record(TraceWriter(tmp_path, layers=LAYERS), ending=False)
    assert read_trace(tmp_path).ending is None


def test_json_files_hold_no_bare_nan_or_infinity(stored):
    folder, _ = stored

    def refuse(constant):
        raise AssertionError(constant)

    for path in folder.glob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)


def test_a_file_cut_at_any_byte_loses_only_what_was_cut(stored):
    folder, trace = stored
    path = folder / "steps.f64"
    data = path.read_bytes()
    width = 8 * len(Layout(LAYERS).step_columns)
    for size in range(width, len(data)):
        path.write_bytes(data[:size])
        read = read_trace(folder)
        assert read.steps == size // width
        np.testing.assert_array_equal(read.loss, trace.loss[: read.steps])


def test_probes_cut_at_any_byte_still_give_all_steps(stored):
    folder, trace = stored
    path = folder / "probes.f64"
    data = path.read_bytes()
    for size in range(0, len(data), 5):
        path.write_bytes(data[:size])
        assert read_trace(folder).steps == trace.steps


def test_a_process_that_is_killed_leaves_what_it_wrote(tmp_path):
    program = f"""
import os, pathlib, signal
import numpy as np
from nndiag.trace import TraceRecorder, TraceWriter
recorder = TraceRecorder(
    layers=["a"], sink=TraceWriter(pathlib.Path({str(tmp_path)!r}), layers=("a",))
)
recorder.record_steps(np.arange(1000), np.arange(1000.0), np.ones((1000, 1)))
recorder.flush()
recorder.record_steps([1000], [1.0], [[1.0]])
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -signal.SIGKILL
    trace = read_trace(tmp_path)
    assert trace.steps == 1000
    assert trace.ending is None


@pytest.mark.parametrize("missing", ["facts.json", "facts.npz", "probes.f64", "ending.json"])
def test_a_run_killed_between_two_files_can_still_be_read_or_says_why(stored, missing):
    folder, trace = stored
    (folder / missing).unlink()
    told = pytest.warns(NndiagWarning, match=r"facts\.npz: the file is missing")
    with told if missing == "facts.npz" else contextlib.nullcontext():
        assert read_trace(folder).steps == trace.steps


def test_writing_again_from_an_earlier_row_replaces_it(tmp_path):
    writer = TraceWriter(tmp_path, layers=())
    writer.write_steps(np.array([[0.0, 1.0], [1.0, 2.0]]), first=0)
    writer.write_steps(np.array([[1.0, 2.0], [2.0, 3.0]]), first=1)
    writer.close()
    assert read_trace(tmp_path).loss.tolist() == [1.0, 2.0, 3.0]


def test_a_folder_that_is_gone_is_an_error_with_a_way_out(tmp_path):
    with pytest.raises(RunError, match="--runs DIR"):
        TraceWriter(tmp_path / "gone", layers=LAYERS)


def test_a_full_disk_is_an_error_with_a_way_out(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    writer = TraceWriter(tmp_path, layers=())
    (tmp_path / "steps.f64").unlink()
    (tmp_path / "steps.f64").symlink_to("/dev/full")
    writer = TraceWriter(tmp_path, layers=())
    with pytest.raises(RunError, match="no space left") as caught:
        writer.write_steps(np.zeros((10, 2)), first=0)
    assert "steps.f64" in str(caught.value)


def test_reading_needs_only_what_is_in_the_folder(stored, tmp_path_factory):
    folder, trace = stored
    elsewhere = tmp_path_factory.mktemp("moved") / "run"
    shutil.copytree(folder, elsewhere)
    assert_same_trace(read_trace(elsewhere), trace)


def test_a_flipped_bit_costs_its_row_and_is_told(stored):
    folder, trace = stored
    data = bytearray((folder / "steps.f64").read_bytes())
    data[6 * len(data) // trace.steps + 9] ^= 1  # in the loss of the seventh row
    (folder / "steps.f64").write_bytes(data)
    with pytest.warns(NndiagWarning, match=r"steps\.f64: damaged .*, left out: row 7 of 20"):
        read = read_trace(folder)
    np.testing.assert_array_equal(read.step, np.delete(trace.step, 6))
    np.testing.assert_array_equal(read.loss, np.delete(trace.loss, 6))


@pytest.mark.parametrize("name", ["facts", "ending"])
def test_a_flipped_bit_in_a_document_is_told_and_the_rest_is_used(name, stored):
    folder, trace = stored
    data = bytearray((folder / f"{name}.json").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / f"{name}.json").write_bytes(data)
    with pytest.warns(NndiagWarning, match=rf"{name}\.json: damaged .*, left out"):
        read = read_trace(folder)
    np.testing.assert_array_equal(read.loss, trace.loss)
    assert (read.ending is None) is (name == "ending")
    assert (read.facts.learning_rate is None) is (name == "facts")


def test_a_flipped_bit_in_the_names_is_told(stored):
    folder, _ = stored
    text = (folder / "trace.json").read_text()
    (folder / "trace.json").write_text(text.replace("layer1", "layer3", 1))
    with pytest.warns(NndiagWarning, match=r"trace\.json: damaged since it was written"):
        assert read_trace(folder).layers == ("layer3", "layer2")


def test_a_run_without_checksums_is_read_as_it_is(stored):
    folder, trace = stored
    for path in folder.glob("*.crc"):
        path.unlink()
    assert_same_trace(read_trace(folder), trace)


def test_a_damaged_array_costs_only_what_needs_it(stored):
    folder, trace = stored
    data = bytearray((folder / "facts.npz").read_bytes())
    place = data.index(trace.facts.targets.tobytes())
    data[place] ^= 1
    (folder / "facts.npz").write_bytes(data)
    with pytest.warns(NndiagWarning, match=r"facts\.npz: targets cannot be read"):
        read = read_trace(folder)
    assert read.facts.targets is None
    np.testing.assert_array_equal(read.facts.inputs, trace.facts.inputs)
    np.testing.assert_array_equal(read.loss, trace.loss)
