"""The text of a stored file and the seal that tells whether it is whole.

A sealed file is JSON whose first line is the SHA-256 of all the bytes that follow that
line, so that a lost, added or flipped bit anywhere in the file shows:

  {"sha256": "<64 hexadecimal digits>",
   "schema": 2, ...}
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic_core import from_json

from diffbench.spec import Json, JsonObject

SCHEMA = 2
_OPEN, _CLOSE = b'{"sha256": "', b'",\n'
_HEAD = len(_OPEN) + 64 + len(_CLOSE)


class Broken(ValueError):
    """A file that is not what was written; the message says how it shows."""


class Foreign(ValueError):
    """A whole file that this version cannot read."""


def digest(content: bytes) -> str:
    """Returns the SHA-256 of bytes, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def seal(content: Json, indent: int | None = 1) -> bytes:
    """Returns the bytes of a sealed file; numbers that JSON cannot hold are null."""
    full = {**content, "schema": SCHEMA}
    try:
        text = json.dumps(full, indent=indent, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):  # only then: looking for them takes longer than all the rest
        text = json.dumps(finite_or_none(full), indent=indent, sort_keys=True, allow_nan=False)
    body = text[1:].lstrip("\n").encode() + b"\n"
    return _OPEN + digest(body).encode() + _CLOSE + body


def unseal(data: bytes, left_out: Sequence[str] = ()) -> JsonObject:
    """Returns the content of a file, with its schema.

    Args:
      data: The file.
      left_out: Keys that nobody will ask for, in alphabetical order: where that is quicker they are
        missing.

    Raises:
      Broken: If it is not whole.
      Foreign: If another version wrote it.
    """
    sealed = data.startswith(_OPEN)
    if sealed:
        told, body = data[len(_OPEN) : _HEAD], data[_HEAD:]
        if not told.endswith(_CLOSE) or told[:64] != digest(body).encode():
            raise Broken("its content does not have the digest that it names")
    if data and data[:1] != b"{":
        raise Broken("it is not JSON of ours")
    try:
        content = _without(data, left_out) if sealed and left_out else json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Broken("it is empty" if not data else "it is not JSON") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema is None and not sealed:
        raise Foreign("it is JSON of something else: it has no schema")
    if isinstance(schema, int) and (schema > SCHEMA if sealed else 0 < schema < SCHEMA):
        raise Foreign(f"it has schema {schema}, and this version of diffbench reads {SCHEMA}")
    if not sealed or schema != SCHEMA:
        raise Broken("it has no digest" if not sealed else f"it does not have schema {SCHEMA}")
    content.pop("sha256", None)
    return content


def _without(data: bytes, left_out: Sequence[str]) -> Any:
    """Returns JSON as `seal` lays it out without some keys, for most of the time goes into parsing them.

    On a line of its own behind one space stands a key of the outermost object, or the end of its value: no
    text has a line's end in it. The keys are given in the order of the file.
    """
    kept, at = [], 0
    for key in left_out:
        begin = data.find(b'\n "%b": {\n' % key.encode(), at)
        end = data.find(b"\n }", begin) if begin >= 0 else -1
        if end >= 0:
            kept.append(data[at:begin])
            at = end + 3 + (data[end + 3 : end + 4] == b",")
    kept.append(data[at:])
    try:
        # Three times as fast as the standard library's, and of one mind with it where it takes a text.
        return from_json(b"".join(kept))
    except ValueError:  # laid out otherwise, or broken
        return json.loads(data)


def finite_or_none(value: Any) -> Any:
    """Replaces numbers that JSON cannot hold by None, at any depth."""
    if isinstance(value, Mapping):
        return {key: finite_or_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite_or_none(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
