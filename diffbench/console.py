"""What a person sees: progress, the comparison, and where the files are.

On a terminal Rich draws; elsewhere plain lines are printed, few of them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from diffbench.tables import long as tables
from diffbench.tables import rendering
from diffbench.tables.headlines import headlines

WIDTH = 100
TITLES = {
    "reference": "truth",
    "fit": "fitting",
    "draw": "drawing",
    "floor": "noise floors",
    "measure": "measuring",
}
# Metrics that a terminal shows however long the labels are; every column is in the files.
LEAST = 2
SHORT = {"manifold_distance": "distance", "mmd2_local": "mmd2_loc"}


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


class Progress:
    """Progress of a run: a bar for each stage on a terminal, a line for each elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars: RichProgress | None = None
        self._ids: dict[str, Any] = {}
        self._left: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def begin(self, plan: Any) -> None:
        """Shows the stages of a plan."""
        for task in plan.tasks:
            self._total[task.stage] = self._total.get(task.stage, 0) + 1
        self._left = dict(self._total)
        if not plan.tasks:
            return
        if not self._console.is_terminal:
            parts = ", ".join(f"{TITLES[stage]} {count}" for stage, count in self._total.items())
            print(f"to do: {parts}; done before: {plan.done}", file=sys.stderr, flush=True)
            return
        self._bars = RichProgress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
            console=self._console,
        )
        for stage, count in self._total.items():
            self._ids[stage] = self._bars.add_task(TITLES[stage], total=count, failed="")
        self._bars.start()

    def note(self, line: str) -> None:
        """Shows a line beside the progress."""
        if self._bars is not None:
            self._bars.console.print(escape(line))
        else:
            print(line, file=sys.stderr, flush=True)

    def advance(self, task: Any, record: Mapping[str, Any]) -> None:
        """Counts a task that ended."""
        self._left[task.stage] -= 1
        if self._bars is not None:
            self._bars.advance(self._ids[task.stage])
            if record["status"] != "ok":
                self._bars.update(
                    self._ids[task.stage], failed=f"{record['status']}: {record['reason'][:40]}"
                )
        elif self._left[task.stage] == 0:
            print(f"{TITLES[task.stage]}: {self._total[task.stage]} done", file=sys.stderr, flush=True)


def show(made: tables.Tables, columns: Mapping[str, Any]) -> None:
    """Prints the comparison, a table for each dataset, headline columns only."""
    console = _console()
    flat = {column: about for metric in columns.values() for column, about in metric.items()}
    for dataset in sorted(made.long["dataset"].unique()):
        metrics, spare = headlines(made.long, dataset, columns, made.leading)
        in_z = rendering.in_z(made.long, dataset)
        table = Table(
            title=escape(dataset), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
            show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
        )  # fmt: skip
        rows = rendering.summary(
            made.long, dataset, metrics, over_floor=True, censored=rendering.censored_of(columns)
        )
        failing = any(row[4].split("/")[0] != row[4].split("/")[1] for row in rows)
        heads = [*rendering.HEAD, *(_head(metric, metric in in_z, flat) for metric in metrics)]
        places = {metric: len(rendering.HEAD) + i for i, metric in enumerate(metrics)}
        shown = _fitting(
            [heads, *rows], console.width, [] if failing else [4], [places[metric] for metric in spare]
        )
        for i in shown:
            number = i >= len(rendering.HEAD) or heads[i] in ("NFE", "cells")
            table.add_column(heads[i], justify="right" if number else "left", overflow="fold", no_wrap=number)
        before = None
        for row in rows:
            if before not in (None, row[0]):
                table.add_section()
            before = row[0]
            table.add_row(*(escape(row[i]) for i in shown))
        console.print(table)
        for metric in (m for m in metrics if places[m] not in shown):
            console.print(escape(_aside(metric, rows, places[metric], metric in in_z)), style="dim")
        console.print()
    print(
        "z: distance from the noise floor in its standard deviations, mean over seeds ± half of the 95%\n"
        "interval (truth: about 0). exact: the same sampler on the exact score, so solver error alone.\n"
        "gaussian: a Gaussian of the data's moments. tables/error_split.md: what each error is made of."
    )


def _head(metric: str, floored: bool, columns: Mapping[str, Any]) -> str:
    return f"{SHORT.get(metric, metric)} {'z' if floored else rendering.arrow(columns[metric]['better'])}"


def _aside(metric: str, rows: Sequence[Sequence[str]], place: int, in_z: bool) -> str:
    """Returns the line for a column that has no room: its row with the largest number."""

    def size(row: Sequence[str]) -> float:
        try:
            return abs(float(row[place].removeprefix("> ").split()[0]))
        except ValueError:
            return -1.0

    most = max(rows, key=size)
    where = " ".join(part for part in most[:3] if part)
    return f"no room for {metric}: {'z ' if in_z else ''}{most[place]} at most ({where})"


def _fitting(
    rows: Sequence[Sequence[str]], width: int, without: Sequence[int], spare: Sequence[int] = ()
) -> list[int]:
    """Returns the columns of a table that fit a width: metrics go before labels are folded.

    Args:
      rows: The heads and the rows.
      width: Characters in a line.
      without: Columns to leave out in any case.
      spare: Metrics that go before the others; of both kinds the last go first.
    """
    widths = [max(len(cell) for cell in column) + 1 for column in zip(*rows, strict=True)]
    shown = [i for i in range(len(widths)) if i not in without]
    metrics = [i for i in shown if i >= len(rendering.HEAD)]
    going = [*(i for i in metrics if i not in spare), *(i for i in metrics if i in spare)]
    while sum(widths[i] for i in shown) > width and len(going) > LEAST:
        shown.remove(going.pop())
    return shown


def say_done(made: int, kept: int, root: Path) -> None:
    """Prints how much work was done and how much was there."""
    new = f"{made} tasks done" if made else "nothing to do"
    print(f"{new}, {kept} from before, in {root}")


def say_paths(what: str, paths: Sequence[str]) -> None:
    """Prints where files are: the folder and the names in it."""
    if paths:
        names = ", ".join(Path(path).name for path in paths)
        print(f"{what}: {Path(paths[0]).parent}/ ({names})")


def say_failed(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints each cell that is not ok, on stderr."""
    for row in rows:
        where = " / ".join(str(row[k]) for k in ("dataset", "score", "family", "sampler") if row[k])
        print(f"not ok: {where}, seed {row['seed']}: {row['status']} ({row['reason']})", file=sys.stderr)


def say_verified(report: Any, root: Path) -> None:
    """Prints what a check of a folder found: each fault on stderr, and how much was looked at."""
    for where, what in report.wrong:
        print(f"wrong: {where}: {what}", file=sys.stderr)
    print(f"{root}: {report.files} files checked, {report.measured} measurements measured again")
    if report.unsealed:
        print(f"without a digest, so read and not vouched for: {report.unsealed} files")
    for reason, count in sorted(report.skipped.items()):
        print(f"not measured again: {count} measurements; {reason}")
    print(f"wrong: {len(report.wrong)}" if report.wrong else "nothing is wrong")


def say_plan(name: str, cells: int, tasks: Sequence[Any], done: int, root: Path) -> None:
    """Prints what a run would do."""
    print(f"suite {name}: {cells} cells, results in {root}")
    for stage, title in TITLES.items():
        count = sum(task.stage == stage for task in tasks)
        if count:
            print(f"  {title}: {count}")
    print(f"  done before: {done}")


def say_parts(title: str, rows: Sequence[tuple[str, Mapping[str, Any] | None, str]]) -> None:
    """Prints a registry: names, what each is, and parameters with defaults."""
    print(f"{title}:")
    for name, defaults, about in rows:
        print(f"  {name}: {about}")
        if defaults:
            print("      " + ", ".join(f"{key} = {value!r}" for key, value in defaults.items()))


def say_suites(rows: Sequence[tuple[str, str]]) -> None:
    """Prints the shipped suites."""
    print("suites:")
    for name, description in rows:
        print(f"  {name}: {description}")
