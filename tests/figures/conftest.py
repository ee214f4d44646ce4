"""A run built by hand as a fixture."""

from __future__ import annotations

import zlib

import by_hand
import pytest
from by_hand import LONG, NFE, PROCESS, Made

from diffbench.records.store import Store


@pytest.fixture
def made(tmp_path) -> Made:
    store = Store(tmp_path / "run")
    store.prepare()
    return Made(store)


@pytest.fixture
def long(made, monkeypatch):
    """Labels of a hundred characters that differ in the last one."""
    monkeypatch.setattr(by_hand, "plain", lambda name: f"{zlib.crc32(name.encode()):08x}")
    for i, sampler in enumerate((f"{LONG}S", f"{LONG}T")):
        monkeypatch.setitem(NFE, sampler, 50 + i)
    monkeypatch.setitem(PROCESS, f"{LONG}F", "vp")
    for family in (f"{LONG}F", f"{LONG}G"):
        for sampler in (f"{LONG}S", f"{LONG}T"):
            made.add(f"{LONG}D", "learned", family, sampler, 0, n=60)
    made.mixing(0, "learned", 5.0)
    return made
