"""Class numbers in a file become one target column per class."""

import numpy as np
import pytest

from nndiag.errors import DataError
from nndiag.nn.datasets import DATASETS


def csv_of(folder, text, **options):
    path = folder / "data.csv"
    path.write_text(text)
    return DATASETS.get("csv")(np.random.default_rng(0), path=path, **options)


def test_class_numbers_become_a_column_per_class(tmp_path):
    dataset = csv_of(tmp_path, "x,y\n0.5,0\n1.5,2\n2.5,1\n", encoding="one_hot")
    np.testing.assert_array_equal(dataset.targets, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(dataset.classes, [0, 2, 1])
    assert dataset.target_names == ("y0", "y1", "y2")


def test_names_of_classes_become_columns_in_the_order_of_the_alphabet(tmp_path):
    dataset = csv_of(tmp_path, "x,kind\n1,pear\n2,apple\n3,fig\n", encoding="one_hot")
    np.testing.assert_array_equal(dataset.targets, [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(dataset.classes, [2, 0, 1])
    assert dataset.target_names == ("apple", "fig", "pear")


@pytest.mark.parametrize("column", ["yes no yes", "1 0 1"])
def test_two_classes_become_zero_and_one(tmp_path, column):
    text = "x,y\n" + "".join(f"{n},{value}\n" for n, value in enumerate(column.split()))
    dataset = csv_of(tmp_path, text, encoding="binary")
    np.testing.assert_array_equal(dataset.targets, [[1], [0], [1]])
    np.testing.assert_array_equal(dataset.classes, [1, 0, 1])
    assert dataset.target_names == ("y",)


def test_more_than_two_classes_are_no_binary_target(tmp_path):
    with pytest.raises(DataError, match="needs two classes"):
        csv_of(tmp_path, "x,y\n1,a\n2,b\n3,c\n", encoding="binary")


def test_without_an_encoding_the_column_stays(tmp_path):
    dataset = csv_of(tmp_path, "x,y\n0.5,0\n1.5,2\n2.5,1\n")
    np.testing.assert_array_equal(dataset.targets, [[0], [2], [1]])
    assert dataset.classes is None


@pytest.mark.parametrize("column", ["1 2 3", "0 0.5 1", "0 2 2"])
def test_anything_but_numbers_from_zero_is_refused(tmp_path, column):
    text = "x,y\n" + "".join(f"{n},{value}\n" for n, value in enumerate(column.split()))
    with pytest.raises(DataError, match="class numbers"):
        csv_of(tmp_path, text, encoding="one_hot")


def test_several_target_columns_are_refused(tmp_path):
    with pytest.raises(DataError, match="2 columns"):
        csv_of(tmp_path, "x,a,b\n1,0,1\n2,1,0\n", y=["a", "b"], encoding="one_hot")
