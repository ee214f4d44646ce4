"""Seeds trained at once: one task trains, each seed has its own record, and no bit depends on company."""

import contextlib
import json

import numpy as np
import pytest

from diffbench.programs import training
from diffbench.records.store import Store
from diffbench.spec import identify
from diffbench.stages import fit as fits
from diffbench.stages import harness, planning, work
from diffbench.stages.inputs import Inputs
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.tables import long as tables
from diffbench.workers import fleet

REPLICAS = 3


def planned(content, root):
    return planning.plan(expand(suites.parse(content)), Store(root))


def run(content, root):
    suite = suites.parse(content)
    return Store(root), harness.run(suite.model_dump(), expand(suite), Store(root), workers=0)


@pytest.fixture
def several(tiny):
    def make(**changes):
        return tiny(**{"seeds": 4, "replicas": REPLICAS, **changes})

    return make


@pytest.fixture
def specs(several):
    cells = expand(suites.parse(several()))
    return [cell.fit for cell in cells if cell.fit is not None]


def test_the_number_of_replicas_belongs_to_the_fit_and_one_is_none(several, specs):
    assert [(spec["seed"], spec["replicas"]) for spec in specs] == [(seed, REPLICAS) for seed in range(4)]
    for one in ({"replicas": 1}, {"replicas": None}):
        fit = next(cell.fit for cell in expand(suites.parse(several(**one))) if cell.fit)
        assert "replicas" not in fit


@pytest.mark.slow
def test_a_fit_does_not_depend_on_what_is_trained_with_it(specs):
    together = fits.train(specs[:3])
    alone, turned = fits.train([specs[1]]), fits.train([specs[3], specs[2], specs[1]])
    for other in (alone[0], turned[2]):
        assert other[0] == together[1][0]
        assert other[1].keys() == together[1][1].keys()
        for name, values in other[1].items():
            np.testing.assert_array_equal(values, together[1][1][name])
    assert together[0][0]["loss"] != together[1][0]["loss"]


@pytest.mark.slow
def test_replicas_are_the_fits_of_their_seeds(specs):
    single = {k: v for k, v in specs[1].items() if k != "replicas"}
    about, arrays = fits.fit(single, Inputs(None))
    replica = fits.train(specs[:3])[1]
    assert replica[0]["parameters"] == about["parameters"]
    for name, values in arrays.items():
        np.testing.assert_allclose(replica[1][name], values, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_diverged_replica_is_the_same_alone_and_in_company(specs):
    def grown(spec, rate):
        return {**spec, "training": {**spec["training"], "learning_rate": rate, "clip": 1e30, "warm_up": 0}}

    wild = [grown(spec, 1e30) for spec in specs]
    together, alone = fits.train(wild[:3]), fits.train(wild[1:2])
    assert alone[0][0]["status"] == "diverged"
    assert alone[0][0] == together[1][0]
    # The loss to the step that failed and no further, and no weights that are not numbers.
    assert alone[0][1].keys() == {"loss"}
    np.testing.assert_array_equal(alone[0][1]["loss"], together[1][1]["loss"])
    assert not np.isfinite(alone[0][1]["loss"][-1])
    assert np.isfinite(alone[0][1]["loss"][:-1]).all()


def test_the_first_of_a_group_leads_and_the_others_wait_for_it(several, tmp_path):
    tasks = [task for task in planned(several(seeds=7), tmp_path).tasks if task.stage == "fit"]
    leaders = [task for task in tasks if "leads" in task.payload]
    assert sorted(len(task.payload["leads"]) for task in leaders) == [2, 2]
    for leader in leaders:
        names = {identify(spec) for spec in leader.payload["leads"]}
        led = [task for task in tasks if task.name in names]
        assert len(led) == len(names)
        assert all(task.after == (leader.name,) and task.payload["led"] == leader.name for task in led)
    json.dumps([task.payload for task in tasks])


def test_fits_of_one_replica_have_no_leader(tiny, tmp_path):
    assert not any({"leads", "led"} & task.payload.keys() for task in planned(tiny(seeds=3), tmp_path).tasks)


@pytest.mark.slow
def test_a_run_trains_each_group_once_and_every_seed_has_its_rows(several, tmp_path, monkeypatch):
    calls = []
    plain = training.fit_replicas

    def counted(*args, **options):
        calls.append(len(args[4]))
        return plain(*args, **options)

    monkeypatch.setattr(training, "fit_replicas", counted)
    store, tally = run(several(), tmp_path)
    assert tally.failed == []
    assert tally.kept == 0
    assert calls == [REPLICAS, REPLICAS]
    long = tables.build(store).long
    learned = long[long["score"] == "learned"]
    assert sorted(learned["seed"]) == [0, 1, 2, 3]
    assert (learned["status"] == "ok").all()
    assert learned["value"].nunique() == 4
    # Once more does nothing; another seed trains that seed alone and changes no other row.
    assert run(several(), tmp_path)[1].made == 0
    calls.clear()
    _, tally = run(several(seeds=5), tmp_path)
    assert calls == [REPLICAS]
    again = tables.build(store).long
    again = again[(again["score"] == "learned") & (again["seed"] < 4)].reset_index(drop=True)
    assert again.equals(learned.reset_index(drop=True))


@pytest.mark.slow
def test_fits_of_other_replicas_are_rows_of_their_own(several, tmp_path):
    run(several(), tmp_path)
    store, _ = run(several(replicas=1, seeds=2), tmp_path)
    learned = tables.build(store).long.query("score == 'learned'")
    assert sorted(learned.groupby("family")["seed"].nunique()) == [2, 4]


@pytest.mark.slow
def test_a_seed_that_breaks_a_group_is_the_only_one_to_fail(several, tmp_path, monkeypatch):
    """The data of one seed cannot be drawn: the innocent ones are trained without it."""
    plain = fits.pool_of

    def broken(spec):
        if spec["seed"] == 1:
            raise RuntimeError("no data")
        return plain(spec)

    monkeypatch.setattr(fits, "pool_of", broken)
    content = several(seeds=3)
    tasks = [task for task in planned(content, tmp_path).tasks if task.stage == "fit"]
    Store(tmp_path).prepare()
    (leader,) = (task for task in tasks if "leads" in task.payload)
    assert work.execute(leader.payload)["status"] == "error"
    # A run that stops here goes on from here: the others have not been tried.
    assert len([*(tmp_path / "fits").iterdir()]) == 1
    left = [task.name for task in planned(content, tmp_path).tasks if task.stage == "fit"]
    assert sorted(left) == sorted(task.name for task in tasks if task.name != leader.name)
    for path in (tmp_path / "fits").iterdir():
        path.unlink()
    store, _ = run(content, tmp_path)
    statuses = tables.build(store).long.query("score == 'learned'").set_index("seed")["status"].sort_index()
    assert statuses[1] == "error"
    # The one that led them cannot be told from the one that broke them.
    assert sorted(statuses[[0, 2]]) in (["error", "ok"], ["ok", "ok"])
    monkeypatch.undo()
    suite = suites.parse(content)
    again = harness.run(suite.model_dump(), expand(suite), store, workers=0, retry_failed=True)
    assert again.failed == []
    assert set(tables.build(store).long["status"]) == {"ok"}


@pytest.mark.parametrize("status", ["timeout", "out_of_memory"])
def test_a_program_that_takes_too_much_is_not_tried_for_each_seed(several, tmp_path, monkeypatch, status):
    """Alone each seed has the same program, so its failure is theirs, until they are tried again."""
    store = Store(tmp_path)
    tasks = [task for task in planned(several(seeds=3), tmp_path).tasks if task.stage == "fit"]
    (leader,) = (task for task in tasks if "leads" in task.payload)
    store.prepare()
    store.write("fit", leader.name, {"status": status, "reason": "too much", "spec": leader.payload["spec"]})
    monkeypatch.setattr(fits, "train", lambda specs: pytest.fail("it was tried"))
    for task in tasks:
        if task.name != leader.name:
            assert work.execute(task.payload)["status"] == status
            assert store.read("fit", task.name)["reason"] == "too much"
    assert not [task for task in planned(several(seeds=3), tmp_path).tasks if task.stage == "fit"]


def test_one_that_leads_and_is_done_still_trains_the_others_at_once(several, tmp_path, monkeypatch):
    tasks = [task for task in planned(several(seeds=3), tmp_path).tasks if task.stage == "fit"]
    (leader,) = (task for task in tasks if "leads" in task.payload)
    Store(tmp_path).prepare()
    work.execute({**leader.payload, "leads": []})
    calls = []
    plain = fits.train
    monkeypatch.setattr(fits, "train", lambda specs: calls.append(len(specs)) or plain(specs))
    assert work.execute(leader.payload)["status"] == "ok"
    assert calls == [2]
    assert len([*(tmp_path / "fits").glob("*.json")]) == 3


@pytest.mark.slow
@pytest.mark.parametrize("sees", [True, False])
def test_workers_give_the_bits_of_a_run_without_them(several, tmp_path, monkeypatch, sees):
    if not sees:
        monkeypatch.setattr(fleet, "marked", lambda folder: contextlib.nullcontext("/nowhere"))
    suite = suites.parse(several(seeds=5))
    made = {}
    for name, workers in (("here", 0), ("away", 2)):
        store = Store(tmp_path / name)
        tally = harness.run(suite.model_dump(), expand(suite), store, workers=workers)
        assert tally.failed == []
        made[name] = {path.name: path.read_bytes() for path in store.root.rglob("*.safetensors")}
    assert made["away"] == made["here"]
    assert len([name for name in made["here"] if (tmp_path / "here" / "fits" / name).exists()]) == 5


@pytest.mark.slow
def test_a_broken_fit_is_made_again_with_the_same_bits(several, tmp_path):
    store, _ = run(several(), tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "fits").glob("*.safetensors")}
    broken = sorted(tmp_path.glob("fits/*.safetensors"))[0]
    broken.write_bytes(b"")
    for path in [*(tmp_path / "draws").iterdir(), *(tmp_path / "measurements").iterdir()]:
        path.unlink()
    _, tally = run(several(), tmp_path)
    assert tally.failed == []
    assert {path.name: path.read_bytes() for path in (tmp_path / "fits").glob("*.safetensors")} == before


def test_a_seed_that_another_run_has_made_is_left_as_it_is(several, tmp_path):
    tasks = [task for task in planned(several(seeds=3), tmp_path).tasks if task.stage == "fit"]
    (leader,) = (task for task in tasks if "leads" in task.payload)
    Store(tmp_path).prepare()
    led = next(task for task in tasks if task.name != leader.name)
    assert work.execute({**led.payload})["status"] == "ok"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "fits").iterdir()}
    assert work.execute(leader.payload)["status"] == "ok"
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len([*(tmp_path / "fits").glob("*.json")]) == 3


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "two", 100_000])
def test_a_number_of_replicas_that_is_none_is_refused(several, wrong):
    with pytest.raises(suites.SuiteError, match="replicas"):
        suites.parse(several(replicas=wrong))
