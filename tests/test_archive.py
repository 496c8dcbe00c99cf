"""Archives that anybody may have written are read whole, or refused with one kind of error."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndiag.archive import ArchiveError, arrays_in, names_in


def archive(**arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


WHOLE = archive(x=np.arange(3.0), y=np.ones((2, 2)))


def test_names_and_arrays_are_read():
    assert names_in(WHOLE, largest=10_000) == ("x", "y")
    read = arrays_in(WHOLE, ["y"])
    assert list(read) == ["y"]
    np.testing.assert_array_equal(read["y"], np.ones((2, 2)))


def test_an_archive_that_unpacks_to_too_much_is_refused_unread():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x.npy", bytes(10**6))
    with pytest.raises(ArchiveError) as refused:
        names_in(packed.getvalue(), largest=10**5)
    assert refused.value.size == 10**6


def test_objects_are_refused():
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=True, x=np.array([{}], dtype=object))
    with pytest.raises(ArchiveError, match="allow_pickle"):
        arrays_in(packed.getvalue(), ["x"])


def test_an_absent_array_is_an_archive_error():
    with pytest.raises(ArchiveError):
        arrays_in(WHOLE, ["z"])


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.booleans())
def test_no_damage_gives_any_other_error(place, byte, cut):
    damaged = bytearray(WHOLE)
    damaged[place] = byte
    content = bytes(damaged[:place] if cut else damaged)
    with contextlib.suppress(ArchiveError):
        arrays_in(content, names_in(content, largest=10_000))
