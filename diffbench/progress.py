"""Progress of a run: a bar for each stage on a terminal, few plain lines elsewhere."""

from __future__ import annotations

import threading
import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from diffbench.console import say_aside
from diffbench.records.outcome import OK
from diffbench.signs import plain
from diffbench.spec import Json
from diffbench.stages import intact
from diffbench.stages.harness import Listener
from diffbench.stages.planning import Plan
from diffbench.stages.work import STAGES
from diffbench.workers.tasks import Task

TITLES = {intact.CHECK: "files", **{name: stage.title for name, stage in STAGES.items()}}
EVERY = 30.0  # seconds between the lines that say how far a stage is, where there is no terminal


class Done:
    """How far one stage is."""

    def __init__(self, title: str):
        """Takes what people call it."""
        self.title, self.total, self.done, self.failed = title, 0, 0, 0
        self.began: float | None = None

    def line(self, now: float) -> str:
        """Returns how many tasks are done, how many failed, and about how long the rest may take."""
        text = f"{self.title}: {self.done} of {self.total} done, {self.failed} failed"
        if self.began is None or not self.done:
            return text
        return f"{text}, about {_duration((now - self.began) / self.done * (self.total - self.done))} left"


def _duration(seconds: float) -> str:
    """Returns a time for reading, in its largest unit."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Progress(Listener):
    """Progress of a run: a bar for each stage on a terminal, lines elsewhere."""

    def __init__(self, every: float = EVERY) -> None:
        """Takes the seconds between lines where there is no terminal."""
        self._console = Console(stderr=True)
        self._bars: RichProgress | None = None
        self._ids: dict[str, TaskID] = {}
        self._stages: dict[str, Done] = {}
        self._every, self._ended = every, threading.Event()
        self._clock: threading.Thread | None = None
        self._before = time.monotonic()  # when the last task ended

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        if self._clock is not None:
            self._clock.join()
        if self._bars is not None:
            self._bars.stop()

    def begin(self, plan: Plan) -> None:
        """Shows the stages of a plan; see `Listener.begin`."""
        for task in plan.tasks:
            self._stages.setdefault(task.stage, Done(TITLES[task.stage])).total += 1
        self._before = time.monotonic()
        if not plan.tasks:
            return
        if not self._console.is_terminal:
            parts = ", ".join(f"{stage.title} {stage.total}" for stage in self._stages.values())
            say_aside(f"to do: {parts}; done before: {plan.done}")
            self._clock = threading.Thread(target=self._tell, daemon=True)
            self._clock.start()
            return
        self._bars = RichProgress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
            console=self._console,
        )
        for name, stage in self._stages.items():
            self._ids[name] = self._bars.add_task(stage.title, total=stage.total, failed="")
        self._bars.start()

    def _tell(self) -> None:
        """Says at each tick how far the run is, for a task may take longer than a person waits."""
        while not self._ended.wait(self._every):
            say_aside(self.line())

    def line(self) -> str:
        """Returns how far the stages are that are under way, or the one that is next."""
        now = time.monotonic()
        left = [stage for stage in self._stages.values() if stage.done < stage.total]
        under_way = [stage for stage in left if stage.began is not None] or left[:1]
        return "; ".join(stage.line(now) for stage in under_way) or "all is done"

    def note(self, line: str) -> None:
        """See `Listener.note`; beside the progress."""
        if self._bars is not None:
            self._bars.console.print(escape(plain(line)))
        else:
            say_aside(line)

    def advance(self, task: Task, record: Json) -> None:
        """Counts a task; see `Listener.advance`."""
        stage, bad = self._stages[task.stage], record["status"] != OK
        # The first of a stage began when the one before it ended, or the run did.
        stage.began = self._before if stage.began is None else stage.began
        self._before = time.monotonic()
        stage.done += 1
        stage.failed += bad
        if self._bars is not None:
            self._bars.advance(self._ids[task.stage])
            if bad:
                reason = escape(plain(f"{record['status']}: {record['reason'][:40]}"))
                self._bars.update(self._ids[task.stage], failed=reason)
        elif stage.done == stage.total:
            say_aside(
                f"{stage.title}: {stage.total} done" + (f", {stage.failed} failed" if stage.failed else "")
            )
