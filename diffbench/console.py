"""What a person sees of results: the comparison, what is wrong, and where the files are.

Text of others is shown with its control characters as text, and with stand-ins for the signs
that the console lacks.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from diffbench.signs import fitted, plain
from diffbench.spec import Json
from diffbench.stages.intact import Report
from diffbench.stages.work import STAGES
from diffbench.tables import changes_page, rendering
from diffbench.tables import long as tables
from diffbench.tables.against import Against
from diffbench.tables.digits import deviations, number, within
from diffbench.tables.headlines import headlines
from diffbench.workers.tasks import Task

WIDTH = 100
# Metrics that a terminal shows however long the labels are; every column is in the files.
LEAST = 2
# Characters between two columns: a padding, and the box's own.
GAP = 2
# Characters of a label below which a table is unreadable, and rows are told one by one.
LABEL = 8
# What stands below the tables, by the kind of row that it speaks of.
LEGEND = {
    "": "z: distance from the noise floor in its standard deviations, mean over seeds ± half of the 95%"
    " interval (truth: about 0).",
    "exact": "exact: the same sampler on the exact score, so solver error alone.",
    "gaussian": "gaussian: a Gaussian of the data's moments.",
    "learned": "tables/error_split.md: what each error is made of.",
}
SHORT = {"manifold_distance": "distance", "mmd2_local": "mmd2_loc"}


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def show(made: tables.Tables, columns: Json) -> None:
    """Prints the comparison, a table for each dataset, headline columns only."""
    console = _console()
    flat = {column: about for metric in columns.values() for column, about in metric.items()}
    for dataset in made.long["dataset"].unique():
        metrics, spare = headlines(made.long, dataset, columns, made.leading)
        in_z = rendering.in_z(made.long, dataset)
        table = Table(
            title=escape(_clean(dataset, console)), title_justify="left", title_style="bold",
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
        )  # fmt: skip
        rows = rendering.summary(
            made.long, dataset, metrics, over_floor=True, censored=rendering.censored_of(columns)
        )
        failing = any(row[4].split("/")[0] != row[4].split("/")[1] for row in rows)
        heads = [*rendering.HEAD, *(_head(metric, metric in in_z, flat) for metric in metrics)]
        heads, *rows = ([_clean(cell, console) for cell in row] for row in (heads, *rows))
        places = {metric: len(rendering.HEAD) + i for i, metric in enumerate(metrics)}
        shown = fitting(
            [heads, *rows], console.width, [] if failing else [4], [places[metric] for metric in spare]
        )
        if _cramped([heads, *rows], console.width, shown):
            _one_by_one(console, dataset, heads, rows, [] if failing else [4])
            continue
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
            aside = _aside(_clean(metric, console), rows, places[metric], metric in in_z)
            console.print(escape(aside), style="dim")
        console.print()
    for note in rendering.notes(made.long):
        console.print(escape(_clean(note, console)))
    there = set(made.long["score"])
    console.print(" ".join(words for score, words in LEGEND.items() if not score or score in there))


def show_readings(label: str, table: pd.DataFrame, symptoms: Sequence[str]) -> None:
    """Prints what each metric says of one model, and what its error looks like."""
    console = _console()
    shown = Table(
        title=escape(_clean(label, console)), title_justify="left", title_style="bold",
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0),
    )  # fmt: skip
    heads = ("metric", "value", "floor", "z", "p", "u")
    for head in heads:
        shown.add_column(head, justify="left" if head == "metric" else "right", no_wrap=True)
    for row in table.to_dict("records"):
        floor = "-" if math.isnan(row["floor"]) else within(row["floor"], row["floor_sd"])
        value = number(row["value"]) if row["status"] == "ok" else str(row["status"])
        cells = [row["metric"], value, floor, deviations(row["z"]), _few(row["p"]), _few(row["u"])]
        shown.add_row(*(escape(_clean(str(cell), console)) for cell in cells))
    console.print(shown)
    for line in symptoms:
        console.print(escape(_clean(f"{label}: {line}", console)))
    console.print()


def say_compared(found: Against, a: str, b: str, form: str) -> None:
    """Prints two runs row by row: what differs in versions, what got worse or better, what is in one only.

    Args:
      found: What `tables.against` found.
      a: What the first is called.
      b: What the second is called.
      form: "text" or "md".
    """
    if form == "md":
        print(changes_page.markdown(found, a, b))
        return
    console = _console()
    for line in (f"A: {a}", f"B: {b}", *changes_page.first_lines(found)):
        say(line)
    for verdict, rows in changes_page.shown(found):
        _show_changes(console, verdict, rows)
    for line in changes_page.lonely(found):
        say(line)
    say(changes_page.counts(found))


def _show_changes(console: Console, verdict: str, rows: pd.DataFrame) -> None:
    """Prints the rows of one verdict, each on a line of its own with its numbers under it."""
    console.print(f"{verdict}:", style="bold")
    for row in changes_page.rows_of(rows):
        where = " / ".join(label for label in row[:5] if label)
        a, b, change, seeds, note = row[5:]
        told = f"{a} -> {b}, change {change}, seeds {seeds}{', ' if note else ''}{note}"
        console.print(escape(_clean(f"  {where}: {told}", console)), soft_wrap=True)
    if len(rows) > changes_page.MOST:
        say(f"  {len(rows) - changes_page.MOST} more")


def _few(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def say_hint(line: str) -> None:
    """Prints what may be wrong with what was given, on stderr."""
    say_aside(f"hint: {line}")


def _clean(text: str, console: Console) -> str:
    """Returns text as the console can show it."""
    return fitted(plain(text), console.encoding)


def _cramped(rows: Sequence[Sequence[str]], width: int, shown: Sequence[int]) -> bool:
    """Returns whether labels have no room left beside the numbers of a table."""
    widths = [max(cell_len(row[i]) for row in rows) + GAP for i in shown]
    labels = [min(widths[k], LABEL) if i < 3 else widths[k] for k, i in enumerate(shown)]
    return sum(labels) - GAP > width


def _one_by_one(
    console: Console,
    dataset: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    without: Sequence[int],
) -> None:
    """Prints the rows of a dataset one below the other, a number a line: for a narrow terminal."""
    console.print(escape(_clean(dataset, console)), style="bold")
    told = [i for i in range(3, len(heads)) if i not in without]
    wide = max(cell_len(heads[i]) for i in told)
    for row in rows:
        console.print(escape(" / ".join(label for label in row[:3] if label)))
        for i in told:
            console.print(escape(f"  {heads[i]}{' ' * (wide - cell_len(heads[i]))}  {row[i]}"))
    console.print()


def _head(metric: str, floored: bool, columns: Json) -> str:
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
    return f"too wide to show {metric}: {'z ' if in_z else ''}{most[place]} at most ({where})"


def fitting(
    rows: Sequence[Sequence[str]], width: int, without: Sequence[int], spare: Sequence[int] = ()
) -> list[int]:
    """Returns the columns of a table that fit a width: metrics go before labels are folded.

    Args:
      rows: The heads and the rows.
      width: Characters in a line.
      without: Columns to leave out in any case.
      spare: Metrics that go before the others; of both kinds the last go first.
    """
    widths = [max(cell_len(cell) for cell in column) + GAP for column in zip(*rows, strict=True)]
    shown = [i for i in range(len(widths)) if i not in without]
    metrics = [i for i in shown if i >= len(rendering.HEAD)]
    going = [*(i for i in metrics if i not in spare), *(i for i in metrics if i in spare)]
    while sum(widths[i] for i in shown) - GAP > width and len(going) > LEAST:
        shown.remove(going.pop())
    return shown


def say(line: str) -> None:
    """Prints a line."""
    print(plain(line))


def say_aside(line: str) -> None:
    """Prints a line on stderr, at once; a reader that has gone ends nothing."""
    with contextlib.suppress(OSError):
        print(plain(line), file=sys.stderr, flush=True)


def say_done(made: int, kept: int, root: Path) -> None:
    """Prints how much work was done and how much was there."""
    new = f"{made} tasks done" if made else "nothing to do"
    say(f"{new}, {kept} from before, in {root}")


def say_paths(what: str, paths: Sequence[str]) -> None:
    """Prints where files are: the folder and the names in it."""
    if paths:
        names = ", ".join(Path(path).name for path in paths)
        say(f"{what}: {Path(paths[0]).parent}/ ({names})")


def say_failed(rows: Sequence[Json]) -> None:
    """Prints each cell that is not ok, on stderr."""
    for row in rows:
        where = " / ".join(str(row[k]) for k in ("dataset", "score", "family", "sampler") if row[k])
        say_aside(f"not ok: {where}, seed {row['seed']}: {row['status']} ({row['reason']})")


def say_verified(report: Report, root: Path) -> None:
    """Prints what a check of a folder found: each fault on stderr, and how much was looked at."""
    for where, what in report.wrong:
        say_aside(f"wrong: {where}: {what}")
    say(f"{root}: {report.files} files checked, {report.measured} measurements measured again")
    for reason, count in sorted(report.skipped.items()):
        say(f"not measured again: {count} measurements; {reason}")
    if report.moved:
        say(f"moved to quarantine/: {len(report.moved)} files; run the suite again and they are made again")
    if report.missing:
        say(f"missing: {report.missing} rows of the tables; the run that asked for them makes them again")
    say(f"wrong: {len(report.wrong)}" if report.wrong else "nothing is wrong")


def say_plan(name: str, cells: int, tasks: Sequence[Task], done: int, root: Path) -> None:
    """Prints what a run would do."""
    say(f"suite {name}: {cells} cells, results in {root}")
    for stage in STAGES.values():
        count = sum(task.stage == stage.name for task in tasks)
        if count:
            say(f"  {stage.title}: {count}")
    say(f"  done before: {done}")


def say_parts(title: str, rows: Sequence[tuple[str, Json | None, str]]) -> None:
    """Prints a registry: names, what each is, and parameters with defaults."""
    say(f"{title}:")
    for name, defaults, about in rows:
        say(f"  {name}: {about}")
        if defaults:
            say("      " + ", ".join(f"{key} = {value!r}" for key, value in defaults.items()))


def say_suites(rows: Sequence[tuple[str, str]]) -> None:
    """Prints the shipped suites."""
    say("suites:")
    for name, description in rows:
        say(f"  {name}: {description}")
