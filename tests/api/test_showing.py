"""How objects look in a notebook."""

from __future__ import annotations

import pytest

import diffbench as db


@pytest.mark.slow
def test_objects_have_a_short_repr_and_an_html_one():
    data = db.dataset("two_moons")
    exact = db.exact(data)
    x = db.sample(exact, "ancestral", n=20, steps=3)
    for one in (data, db.process("vp"), exact, x):
        assert len(repr(one)) < 220
        assert "\n" not in repr(one)
        assert one._repr_html_().startswith("<")
    assert "<img alt='points of two_moons' " in data._repr_html_()
    assert "scale=0.7" in repr(data)
