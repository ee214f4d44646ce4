"""A family class that a notebook defines joins fits and runs, and says how to use workers."""

from __future__ import annotations

import pytest
from plugin_files import plugins_forgotten

import diffbench as db

CELL = """
import jax
import diffbench as db

@db.families.register("late")
class Late(db.Family):
    sampler = {{"name": "ancestral", "steps": 5}}

    def sample_times(self, key, n):
        u = jax.random.uniform(key, (n,))
        return self.process.t_min + (self.process.t_max - self.process.t_min) * u**{power}
"""
SMALL = {
    "network": {"widths": [8, 8]},
    "training": {"steps": 20, "batch": 16},
    "samples": 32,
    "floor_draws": 9,
}


def _cell(power=0.5):
    scope = {"__name__": "__main__"}
    exec(CELL.format(power=power), scope)
    return scope["Late"]


@pytest.fixture(autouse=True)
def forgotten():
    with plugins_forgotten():
        yield


@pytest.mark.slow
def test_a_family_of_a_notebook_joins_a_run(tmp_path):
    late = _cell()
    results = db.run(
        {"datasets": ["nine_gaussians"]}, families=[late, "score_sde"], metrics=["energy"], seeds=1,
        out=tmp_path, progress=False, samplers=[{"name": "ancestral", "steps": 3}], **SMALL,
    )  # fmt: skip
    assert {"late", "score_sde"} <= set(results.frame["family"])
    assert (results.frame["status"] == "ok").all()
    assert results.row(family="late").loss.shape == (20,)


@pytest.mark.slow
def test_an_edited_family_is_trained_anew():
    first = db.fit(_cell(0.5), "nine_gaussians", steps=20, batch=16, network=SMALL["network"])
    again = db.fit(_cell(0.5), "nine_gaussians", steps=20, batch=16, network=SMALL["network"])
    other = db.fit(_cell(3.0), "nine_gaussians", steps=20, batch=16, network=SMALL["network"])
    assert (first.loss == again.loss).all()
    assert (first.loss != other.loss).any()


@pytest.mark.slow
def test_workers_are_refused_with_what_to_do(tmp_path):
    late = _cell()
    with pytest.raises(ValueError, match=r"family 'late'.*put it in a file and give plugins=\['FILE\.py'\]"):
        db.run({"datasets": ["nine_gaussians"]}, families=[late], workers=2, out=tmp_path)


def test_a_class_that_is_not_registered_is_told_how():
    with pytest.raises(ValueError, match=r"put @diffbench\.families\.register\('other'\) above it"):
        db.fit(type("Other", (db.Family,), {}), "nine_gaussians")


def test_a_family_that_breaks_its_contract_is_told_before_any_work():
    scope = {"__name__": "__main__"}
    exec(CELL.format(power=0.5).replace("u**0.5", "u[:1]"), scope)
    with pytest.raises(ValueError, match="breaks its contract"):
        db.fit("late", "nine_gaussians", steps=20)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({}, "breaks its contract: NotImplementedError: Mine has no sample_times"),
        (
            {"sample_times": lambda self, key, n: None},
            "sample_times: expected an array of numbers, got NoneType",
        ),
        ({"sampler": "ancestral"}, "sampler of a family must be a table such as"),
    ],
)
def test_what_a_family_lacks_is_told(made, said):
    mine = type("Mine", (db.Family,), {"__module__": "__main__", **made})
    db.families.register("mine")(mine)
    with pytest.raises(ValueError, match=said) as caught:
        db.fit(mine, "nine_gaussians", steps=20)
    assert "\n" not in str(caught.value)


def test_what_is_no_family_is_told():
    mine = type("Mine", (), {"__module__": "__main__"})
    db.families.register("mine")(mine)
    with pytest.raises(ValueError, match="a family must be a class that begins from Family; Mine has no"):
        db.fit(mine, "nine_gaussians", steps=20)
