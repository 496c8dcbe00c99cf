"""Each run has a folder of its own, and nothing in it is half written."""

import errno
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import pytest

from nndiag.errors import RunError
from nndiag.trace.run_folder import (
    create_run_folder,
    write_environment,
    write_file,
    write_parameters,
)

NOON = datetime(2026, 3, 4, 12, 0, 0)


def test_the_folder_is_named_after_config_and_time(tmp_path):
    assert create_run_folder(tmp_path, name="sine", time=NOON).name == "sine-20260304-120000"


def test_runs_of_one_second_get_folders_of_their_own(tmp_path):
    names = [create_run_folder(tmp_path, name="sine", time=NOON).name for _ in range(3)]
    stem = "sine-20260304-120000"
    assert names == [stem, f"{stem}-2", f"{stem}-3"]


def test_no_two_of_many_simultaneous_runs_share_a_folder(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        folders = list(
            pool.map(lambda _: create_run_folder(tmp_path, name="sine", time=NOON), range(40))
        )
    assert len(set(folders)) == 40


@pytest.mark.parametrize("name", ["../../escape", "a/b", "..", "", "con\x00fig", "ü" * 300])
def test_no_name_leaves_the_folder_of_runs(tmp_path, name):
    folder = create_run_folder(tmp_path, name=name, time=NOON)
    assert folder.parent == tmp_path
    assert folder.is_dir()


def test_a_folder_of_runs_is_created_with_its_parents(tmp_path):
    assert create_run_folder(tmp_path / "a" / "b", name="sine", time=NOON).is_dir()


def test_a_place_that_cannot_hold_runs_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RunError, match="--runs DIR"):
        create_run_folder(tmp_path / "runs", name="sine", time=NOON)


def test_a_written_file_leaves_nothing_else_behind(tmp_path):
    write_file(tmp_path / "a.txt", b"one")
    write_file(tmp_path / "a.txt", b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"two"


def test_the_environment_names_versions_and_seed(tmp_path):
    write_environment(tmp_path, seed=7)
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment["numpy"] == np.__version__
    assert environment["seed"] == 7
    assert {"nndiag", "python", "platform"} <= set(environment)


def test_parameters_come_back_by_name(tmp_path):
    write_parameters(tmp_path, {"layer1.weights": np.eye(2)})
    with np.load(tmp_path / "parameters.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["layer1.weights"], np.eye(2))


def test_a_disk_that_fills_up_leaves_the_old_file_and_no_piece_of_the_new_one(
    tmp_path, monkeypatch
):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def half(self, data):
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(type(path), "write_bytes", half)
    with pytest.raises(RunError, match="no space left on device"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_link_points_at_is_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_file(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"
