"""The figure of the error split, from a table whose parts are known."""

import numpy as np
import pandas as pd
import pytest

from diffbench.figures import split
from diffbench.figures.base import style
from diffbench.tables.split import COLUMNS


def table(datasets=("ring",), families=("ddpm", "ncsn"), learning=4.0, finite=np.nan, seeds=3):
    rows = []
    for dataset in datasets:
        for family in families:
            for metric in ("energy", "mmd2_local"):
                row = {
                    "dataset": dataset,
                    "family": family,
                    "budget": "9x9",
                    "sampler": "own",
                    "metric": metric,
                }
                parts = {"solver": 0.5, "learning": learning, "total": 0.5 + learning, "finite_data": finite}
                half = 0.25 if seeds > 1 else np.nan
                for part, value in parts.items():
                    row |= {part: value, f"{part}_low": value - half, f"{part}_high": value + half}
                rows.append({**row, "seeds": seeds, "floor_sd": 0.5, "errs_in": "learning"})
    return pd.DataFrame(rows, columns=list(COLUMNS))


ALWAYS = ["95% t interval over 3 seeds", "noise floor, ± 2 sd"]


def drawn(frame):
    with style():
        return list(split.pages(frame, ["energy", "mmd2_local", "not_there"]))


def test_a_panel_for_each_headline_and_a_line_for_each_learned_row():
    ((name, figure),) = drawn(table())
    assert name == "error_split"
    assert [axes.get_title() for axes in figure.axes] == ["energy", "mmd2_local"]
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["ring: ddpm, own", "ring: ncsn, own"]
    # Floor deviations: 0.5 and 4.0 over a floor sd of 0.5.
    places = {tuple(container.lines[0].get_xdata()) for container in figure.axes[0].containers}
    assert places == {(1.0, 1.0), (8.0, 8.0)}


def test_finite_data_is_in_the_legend_where_it_is_known():
    def legend(frame):
        ((_, figure),) = drawn(frame)
        return [text.get_text() for text in figure.legends[0].get_texts()]

    assert legend(table()) == ["solving", "learning", "total", *ALWAYS]
    assert legend(table(finite=1.0)) == ["solving", "learning", "finite data", "total", *ALWAYS]


def test_rows_stand_in_the_order_of_the_suite_and_those_without_a_metric_say_so():
    frame = table(datasets=["zebra", "apple"])
    without = frame[(frame["dataset"] != "apple") | (frame["metric"] != "energy")]
    ((_, figure),) = drawn(without)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [f"{d}: {f}, own" for d in ("zebra", "apple") for f in ("ddpm", "ncsn")]
    said = [[(text.get_text(), text.get_position()[1]) for text in axes.texts] for axes in figure.axes]
    assert said == [[("not here", 2.0), ("not here", 3.0)], []]


def test_many_rows_take_more_than_one_page():
    many = table(datasets=[f"d{i:02d}" for i in range(40)])
    assert [name for name, _ in drawn(many)] == ["error_split", "error_split_2"]


def test_nothing_learned_is_no_figure():
    assert drawn(table(families=())) == []


@pytest.mark.parametrize(("learning", "shown"), [(4.0, 2.0), (1e9, None)])
def test_the_floor_is_a_tick_where_there_is_room(learning, shown):
    ((_, figure),) = drawn(table(learning=learning, seeds=1))
    ticks = list(figure.axes[0].get_xticks())
    assert (2.0 in ticks) == (shown == 2.0)
    assert len(ticks) <= 7


def test_each_part_of_a_long_label_keeps_its_ends():
    name = "a label of a hundred letters " + "x" * 70
    ((_, figure),) = drawn(table(datasets=[name + "D"], families=[name + "F", name + "G"]))
    labels = [text.get_text().splitlines() for text in figure.axes[0].get_yticklabels()]
    assert [[line[-2:] for line in lines] for lines in labels] == [["D:", "F,", "wn"], ["D:", "G,", "wn"]]


def test_more_metrics_than_stand_beside_each_other_take_another_page():
    many = pd.concat([table().assign(metric=f"m{i}") for i in range(5)])
    with style():
        pages = list(split.pages(many, [f"m{i}" for i in range(5)]))
    assert [[axes.get_title() for axes in figure.axes] for _, figure in pages] == [
        ["m0", "m1", "m2"],
        ["m3", "m4"],
    ]


def test_rows_beyond_a_few_pages_are_left_to_the_table(monkeypatch):
    frame = table(families=[f"family{i}" for i in range(120)])
    whole = drawn(frame)
    monkeypatch.setattr(split, "MOST_PAGES", 1)
    (first,) = drawn(frame)
    assert len(whole) > 1
    assert [text for text in legend_of(whole[0][1]) if "more rows" in text] == []
    assert "more rows: tables/error_split.md" in legend_of(first[1])


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]
