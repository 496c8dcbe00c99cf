"""Whatever stands in a run's folder, reading gives a trace or an error that names its place."""

import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndiag.errors import NndiagWarning, RunError
from nndiag.trace import Trace, TraceWriter, read_trace
from nndiag.trace.files import write_document
from tests.searching import examples

from .conftest import LAYERS, record

FILES = ("trace.json", "facts.json", "facts.npz", "steps.f64", "probes.f64", "ending.json",
         "ending.npz")  # fmt: skip


def test_an_empty_folder_holds_no_run(tmp_path):
    with pytest.raises(RunError, match="no run is stored here"):
        read_trace(tmp_path)


def test_a_folder_that_does_not_exist_holds_no_run(tmp_path):
    with pytest.raises(RunError, match="no run is stored here"):
        read_trace(tmp_path / "missing")


def test_a_file_is_no_run(tmp_path):
    (tmp_path / "notes").write_text("hello")
    with pytest.raises(RunError, match="notes"):
        read_trace(tmp_path / "notes")


def test_a_run_that_ended_before_its_first_step_says_so(tmp_path):
    TraceWriter(tmp_path, layers=LAYERS).close()
    with pytest.raises(RunError, match="no step was recorded"):
        read_trace(tmp_path)


def test_a_version_of_the_future_is_refused_by_its_number(stored):
    folder, _ = stored
    header = json.loads((folder / "trace.json").read_text())
    write_document(folder / "trace.json", header | {"version": 99})
    with pytest.raises(RunError, match="99"):
        read_trace(folder)


def test_a_series_of_the_future_is_read_as_it_is(stored):
    folder, trace = stored
    text = (folder / "trace.json").read_text()
    (folder / "trace.json").write_text(text.replace('"sharpness"', '"roundness"'))
    assert read_trace(folder).series["roundness"].values.tolist() == [4.0]
    assert read_trace(folder).steps == trace.steps


@pytest.mark.parametrize(
    "change",
    [
        {"layers": "layer1"},
        {"layers": ["layer1"]},
        {"steps": []},
        {"steps": ["step", "loss", 3]},
        {"probes": None},
        {"steps": ["loss", "step"]},
        {"steps": ["step", "loss", "loss"]},
    ],
)
def test_a_header_that_no_run_has_written_is_refused_with_its_place(stored, change):
    folder, _ = stored
    header = json.loads((folder / "trace.json").read_text())
    write_document(folder / "trace.json", header | change)
    with pytest.raises(RunError, match=r"trace\.json"):
        read_trace(folder)


@pytest.mark.parametrize("text", ["", '{"version": 1, "layers": ["one"]}', "\xff"])
def test_a_damaged_header_costs_no_more_than_names(stored, text):
    folder, trace = stored
    (folder / "trace.json").write_text(text, encoding="latin-1")
    with pytest.warns(NndiagWarning, match="damaged since it was written; names may be others"):
        again = read_trace(folder)
    assert again.loss.tolist() == trace.loss.tolist()
    assert again.series.keys() == trace.series.keys()
    assert again.layers == ("layer1", "layer2")


@pytest.mark.parametrize("step", [-1.0, 0.5, np.nan, np.inf, 1e300, 0.0])
def test_a_row_with_an_impossible_step_is_refused_by_its_number(stored, step):
    folder, _ = stored
    rows = np.fromfile(folder / "steps.f64", "<f8").reshape(20, 4)
    rows[6, 0] = step
    rows.tofile(folder / "steps.f64")
    (folder / "steps.crc").unlink()  # as in runs of before there were checksums
    with pytest.raises(RunError, match="row 7"):
        read_trace(folder)


def test_a_pickle_in_an_archive_is_never_loaded(stored):
    folder, _ = stored

    class Bomb:
        def __reduce__(self):
            return (Path.touch, (folder / "exploded",))

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        array = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            array, {"descr": "|O", "fortran_order": False, "shape": (1,)}
        )
        pickle.dump(np.array([Bomb()], dtype=object), array)
        archive.writestr("inputs.npy", array.getvalue())
    (folder / "facts.npz").write_bytes(packed.getvalue())
    with pytest.warns(NndiagWarning, match=r"facts\.npz"):
        assert read_trace(folder).facts.inputs is None
    assert not (folder / "exploded").exists()


def test_an_archive_that_claims_to_be_huge_is_refused(stored):
    folder, _ = stored
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        array, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**10)}
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inputs.npy", array.getvalue())
    (folder / "facts.npz").write_bytes(packed.getvalue())
    with pytest.warns(NndiagWarning, match=r"facts\.npz"):
        assert read_trace(folder).facts.inputs is None


def test_text_among_the_arrays_is_refused(stored):
    folder, _ = stored
    np.savez(folder / "facts.npz", inputs=np.array(["a"]))
    with pytest.raises(RunError, match=r"facts\.json"):
        read_trace(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "null", "\xff"])
@pytest.mark.parametrize("name", ["trace.json", "facts.json", "ending.json"])
def test_a_document_that_is_no_json_object_is_refused_with_its_place(stored, name, text):
    folder, _ = stored
    (folder / name).with_suffix(".crc").unlink()  # as of an older run: nothing tells of damage
    (folder / name).write_text(text, encoding="latin-1" if text == "\xff" else "utf-8")
    with pytest.raises(RunError, match=name):
        read_trace(folder)


def refusal_of(folder: Path) -> str | None:
    """The message with which a folder is refused; None where it holds a trace."""
    try:
        assert isinstance(read_trace(folder), Trace)
    except RunError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    record(TraceWriter(folder, layers=LAYERS))
    return folder


@examples(150)
@given(
    name=st.sampled_from(FILES),
    place=st.floats(0, 1),
    length=st.integers(0, 40),
    junk=st.binary(max_size=40),
)
@pytest.mark.filterwarnings("ignore::nndiag.errors.NndiagWarning")
def test_no_damage_gives_anything_but_a_trace_or_a_run_error(
    template, tmp_path, name, place, length, junk
):
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)
    data = (folder / name).read_bytes()
    cut = int(place * len(data))
    (folder / name).write_bytes(data[:cut] + junk + data[cut + length :])
    refusal = refusal_of(folder)
    assert refusal is None or str(folder) in refusal


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@examples(150)
@given(name=st.sampled_from(["trace.json", "facts.json", "ending.json"]), data=st.data())
def test_no_value_in_a_document_gives_anything_but_a_trace_or_a_run_error(
    template, tmp_path, name, data
):
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)
    document = json.loads((folder / name).read_text())
    document[data.draw(st.sampled_from(sorted(document)))] = data.draw(json_values)
    (folder / name).with_suffix(".crc").unlink()
    (folder / name).write_text(json.dumps(document))
    refusal = refusal_of(folder)
    assert refusal is None or str(folder) in refusal
