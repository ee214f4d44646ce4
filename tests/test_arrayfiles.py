"""Points come back from every kind of file, and what is no file of points is told in one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from diffbench import arrayfiles

X = np.arange(12, dtype=np.float32).reshape(6, 2) / 7


def _write(path, x=X):
    match path.suffix:
        case ".npy":
            np.save(path, x)
        case ".npz":
            np.savez(path, x)
        case ".csv":
            pd.DataFrame(x).to_csv(path, index=False, float_format="%.9g")
        case ".parquet":
            pd.DataFrame(x, columns=[str(i) for i in range(x.shape[1])]).to_parquet(path)
        case ".safetensors":
            save_file({"samples": x, "other": x[:1]}, path)
    return path


@pytest.mark.parametrize("suffix", arrayfiles.SUFFIXES)
def test_points_come_back_from_every_kind_of_file_bit_for_bit(tmp_path, suffix):
    found = arrayfiles.read(_write(tmp_path / f"x{suffix}"))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, X)


def test_a_table_without_a_head_keeps_its_first_line(tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n3,4\n")
    np.testing.assert_array_equal(arrayfiles.read(tmp_path / "x.csv"), [[1, 2], [3, 4]])


def test_line_numbers_that_pandas_writes_are_no_coordinate(tmp_path):
    pd.DataFrame(X).to_csv(tmp_path / "x.csv", float_format="%.9g")
    np.testing.assert_array_equal(arrayfiles.read(tmp_path / "x.csv"), X)


def test_an_archive_with_one_array_needs_no_name(tmp_path):
    np.savez(tmp_path / "x.npz", mine=X)
    np.testing.assert_array_equal(arrayfiles.read(tmp_path / "x.npz"), X)


def test_numbers_beyond_float32_stay_as_they_are(tmp_path):
    np.save(tmp_path / "x.npy", X.astype(np.float64) * 1e200)
    assert arrayfiles.read(tmp_path / "x.npy").max() == X.astype(np.float64).max() * 1e200
    np.save(tmp_path / "x.npy", np.arange(6).reshape(3, 2))
    assert arrayfiles.read(tmp_path / "x.npy").dtype == np.float32


def _broken(folder):
    np.savez(folder / "two.npz", a=X, b=X)
    save_file({"a": X, "b": X}, folder / "two.safetensors")
    np.save(folder / "objects.npy", np.array([{}, {}], object), allow_pickle=True)
    np.savez(folder / "objects.npz", np.array([{}, {}], object))
    (folder / "text.npy").write_text("1 2")
    (folder / "nothing.npy").write_bytes(b"")
    (folder / "semicolons.csv").write_text("1;2\n3;4\n")
    (folder / "folder.npy").mkdir()
    np.save(folder / "complex.npy", X + 1j)
    np.save(folder / "empty.npy", X[:0])
    (folder / "text.csv").write_text("x,name\n1,a\n2,b\n")
    (folder / "cut.npy").write_bytes((_write(folder / "whole.npy")).read_bytes()[:100])
    (folder / "cut.parquet").write_bytes(b"PAR1")
    (folder / "cut.npz").write_bytes(b"PK")
    (folder / "x.pt").write_bytes(b"x")
    (folder / "bare").write_bytes(b"x")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.npy", "no file"),
        ("two.npz", "expected one array, or one that is called arr_0; got a, b"),
        ("two.safetensors", "expected one array, or one that is called samples; got a, b"),
        ("objects.npy", r"expected an array of real numbers; got Python objects \(a pickle\)"),
        ("objects.npz", r"expected an array of real numbers; got Python objects \(a pickle\)"),
        ("text.npy", r"it is no array of NumPy; in Python, numpy\.save"),
        ("nothing.npy", "it is no array of NumPy"),
        ("semicolons.csv", "1;2 holds something else; columns are parted by commas"),
        ("folder.npy", r"expected a file of samples \(.*\); got a folder"),
        ("complex.npy", "expected real numbers; got complex numbers"),
        ("empty.npy", r"expected points; got an empty array of shape \[0, 2\]"),
        ("text.csv", "expected a column of numbers for each coordinate; name holds something else"),
        ("cut.npy", "cannot be read as .npy"),
        ("cut.parquet", "cannot be read as .parquet"),
        ("cut.npz", "cannot be read as .npz"),
        (
            "x.pt",
            r"expected one of .npy, .npz, .csv, .parquet, .safetensors; got '.pt'; .*, tensor\.numpy\(force=True\)",
        ),
        ("bare", "got 'no suffix'"),
    ],
)
def test_what_is_no_file_of_points_is_told_in_one_line(tmp_path, name, said):
    _broken(tmp_path)
    with pytest.raises(arrayfiles.Unreadable, match=said) as caught:
        arrayfiles.read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_files_of_a_folder_are_known_by_their_seeds(tmp_path):
    for name in ("samples_seed10.npy", "samples_seed2.csv", "notes.txt", "samples_seed3.txt"):
        (tmp_path / name).touch()
    assert list(arrayfiles.by_seed(tmp_path)) == [2, 10]
    (tmp_path / "samples_seed2.npy").touch()
    with pytest.raises(arrayfiles.Unreadable, match=r"seed 2 is in samples_seed2\.csv and in"):
        arrayfiles.by_seed(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(arrayfiles.Unreadable, match=r"samples_seed0\.npy"):
        arrayfiles.by_seed(tmp_path / "none")


def test_a_column_that_numbers_the_lines_is_no_coordinate(tmp_path):
    pd.DataFrame(X, columns=["a", "b"]).to_csv(tmp_path / "x.csv", float_format="%.9g")
    np.testing.assert_array_equal(arrayfiles.read(tmp_path / "x.csv"), X)
