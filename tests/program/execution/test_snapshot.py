"""Variables are copied together and put back as they were."""

import threading
import types

import numpy as np
import pytest

from nndiag.program.execution.numbers import read_vector, write_vector
from nndiag.program.execution.places import follow, put, spelled
from nndiag.program.execution.snapshot import Leaf, originals_kept, take_snapshot


def snapshot_of(space, cells=None):
    return take_snapshot(
        iteration=0,
        namespaces=[space],
        cells=cells or {},
        is_user=lambda item: isinstance(item, types.FunctionType),
    )


def test_puts_changed_variables_back():
    space = {"w": np.ones(3), "n": 2.0, "items": [1.0, {"a": 5.0}]}
    snapshot = snapshot_of(space)
    space["w"] += 1
    space["n"] = 7.0
    space["items"][1]["a"] = 0.0
    space["new"] = 1
    snapshot.install()
    assert space["w"].tolist() == [1, 1, 1]
    assert space["n"] == 2.0
    assert space["items"] == [1.0, {"a": 5.0}]
    assert "new" not in space


def test_keeps_one_object_one():
    shared = np.zeros(2)
    space = {"a": shared, "b": [shared]}
    snapshot_of(space).install()
    space["a"] += 3
    assert space["b"][0].tolist() == [3, 3]


@pytest.mark.parametrize("order", ["C", "F"])
def test_keeps_views_views(order):
    whole = np.asarray(np.arange(6.0).reshape(2, 3), order=order)
    space = {"whole": whole, "row": whole[1], "turned": whole.T}
    snapshot_of(space).install()
    space["whole"][1, 0] = 9.0
    assert space["row"][0] == 9.0
    assert space["turned"][0, 1] == 9.0


def test_puts_closure_variables_back():
    def outer():
        x = np.zeros(1)

        def change():
            nonlocal x
            x = x + 1
            return x

        return change

    space = {"change": outer()}
    snapshot = snapshot_of(space)
    space["change"]()
    snapshot.install()
    assert space["change"]().tolist() == [1]


def test_puts_the_random_state_back():
    space = {"rng": np.random.default_rng(3)}
    snapshot = snapshot_of(space)
    snapshot.install()
    first = (space["rng"].random(), np.random.rand())
    snapshot.install()
    assert (space["rng"].random(), np.random.rand()) == first


def test_shares_what_cannot_be_copied():
    lock = threading.Lock()
    space = {"lock": lock, "w": np.ones(1)}
    snapshot_of(space).install()
    assert space["lock"] is lock
    assert space["w"].tolist() == [1]


def test_lets_a_generator_give_the_same_again():
    space = {"draws": (np.random.rand() for _ in range(3))}
    snapshot = snapshot_of(space)
    snapshot.install()
    first = [*space["draws"], np.random.rand()]
    snapshot.install()
    assert [*space["draws"], np.random.rand()] == first
    assert len(first) == 4


def test_lets_an_iterator_in_two_places_stay_one():
    numbers = (i for i in range(9))
    space = {"first": numbers, "second": [numbers]}
    snapshot_of(space).install()
    assert [next(space["first"]), next(space["second"][0])] == [0, 1]


def test_shares_what_did_not_change_and_copies_what_did():
    space = {"data": [np.arange(5.0), np.arange(3.0)], "w": np.ones(2)}
    snapshot = snapshot_of(space)
    snapshot.install()
    space["w"] += 1
    snapshot.share_unchanged()
    snapshot.install()
    first = (space["data"], space["w"])
    snapshot.install()
    assert space["data"] is first[0]
    assert space["w"] is not first[1]
    assert space["w"].tolist() == [1, 1]


def test_gives_the_very_objects_back():
    array = np.ones(2)
    space = {"w": array}
    snapshot = snapshot_of(space)
    with originals_kept(snapshot):
        snapshot.install()
        space["w"] = None
    assert space["w"] is array


def test_sees_each_number_once_under_its_first_name():
    array = np.ones(2)
    space = {"first": array, "second": array, "count": 3}
    labels = {leaf.root for leaf, _ in snapshot_of(space).leaves()}
    assert labels == {"first", "count"}


@pytest.mark.parametrize(
    ("value", "new"),
    [
        (1.0, 2.0),
        ([1.0, 2.0], [3.0, 4.0]),
        (np.ones(2), np.array([5.0, 6.0])),
        (np.array([1, 2]), np.array([0.5, 0.25])),
    ],
)
def test_writes_numbers_where_they_stand(value, new):
    space = {"holder": {"x": value}}
    snapshot = snapshot_of(space)
    snapshot.install()
    leaf = Leaf("holder", (("key", "x"),))
    write_vector(snapshot, leaf, np.atleast_1d(np.asarray(new, float)))
    assert read_vector(snapshot, leaf).tolist() == np.atleast_1d(new).tolist()


def test_rebuilds_tuples_on_the_way():
    space = {"pair": (1.0, [2.0])}
    snapshot = snapshot_of(space)
    snapshot.install()
    put(snapshot.places["pair"], (("index", 0),), 5.0)
    assert space["pair"] == (5.0, [2.0])


def test_spells_paths_as_programs_do():
    steps = (("attr", "_Net__layers"), ("index", 0), ("attr", "params"), ("key", "W1"))
    assert spelled("self", steps) == 'self.__layers[0].params["W1"]'


def test_follows_a_path():
    holder = types.SimpleNamespace(layers=[{"W": 4.0}])
    assert follow(holder, (("attr", "layers"), ("index", 0), ("key", "W"))) == 4.0
