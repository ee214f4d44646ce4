"""Samples that came in files are kept as draws, once."""

import numpy as np

from diffbench.records.store import Store
from diffbench.spec import identify
from diffbench.stages import given
from diffbench.suites.given import Kept

SPEC = {"stage": "draw", "score": "given", "sha256": "0" * 16, "n": 3, "seed": 0, "version": 1}


def test_a_draw_holds_the_samples_and_what_the_user_says_they_cost(tmp_path):
    store, x = Store(tmp_path), np.arange(6.0, dtype=np.float32).reshape(3, 2)
    given.keep(store, [Kept(SPEC, x), Kept({**SPEC, "nfe": 50}, x + 1)])
    plain, counted = (store.read("draw", identify(spec)) for spec in (SPEC, {**SPEC, "nfe": 50}))
    assert (plain["status"], plain["spec"], "nfe" in plain) == ("ok", SPEC, False)
    assert counted["nfe"] == 50
    np.testing.assert_array_equal(store.arrays("draw", identify(SPEC))["samples"], x)


def test_what_stands_already_is_left_as_it_is(tmp_path):
    store, x = Store(tmp_path), np.zeros((3, 2), np.float32)
    given.keep(store, [Kept(SPEC, x)])
    before = store.path("draw", identify(SPEC)).read_bytes()
    given.keep(store, [Kept(SPEC, x)])
    assert store.path("draw", identify(SPEC)).read_bytes() == before
