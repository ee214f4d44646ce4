"""Tasks that run in this process."""

from diffbench.workers import engine
from diffbench.workers.engine import Task


def echo(payload):
    return {"status": "ok", "reason": "", "got": payload}


def raises(payload):
    raise KeyError("gone")


def test_tasks_run_here_one_after_another_and_errors_are_results():
    tasks = [Task("b", "fit", {"x": 1}, after=("a",)), Task("a", "fit", {"x": 2})]
    assert [(t.name, r["got"]["x"]) for t, r, _ in engine.run(tasks, echo, workers=0)] == [("a", 2), ("b", 1)]
    ((_, result, returned),) = engine.run([Task("a", "fit", {})], raises, workers=0)
    assert result == {"status": "error", "reason": "KeyError: 'gone'"}
    assert not returned
    assert list(engine.run([], echo, workers=0)) == []
