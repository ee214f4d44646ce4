"""What a run without a terminal says while it works."""

import time
from types import SimpleNamespace

import pytest

from diffbench.progress import Progress

OK, BAD = {"status": "ok", "reason": ""}, {"status": "error", "reason": "\x1b[2J"}
FIT, DRAW = SimpleNamespace(stage="fit"), SimpleNamespace(stage="draw")
PLAN = SimpleNamespace(tasks=[FIT, FIT, FIT, FIT, DRAW], done=7)


def test_a_line_says_what_is_done_what_failed_and_how_long_the_rest_takes(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with Progress() as progress:
        progress.begin(PLAN)
        assert progress.line() == "fitting: 0 of 4 done, 0 failed"
        clock[0] += 60.0
        progress.advance(FIT, OK)
        clock[0] += 60.0
        progress.advance(FIT, BAD)
        assert progress.line() == "fitting: 2 of 4 done, 1 failed, about 2 min left"


def test_a_line_comes_while_no_task_ends(capsys):
    with Progress(every=0.02) as progress:
        progress.begin(PLAN)
        until = time.monotonic() + 10
        lines = []
        while len(lines) < 3 and time.monotonic() < until:
            time.sleep(0.02)
            lines += capsys.readouterr().err.splitlines()
    assert lines[0] == "to do: fitting 4, drawing 1; done before: 7"
    assert lines[1:3] == ["fitting: 0 of 4 done, 0 failed"] * 2


def test_no_line_comes_after_the_end(capsys):
    with Progress(every=0.01) as progress:
        progress.begin(PLAN)
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "about 20 s left"), (60, "about 4 min left"), (3600, "about 4.0 h left")]
)
def test_the_rest_is_told_in_its_largest_unit(seconds, text, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with Progress() as progress:
        progress.begin(SimpleNamespace(tasks=[FIT] * 5, done=0))
        clock[0] += seconds
        progress.advance(FIT, OK)
        assert progress.line().endswith(text)
