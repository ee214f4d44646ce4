"""Two runs row by row, for reading: what comes first, what is folded, and labels of others as text."""

from __future__ import annotations

import math

import pandas as pd
from markdown_it import MarkdownIt

from diffbench.tables import changes_page
from diffbench.tables.against import COLUMNS, Against


def found(*verdicts, label="nine", note="", versions=()):
    rows = [
        {
            "dataset": label, "score": "exact", "family": "vp", "budget": "", "sampler": "own",
            "metric": f"m{i}", "a": 1.0, "b": 2.0, "difference": 1.0, "low": 0.5, "high": 1.5,
            "floor_sd": 0.25, "seeds": 3, "p_value": 0.01, "verdict": verdict, "note": note,
        }
        for i, verdict in enumerate(verdicts)
    ]  # fmt: skip
    return Against(pd.DataFrame(rows, columns=list(COLUMNS)), list(versions), [])


def test_versions_come_first_and_worse_before_better():
    page = changes_page.markdown(found("better", "worse", "equal", versions=["jax: 1, then 2"]), "a", "b")
    places = [page.index(text) for text in ("differs: jax", "worse: 1, better: 1", "## Worse", "## Better")]
    assert places == sorted(places)
    assert "| nine | exact | vp | own | m1 | 1.00 | 2.00 | 4.0 ± 2.0 sd | 3 |" in page


def test_what_is_equal_is_folded_and_a_page_is_bounded():
    page = changes_page.markdown(found(*["equal"] * 1000), "a", "b")
    assert "<details><summary>Equal (1000)</summary>" in page
    assert "900 more" in page
    assert len(page) < 65_536  # a comment of GitHub's


def test_a_hostile_label_stays_text():
    label = '"><img onerror=alert(1)>|`$x$`</details>' + "x" * 200
    page = changes_page.markdown(found("worse", "only in A", label=label, note=label), label, label)
    html = MarkdownIt("commonmark").enable("table").render(page)
    assert "<img" not in html
    assert html.count("<tr>") == 2


def test_a_change_without_a_floor_is_in_its_own_units():
    one = found("worse")
    one.rows["floor_sd"] = math.nan
    assert changes_page.rows_of(one.rows)[0][7] == "1.00 ± 0.50"


def test_rows_of_one_run_are_a_line_each():
    assert list(changes_page.lonely(found("only in A", "only in A"))) == [
        "only in A: nine / exact / vp / own (m0, m1)"
    ]
