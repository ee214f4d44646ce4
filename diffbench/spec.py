"""Specifications: parts and tasks as JSON, their one text, and the name it gives.

A part stands in records as `{"name": ..., "params": {...}, "version": ...}`, with the
digest of its file where a plug-in file brought it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Spec = Mapping[str, Any]


def canonical(spec: Any) -> str:
    """Returns the one text of a specification: sorted keys, no spaces, no NaN."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identify(spec: Any) -> str:
    """Returns the name of what a specification makes: 16 hexadecimal digits."""
    return hashlib.sha256(canonical(spec).encode()).hexdigest()[:16]


def part_of(spec: Spec) -> dict[str, Any]:
    """Returns the name and parameters of a part: what compiled programs are cached by."""
    return {"name": spec["name"], "params": spec["params"]}


def label_of(spec: Spec) -> str:
    """Returns the label that keys of a dataset's draws come from: its name and parameters."""
    return canonical(part_of(spec))
