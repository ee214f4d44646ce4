"""The seal of a file against hashlib and json."""

import json

import numpy as np
import pytest

from diffbench.records import seal
from diffbench.records.store import StoreError


def test_the_first_line_of_a_record_is_the_digest_of_the_rest(store):
    import hashlib

    store.write("draw", "a", {"status": "ok"})
    first, rest = (store.root / "draws" / "a.json").read_bytes().split(b"\n", 1)
    assert first.decode() == f'{{"sha256": "{hashlib.sha256(rest).hexdigest()}",'
    assert json.loads(first + rest)["schema"] == 2


def test_numbers_that_json_cannot_hold_are_null(store):
    store.write("measure", "m", {"values": {"a": float("nan"), "b": [float("inf"), 1.0], "c": np.float32(2)}})
    text = (store.root / "measurements" / "m.json").read_text()
    assert json.loads(text)["values"] == {"a": None, "b": [None, 1.0], "c": 2.0}


def test_a_record_with_any_bit_flipped_is_broken():
    whole = seal.seal({"status": "ok", "values": {"energy": 0.25}})
    assert seal.unseal(whole)["values"] == {"energy": 0.25}
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(seal.Broken):
            seal.unseal(bytes(data))


def test_a_record_of_a_later_version_is_one_line_and_stays(store):
    body = seal.seal({"status": "ok"}).split(b"\n", 1)[1].replace(b'"schema": 2', b'"schema": 3')
    path = store.root / "draws" / "a.json"
    path.write_bytes(b'{"sha256": "' + seal.digest(body).encode() + b'",\n' + body)
    with pytest.raises(StoreError, match=r"a\.json: it has schema 3, and this version of diffbench reads 2"):
        store.read("draw", "a")
    assert path.exists()


def test_a_record_of_before_there_were_digests_is_one_line_and_stays(store):
    path = store.root / "draws" / "a.json"
    path.write_text(json.dumps({"schema": 1, "status": "ok"}))
    with pytest.raises(StoreError, match=r"a\.json: it has schema 1, and this version of diffbench reads 2"):
        store.read("draw", "a")
    assert path.exists()
