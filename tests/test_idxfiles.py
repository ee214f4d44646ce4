"""IDX files come back bit for bit, and what is none is told in one line."""

import gzip
import struct

import numpy as np
import pytest

from diffbench import idxfiles

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def content_of(x):
    code = CODES[x.dtype.str[1:]]
    head = bytes([0, 0, code, x.ndim]) + struct.pack(f">{x.ndim}I", *x.shape)
    return head + x.astype(x.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("kind", CODES)
def test_arrays_of_every_type_come_back(tmp_path, kind):
    path = tmp_path / "some-idx3-ubyte"
    path.write_bytes(content_of(IMAGES.astype(kind)))
    found = idxfiles.read(path)
    np.testing.assert_array_equal(found, IMAGES)
    assert found.dtype == np.dtype(kind)


def test_gzipped_files_are_read_as_they_are_named(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(content_of(IMAGES)))
    np.testing.assert_array_equal(idxfiles.read(path), IMAGES)


def test_names_tell_idx_files():
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "a/b/x.idx3-ubyte"):
        assert idxfiles.is_idx(name)
    for name in ("idx.npy", "images.gz", "idx3-ubyte.npz"):
        assert not idxfiles.is_idx(name)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\x93NUMPY", "expected an IDX file, which begins 00 00, type, dimensions; got 93 4e 55 4d"),
        (b"", "expected an IDX file"),
        (bytes([0, 0, 8, 2, 0, 0, 0, 1]), "expected 2 sizes; got 1"),
        (content_of(IMAGES)[:-1], r"expected 24 bytes for shape \[2, 3, 4\]; got 23"),
        (content_of(IMAGES) + b"x", r"expected 24 bytes for shape \[2, 3, 4\]; got more"),
        (bytes([0, 0, 8, 1]) + struct.pack(">I", 2**32 - 1), "expected 4,294,967,295 bytes"),
        (bytes([0, 0, 14, 2]) + struct.pack(">II", 2**31, 2**31), "expected at most 8,589,934,592 bytes"),
    ],
)
def test_what_is_no_idx_file_is_told_in_one_line(tmp_path, content, text):
    path = tmp_path / "x-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text) as raised:
        idxfiles.read(path)
    assert "\n" not in str(raised.value)


def test_a_gzip_that_is_cut_off_is_told(tmp_path):
    path = tmp_path / "x-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(content_of(IMAGES))[:-12])
    with pytest.raises(ValueError, match="expected a whole gzip file; got one that is cut off or broken"):
        idxfiles.read(path)
