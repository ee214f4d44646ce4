"""IDX files, as MNIST and Fashion-MNIST have them: `train-images-idx3-ubyte`, gzipped or not.

Two zero bytes, a byte for the type of the numbers, one for how many dimensions; each dimension in four bytes;
then the numbers, all with the largest byte first.

References:
  LeCun, Cortes & Burges, The MNIST database, "File formats".
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

_NAME = re.compile(r".*idx\d+-(u?byte|short|int|float|double)(\.gz)?", re.IGNORECASE)
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST = 2**33  # bytes of an array: a gzip of zeros must not fill the memory


def is_idx(path: Path | str) -> bool:
    """Returns whether a file is called as IDX files are."""
    return _NAME.fullmatch(Path(path).name) is not None


def read(path: Path | str) -> np.ndarray:
    """Returns the array of an IDX file, in the type that it says.

    Args:
      path: The file; gzipped if it is called .gz.

    Raises:
      ValueError: If it is no IDX file, or is cut off, or holds more than it says.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if path.suffix.lower() != ".gz":
                return _array(file, path)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _array(unpacked, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: expected a whole gzip file; got one that is cut off or broken") from error


def _array(file: IO[bytes] | gzip.GzipFile, path: Path) -> np.ndarray:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or not head[3]:
        raise ValueError(
            f"{path}: expected an IDX file, which begins 00 00, type, dimensions; got {head.hex(' ')}"
        )
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise ValueError(f"{path}: expected {head[3]} sizes; got {len(sizes) // 4}")
    shape, dtype = struct.unpack(f">{head[3]}I", sizes), np.dtype(_TYPES[head[2]])
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > _MOST:
        raise ValueError(f"{path}: expected at most {_MOST:,} bytes of numbers; got {wanted:,}")
    content = file.read(wanted + 1)
    if len(content) != wanted:
        more = "more" if len(content) > wanted else f"{len(content):,}"
        raise ValueError(f"{path}: expected {wanted:,} bytes for shape {list(shape)}; got {more}")
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))
