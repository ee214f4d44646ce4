"""Points in files that any framework writes: `.npy`, `.npz`, `.csv`, `.parquet`, `.safetensors`.

A file holds one array of real numbers, `[n, ...]`; nothing that is read can run code (no pickle).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from diffbench import idxfiles
from diffbench.spec import Json

if TYPE_CHECKING:  # it takes half a second, and other files need none of it
    import pandas as pd

# Numbers that float32 holds keep its bits whichever type they came in; larger ones need float64.
_WIDE = 1e30
_SEED = re.compile(r"samples_seed(\d+)")
# What each framework's own files come to.
_SAVE = "in Python, numpy.save('FILE.npy', samples) writes one"
_SAVE_TENSOR = "in Python, numpy.save('FILE.npy', tensor.numpy(force=True)) writes one of a tensor"


class Unreadable(ValueError):
    """A file that holds no array of points; the message is one line."""


def read(path: Path | str) -> np.ndarray:
    """Returns the points of a file, `[n, ...]`, float32 where that holds them and float64 elsewhere.

    Args:
      path: A file with one of the suffixes of `SUFFIXES`, or an IDX file as MNIST has them. An `.npz` holds
        `arr_0` or one array, a `.safetensors` "samples" or one array; a table has a column for each
        coordinate.

    Raises:
      Unreadable: If there is no such file, its kind is unknown, or it holds no array of real numbers.
    """
    path = Path(path)
    kind = idxfiles.read if idxfiles.is_idx(path) else _KINDS.get(path.suffix.lower())
    if path.is_dir():
        raise Unreadable(f"{path}: expected a file of samples ({', '.join(SUFFIXES)}); got a folder")
    if not path.is_file():
        raise Unreadable(f"no file {str(path)!r}; give a file of samples ({', '.join(SUFFIXES)})")
    if kind is None:
        save = _SAVE_TENSOR if path.suffix.lower() in (".pt", ".pth") else _SAVE
        raise Unreadable(
            f"{path}: expected one of {', '.join(SUFFIXES)}; got {path.suffix or 'no suffix'!r}; {save}"
        )
    try:
        found = kind(path)
    except Unreadable:
        raise
    except Exception as error:  # each library has errors of its own for a file that is broken
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Unreadable(f"{path}: cannot be read as {path.suffix.lower()}: {first}") from error
    return of_numbers(found, str(path))


def read_named(path: Path | str, name: str) -> np.ndarray:
    """Returns the array of a name in an `.npz` or `.safetensors` file.

    Raises:
      Unreadable: If it is not there.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files if key == name}
        else:
            from safetensors import numpy as safetensors

            arrays = safetensors.load_file(path)
    except Exception as error:
        raise Unreadable(
            f"cannot be read: {(str(error).strip() or 'it is broken').splitlines()[0]}"
        ) from error
    if name not in arrays:
        raise Unreadable(f"it holds no {name}")
    return arrays[name]


def of_numbers(value: ArrayLike, what: str) -> np.ndarray:
    """Returns an array as points are kept: float32 where that holds them, and float64 elsewhere.

    Args:
      value: What should be an array of real numbers.
      what: What it is, for the message.

    Raises:
      Unreadable: If it is none, or empty.
    """
    found = real(value, what)
    if found.size == 0:
        raise Unreadable(f"{what}: expected points; got an empty array of shape {list(found.shape)}")
    largest = (
        np.abs(found[np.isfinite(found)], dtype=np.float64) if found.dtype.kind == "f" else np.abs(found)
    )
    return found.astype(np.float32 if largest.max(initial=0.0) < _WIDE else np.float64)


def real(value: ArrayLike, what: str) -> np.ndarray:
    """Returns an array of real numbers, of the type they came in.

    Args:
      value: What should be one.
      what: What it is, for the message.

    Raises:
      Unreadable: If it is none.
    """
    try:
        found = np.asarray(value)
    except Exception as error:
        raise Unreadable(f"{what}: expected an array of real numbers; got {type(value).__name__}") from error
    if found.dtype.kind not in "fiu" and not (found.size == 0 and isinstance(value, list | tuple)):
        # NumPy makes an array of anything, and calls it objects.
        got = _kind_of(found) if found.ndim or isinstance(value, str) else type(value).__name__
        raise Unreadable(f"{what}: expected real numbers; got {got}")
    return found


def by_seed(folder: Path | str) -> dict[int, Path]:
    """Returns the files of a folder of draws, `samples_seed0.npy` and so on, by their seeds.

    Raises:
      Unreadable: If there is none, or two have one seed.
    """
    found: dict[int, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        match = _SEED.fullmatch(path.stem)
        if match is None or path.suffix.lower() not in SUFFIXES:
            continue
        seed = int(match[1])
        if seed in found:
            raise Unreadable(f"{folder}: seed {seed} is in {found[seed].name} and in {path.name}; keep one")
        found[seed] = path
    if not found:
        raise Unreadable(
            f"{folder}: expected files samples_seed0.npy, samples_seed1.npy and so on; got a folder with none"
        )
    return dict(sorted(found.items()))


def _kind_of(found: np.ndarray) -> str:
    names = {"b": "true and false", "c": "complex numbers", "O": "objects", "U": "text", "S": "text"}
    return names.get(found.dtype.kind, str(found.dtype))


def _the_one(arrays: Json, wanted: str, path: Path) -> ArrayLike:
    """Returns the array of a name, or the one that is there."""
    if wanted in arrays:
        return arrays[wanted]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    there = ", ".join(sorted(arrays)) or "nothing"
    raise Unreadable(f"{path}: expected one array, or one that is called {wanted}; got {there}")


def _npy(path: Path) -> ArrayLike:
    with path.open("rb") as file:
        # NumPy takes any other file for a pickle, and says how to run it.
        if file.read(6) not in (b"\x93NUMPY", b"PK\x03\x04"):
            raise Unreadable(f"{path}: cannot be read as .npy: it is no array of NumPy; {_SAVE}")
    found = _plain(lambda: np.load(path, allow_pickle=False), path)
    if not isinstance(found, np.ndarray):
        raise Unreadable(f"{path}: expected one array; got an archive: call it .npz")
    return found


def _plain(load: Callable[[], ArrayLike], path: Path) -> ArrayLike:
    """Returns what NumPy loads, which may be no pickle: one runs what its writer wants."""
    try:
        return load()
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise Unreadable(
            f"{path}: expected an array of real numbers; got Python objects (a pickle), which are not loaded"
        ) from error


def _npz(path: Path) -> ArrayLike:
    if not zipfile.is_zipfile(path):
        raise Unreadable(f"{path}: cannot be read as .npz: it is no archive of NumPy")
    with np.load(path, allow_pickle=False) as archive:
        names = archive.files
        wanted = "arr_0" if "arr_0" in names or len(names) != 1 else names[0]
        if wanted not in names:
            return _the_one(dict.fromkeys(names), "arr_0", path)
        return _plain(lambda: archive[wanted], path)


def _csv(path: Path) -> ArrayLike:
    import pandas as pd

    first = pd.read_csv(path, header=None, nrows=1, encoding="utf-8-sig")
    numbers = all(kind.kind in "fiu" for kind in first.dtypes) and not _above_an_index(first)
    table = pd.read_csv(path, header=None if numbers else 0, encoding="utf-8-sig")
    if numbers and _counts(first, table):
        table = table.iloc[1:]
    # What a table's writer put before the columns: the number of each line.
    return _of_table(table.drop(columns=[name for name in table if str(name) == "Unnamed: 0"]), path)


def _counts(first: pd.DataFrame, table: pd.DataFrame) -> bool:
    """Returns whether a first line is a head of column numbers: whole numbers above fractions."""
    whole = all(kind.kind in "iu" for kind in first.dtypes)
    fractions = any(kind.kind == "f" for kind in table.dtypes)
    return whole and fractions and first.iloc[0].tolist() == list(range(first.shape[1]))


def _above_an_index(first: pd.DataFrame) -> bool:
    """Returns whether a first line is a head of column numbers after an empty cell: above line numbers."""
    cells = first.iloc[0].tolist()
    return len(cells) > 1 and cells[0] != cells[0] and cells[1:] == list(range(len(cells) - 1))


def _parquet(path: Path) -> ArrayLike:
    import pandas as pd

    return _of_table(pd.read_parquet(path), path)


def _of_table(table: pd.DataFrame, path: Path) -> ArrayLike:
    others = [str(name) for name, kind in table.dtypes.items() if kind.kind not in "fiu"]
    if others:
        apart = (
            "; columns are parted by commas" if path.suffix.lower() == ".csv" and table.shape[1] == 1 else ""
        )
        raise Unreadable(
            f"{path}: expected a column of numbers for each coordinate; {', '.join(others[:3])} "
            f"{'holds' if len(others) == 1 else 'hold'} something else{apart}"
        )
    return table.to_numpy(np.float64)


def _safetensors(path: Path) -> ArrayLike:
    from safetensors import numpy as safetensors

    return _the_one(safetensors.load_file(path), "samples", path)


_KINDS: Mapping[str, Callable[[Path], ArrayLike]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _csv,
    ".parquet": _parquet,
    ".safetensors": _safetensors,
}
SUFFIXES = tuple(_KINDS)
