"""Specifications: parts and tasks as JSON, their one text, and the name it gives.

A part stands in records as `{"name": ..., "params": {...}, "version": ...}`, with the
digest of its file where a plug-in file brought it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

Parameter = str | int | float | bool | None | Sequence["Parameter"] | Mapping[str, "Parameter"]
"""What a part can be given: what JSON holds."""
Parameters = Mapping[str, Parameter]

Json = Mapping[str, Any]
"""An object of JSON as it came from a file; what is looked at in it is checked by `records.shapes`."""
JsonObject = dict[str, Any]
"""An object of JSON that is being made."""
Spec = Json
"""What decides a record or a part, as JSON."""


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(spec: object) -> str:
    """Returns the one text of a specification: sorted keys, no spaces, no NaN."""
    return _ENCODER.encode(spec)


def copied(spec: Spec) -> JsonObject:
    """Returns a specification as JSON has it, in an object of its own: nobody else can change it."""
    copy: JsonObject = json.loads(canonical(spec))
    return copy


def identify(spec: object) -> str:
    """Returns the name of what a specification makes: 16 hexadecimal digits."""
    return hashlib.sha256(canonical(spec).encode()).hexdigest()[:16]


class Names:
    """Names of many specifications that share parts, each part written once.

    A part is known again by being the same dictionary, so none may change while this is in use.
    """

    def __init__(self, most: int = 10_000):
        """Begins with nothing known.

        Args:
          most: Parts that are kept; at one more all are forgotten.
        """
        self._most = most
        self._keys: dict[str, str] = {}
        # With the part itself, for another could be where one was that is gone.
        self._texts: dict[int, tuple[object, str]] = {}
        self._names: dict[int, tuple[object, str]] = {}

    def identify(self, spec: object) -> str:
        """Returns what `identify` of this module does."""
        known = self._names.get(id(spec))
        if known is None:
            name = hashlib.sha256(self._part(spec).encode()).hexdigest()[:16]
            if type(spec) is not dict:
                return name
            if len(self._names) >= self._most:
                self._names.clear()
            known = self._names[id(spec)] = (spec, name)
        return known[1]

    def _text(self, value: Any) -> str:
        kind = type(value)
        if kind is str:
            return encode_basestring_ascii(value)
        if kind is int:
            return repr(value)
        if kind is list:
            return f"[{','.join(map(self._part, value))}]"
        # JSON makes a text of a key that is none; sorting is then by what it was.
        if kind is dict and {*map(type, value)} <= {str}:
            pairs = [f"{self._key(key)}:{self._part(value[key])}" for key in sorted(value)]
            return f"{{{','.join(pairs)}}}"
        return canonical(value)

    def _key(self, key: str) -> str:
        """Returns the text of a key: there are few, and each is in every specification of its kind."""
        known = self._keys.get(key)
        if known is None:
            if len(self._keys) >= self._most:
                self._keys.clear()
            known = self._keys[key] = encode_basestring_ascii(key)
        return known

    def _part(self, value: Any) -> str:
        if type(value) is not dict:
            return self._text(value)
        known = self._texts.get(id(value))
        if known is None:
            if len(self._texts) >= self._most:
                self._texts.clear()
            known = self._texts[id(value)] = (value, self._text(value))
        return known[1]


def part_of(spec: Spec) -> JsonObject:
    """Returns the name and parameters of a part: what compiled programs are cached by."""
    return {"name": spec["name"], "params": spec["params"]}


def label_of(spec: Spec) -> str:
    """Returns the label that keys of a dataset's draws come from: its name and parameters."""
    return canonical(part_of(spec))
