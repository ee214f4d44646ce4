"""What a run must do: the tasks that the store lacks, most urgent first, each waiting for what it needs."""

import shutil

from diffbench.records.store import FOLDERS, Store
from diffbench.stages.planning import plan
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand


def planned(content, root, **more):
    return plan(expand(suites.parse(content)), Store(root), **more)


def test_an_empty_folder_lacks_everything_and_tasks_wait_for_what_they_build_on(tiny, tmp_path):
    found = planned(tiny(), tmp_path)
    counts = {stage: sum(task.stage == stage for task in found.tasks) for stage in FOLDERS}
    # Truth, Gaussian, exact and learned rows; one fit, one reference, one metric with its floor.
    assert counts == {"fit": 1, "draw": 4, "reference": 1, "measure": 4, "floor": 1, "flow": 0}
    urgency = ["reference", "fit", "draw", "floor", "measure"]
    places = [urgency.index(task.stage) for task in found.tasks]
    assert places == sorted(places)
    by_name = {task.name: task for task in found.tasks}
    for task in found.tasks:
        waits = sorted(by_name[name].stage for name in task.after)
        if task.stage == "measure":
            assert waits in (["draw", "floor", "reference"], ["draw", "fit", "floor", "reference"])
        elif task.stage == "floor":
            assert waits == ["reference"]
        elif task.stage != "draw":
            assert waits == []


def test_a_finished_folder_lacks_nothing_and_a_new_metric_only_measures(trained, tiny):
    done = planned(tiny(), trained.root)
    assert (done.tasks, done.done) == ([], 11)
    more = planned(tiny(metrics=["energy", "sliced_w2"]), trained.root)
    assert {task.stage for task in more.tasks} == {"floor", "measure"}
    assert more.done == 11


def test_rows_name_the_records_that_the_folder_has(trained, tiny):
    for row in planned(tiny(), trained.root).rows:
        assert trained.has("draw", row["draw_id"])
        assert trained.has("reference", row["reference_id"])
        assert all(trained.has("measure", name) for name in row["measures"].values())
        assert (row["fit_id"] is not None) == (row["score"] == "learned")


def test_who_has_drawn_holds_the_program_that_is_held_to_the_flow(tiny, tmp_path):
    found = planned(tiny(samplers=["ddim"], metrics=["flow_error", "energy"]), tmp_path)
    by_name = {task.name: task for task in found.tasks}
    held = 0
    for row in found.rows:
        if "flow_error" in row["measures"]:
            follows, drawn = by_name[row["measures"]["flow_error"]], by_name[row["draw_id"]]
            assert follows.program == drawn.program
            assert by_name[row["measures"]["energy"]].program != drawn.program
            held += 1
    assert held == 2  # exact and learned


def test_a_failure_stands_until_it_is_asked_to_be_tried_again(trained, tiny, tmp_path):
    shutil.copytree(trained.root, tmp_path / "run")
    store = Store(tmp_path / "run")
    name = next(row["fit_id"] for row in planned(tiny(), store.root).rows if row["fit_id"])
    store.path("fit", name).unlink()
    store.write("fit", name, {"status": "error", "reason": "broken"})
    assert planned(tiny(), store.root).tasks == []
    assert [task.name for task in planned(tiny(), store.root, retry_failed=True).tasks] == [name]


def test_plug_ins_travel_with_every_task(tiny, tmp_path):
    found = planned(tiny(), tmp_path, plugins=["p.py"])
    assert all(task.payload["plugins"] == ["p.py"] for task in found.tasks)
