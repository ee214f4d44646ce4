"""What a person sees on a terminal."""

import ast
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from diffbench import console, signs
from diffbench.tables import rendering
from diffbench.tables.long import Tables

HEADS = [*rendering.HEAD, "energy z", "mmd2_loc z", "mode_tv z"]
CELLS = 4  # the column of completed cells


def row(family, sampler):
    return ["learned", family, sampler, "1000", "3/3", "0.5 ± 1.8", "0.9 ± 0.6", "1.2 ± 3.1"]


def shown(*rows, width=100, without=(CELLS,)):
    return [HEADS[i] for i in console.fitting([HEADS, *rows], width, without)]


def test_all_metrics_are_shown_where_they_fit():
    assert shown(row("ddpm", "ancestral")) == [head for head in HEADS if head != "cells"]
    assert shown(row("ddpm", "ancestral"), without=()) == HEADS


def test_the_last_metrics_go_before_labels_are_folded():
    assert shown(row("score_sde (corrected)", "langevin (corrected)"), width=80)[-1] == "mmd2_loc z"


def test_two_metrics_stay_however_long_the_labels_are():
    assert shown(row("x" * 200, "y" * 200))[-2:] == ["energy z", "mmd2_loc z"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_what_is_shown_is_no_wider_unless_two_metrics_are_left(width):
    rows = [HEADS, row("score_sde", "predictor_corrector"), row("ddpm", "ancestral")]
    found = console.fitting(rows, width, [CELLS])
    wide = sum(max(len(cells[i]) for cells in rows) + console.GAP for i in found) - console.GAP
    assert wide <= width or len(found) == len(rendering.HEAD) - 1 + console.LEAST


@pytest.mark.parametrize("sampler", ["x" * size for size in range(16, 28, 2)])
def test_no_label_is_folded_while_a_metric_could_go(capsys, monkeypatch, sampler):
    monkeypatch.setattr(console, "WIDTH", 80)
    console.show(tables_of(sampler=sampler, energy=9.0, mode_tv=8.0, stray=35.0, intrinsic=4.0), COLUMNS)
    assert f" {sampler} " in capsys.readouterr().out


def test_metrics_in_which_nothing_errs_go_before_the_others():
    rows = [HEADS, row("score_sde (corrected)", "langevin (corrected)")]
    found = console.fitting(rows, 80, [CELLS], spare=[len(rendering.HEAD)])
    assert [HEADS[i] for i in found][-2:] == ["mmd2_loc z", "mode_tv z"]


COLUMNS = {name: {name: {"better": "lower"}} for name in ("energy", "intrinsic", "mine")}
COLUMNS["mode_tv"] = {name: {"better": "lower"} for name in ("mode_tv", "stray")}


def tables_of(sampler="own", leading=(), **z):
    long = pd.DataFrame(
        [
            {"dataset": "ring", "score": "learned", "family": "ddpm", "budget": "", "sampler": sampler,
             "seed": seed, "metric": c, "value": 1.0 + 0.1 * value, "floor_mean": 1.0, "floor_sd": 0.1,
             "z": value, "nfe": 10, "n_samples": 100, "status": "ok", "reason": ""}
            for c, value in z.items() for seed in (0, 1)
        ]
    )  # fmt: skip
    return Tables(long, *(pd.DataFrame(),) * 3, leading=leading)


def test_a_way_in_which_rows_err_is_in_the_headline(capsys):
    console.show(tables_of(energy=0.0, mode_tv=1.0, stray=35.0), COLUMNS)
    head, *rest = capsys.readouterr().out.splitlines()[1:]
    assert "stray z" in head
    assert any("35.0 ± 0" in line for line in rest)


def test_what_was_asked_for_stands_before_the_house_s_own(capsys):
    console.show(tables_of(energy=9.0, mine=0.0, leading=("mine",)), COLUMNS)
    head = capsys.readouterr().out.splitlines()[1]
    assert head.index("mine z") < head.index("energy z")


@pytest.mark.slow
def test_a_column_for_which_there_is_no_room_is_a_line_with_its_worst_row(capsys):
    made = tables_of(sampler="s" * 75, energy=9.0, stray=35.0, intrinsic=4.0)
    console.show(made, COLUMNS)
    out = capsys.readouterr().out
    assert "too wide to show intrinsic: z 4.0 ± 0 at most (learned ddpm s" in " ".join(out.split())


def test_the_legend_speaks_of_rows_that_are_there(capsys):
    console.show(tables_of(energy=9.0), COLUMNS)
    told = capsys.readouterr().out
    assert "error_split.md" in told
    assert "exact:" not in told


def test_a_narrow_terminal_tells_rows_one_below_the_other(capsys, monkeypatch):
    monkeypatch.setattr(console, "WIDTH", 40)
    console.show(tables_of(sampler="probability_flow", energy=9.0, stray=35.0, intrinsic=4.0), COLUMNS)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40
    i = lines.index("learned / ddpm / probability_flow")
    told = dict(line.strip().split("  ", 1) for line in lines[i + 1 : i + 5])
    assert {head: cell.strip() for head, cell in told.items()} == {
        "NFE": "10", "energy z": "9.0 ± 0", "stray z": "35.0 ± 0", "intrinsic z": "4.0 ± 0"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_a_console_that_lacks_a_sign_gets_a_table_in_line(encoding, monkeypatch):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding)
    signs.speakable(stream)
    monkeypatch.setattr(sys, "stdout", stream)
    console.show(tables_of(sampler="é漢±", energy=9.0), COLUMNS)
    console.say_paths("tables", ["/tmp/漢/a.csv"])
    stream.flush()
    head, rule, *rest = raw.getvalue().decode(encoding).splitlines()[1:]
    row = next(line for line in rest if line.startswith("learned"))
    assert len(head.rstrip()) == len(rule.rstrip()) == len(row.rstrip())


def test_control_characters_of_others_are_text(capsys):
    console.show(tables_of(sampler="\x1b[2Jpf", energy=9.0), COLUMNS)
    row = {k: "\x1b]0;x\x07" for k in ("dataset", "score", "family", "sampler", "status", "reason")}
    console.say_failed([{**row, "seed": 0}])
    console.say_paths("figures", ["/a/\x1b[2J.png"])
    console.say_verified(SimpleNamespace(wrong=[("\x9b2J", "\x1b")], files=1, measured=0, missing=0, moved=[], skipped={}), Path("\x07"))  # fmt: skip
    out, err = capsys.readouterr()
    assert not {*out, *err} & {"\x1b", "\x07", "\x9b"}
    assert r"\x1b[2J" in out
    assert r"\x1b]0;x\x07" in err


ABOVE = ("__main__", "cli", "application", "progress", "console")


def printing(tree):
    """Yields the lines of a module that print or hold a stream of the process."""
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in ("print", "input"):
            yield node.lineno
        elif isinstance(node, ast.Attribute) and node.attr in (
            "stdout",
            "stderr",
            "__stdout__",
            "__stderr__",
        ):
            if isinstance(node.value, ast.Name) and node.value.id == "sys":
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("rich", "typer", "click")):
            yield node.lineno


def test_nothing_below_the_console_prints():
    root = Path(console.__file__).parent
    files = [path for path in root.rglob("*.py") if path.parent != root or path.stem not in ABOVE]
    assert len(files) > 90
    found = {path: [*printing(ast.parse(path.read_text(encoding="utf-8")))] for path in files}
    assert {path.name: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize("text", ["print(1)", "sys.stderr.write('x')", "from rich.console import Console"])
def test_the_walk_sees_what_prints(text):
    assert [*printing(ast.parse(text))] == [1]
