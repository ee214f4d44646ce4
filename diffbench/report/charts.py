"""The charts of a page as Vega-Lite, made by Altair: quality against NFE, score error, and the split.

Each is one chart for all datasets and metrics, which are chosen in it. A family has the colour that it has in
the figures; what colours alone would tell is told by shapes and dashes too. The page draws them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from diffbench.records.places import BRACKETS, natural
from diffbench.report.fitting import in_turns, least
from diffbench.report.gathered import Gathered, budgets, row_name
from diffbench.sources.learned import NAME as LEARNED
from diffbench.spec import Json, JsonObject
from diffbench.tables.split import NAMES
from diffbench.tables.statistics import t_interval

if TYPE_CHECKING:  # takes half a second, and only a page needs it
    import altair as alt

# Seaborn's "colorblind", which the figures have.
COLOURS = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#949494", "#56b4e9",
)  # fmt: skip
PARTS = dict(zip(NAMES.values(), ("#0173b2", "#de8f05", "#f2dcee"), strict=True))
DASHES = (
    (1, 0), (7, 3), (2, 2), (9, 3, 2, 3), (4, 6), (14, 3), (2, 6), (12, 3, 3, 3, 3, 3),
)  # fmt: skip
"""What tells families apart where colours do not: in grey, and to the colour-blind."""
_HEIGHT, _STEP = 320, 30
_FLOOR = 2.0


def charts(found: Sequence[Gathered]) -> dict[str, JsonObject]:
    """Returns the charts that have anything to show, by name."""
    drawn = {"split": _split(found), "quality": _quality(found), "score": _score(found)}
    return {name: chart for name, chart in drawn.items() if chart is not None}


def left_out(chart: JsonObject) -> int:
    """Returns for how many marks of a chart there was no room."""
    return int(chart["usermeta"]["more"])


def room(chart: JsonObject) -> int:
    """Returns how high a chart is about, in pixels: what a page keeps free for it."""
    return int(chart["height"]) + 190


def _called(each: Gathered, found: Sequence[Gathered], family: str) -> str:
    return f"{each.name}: {family}" if len(found) > 1 else family


def _scale(rows: Sequence[Json], signs: Sequence[str] | Sequence[Sequence[int]] = COLOURS) -> alt.Scale:
    """Returns the colours of families, in their order, or other signs of them."""
    import altair as alt

    labels = sorted({str(row["family"]) for row in rows}, key=natural)
    return alt.Scale(domain=labels, range=[signs[i % len(signs)] for i in range(len(labels))])


def _legend() -> alt.Legend:
    """Returns the legend of families, below a chart: a line of each."""
    import altair as alt

    return alt.Legend(
        title=None, orient="bottom", columns=1, labelLimit=280, symbolType="stroke", symbolSize=500,
        symbolStrokeWidth=2, symbolOpacity=1,
    )  # fmt: skip


def _families(rows: Sequence[Json]) -> tuple[alt.Color, alt.StrokeDash]:
    """Returns how families are told apart: by colour and by dashes, of which one legend tells."""
    import altair as alt

    legend = _legend()
    return (
        alt.Color("family:N", scale=_scale(rows), legend=legend),
        alt.StrokeDash("family:N", scale=_scale(rows, DASHES), legend=legend),
    )


def _chosen(name: str, rows: Sequence[Json]) -> alt.Parameter:
    """Returns a parameter of a chart: which dataset, or which metric."""
    import altair as alt

    options = list(dict.fromkeys(str(row[name]) for row in rows))
    return alt.param(
        name=f"chosen_{name}", value=options[0], bind=alt.binding_select(options=options, name=f"{name} ")
    )


def _drawn(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart,
    rows: Sequence[Json],
    by: Sequence[str],
    more: int,
    height: int = _HEIGHT,
) -> JsonObject:
    """Returns a chart as JSON: chosen by some labels, as wide as the page, its data once.

    Args:
      chart: What draws the marks.
      rows: Their data.
      by: Labels that are chosen in the chart.
      more: Marks for which there was no room.
      height: Pixels of the plot.
    """
    import altair as alt

    for name in by:
        chart = chart.add_params(_chosen(name, rows)).transform_filter(f"datum.{name} == chosen_{name}")
    chart = chart.properties(width="container", height=height, data=alt.Data(name="rows"))
    chart = chart.configure(background="transparent", view={"stroke": None})
    made: JsonObject = chart.to_dict()
    made["autosize"] = {"type": "fit-x", "contains": "padding"}
    made["datasets"] = {"rows": list(rows)}
    made["usermeta"] = {"more": more}
    return made


def _quality(found: Sequence[Gathered]) -> JsonObject | None:
    """Returns z, or the value of a metric without a floor, against evaluations of the score."""
    import altair as alt

    every = [row for each in found for row in _costs(each, found)]
    rows = in_turns(every)
    if not rows:
        return None
    colour, dashes = _families(rows)
    base = alt.Chart().encode(
        x=alt.X("nfe:Q", scale=alt.Scale(type="log", nice=False, padding=20),
                title="score evaluations (NFE)",
                axis=alt.Axis(format="~s", tickCount=6)),
        y=alt.Y("height:Q", scale=alt.Scale(type="symlog", constant=_FLOOR),
                title="z, or value without a floor",
                axis=alt.Axis(format="~g", values=[-100, -10, -2, 0, 2, 10, 100, 1000, 10_000, 1e5])),
        color=colour,
    )  # fmt: skip
    tips = ["dataset:N", "score:N", "family:N", "sampler:N", "metric:N", "nfe:Q", "height:Q", "seeds:Q"]
    line = base.mark_line(strokeWidth=1.5).encode(detail=["score:N", "solver:N"], strokeDash=dashes)
    bars = base.mark_rule(strokeWidth=1.5).encode(y="low:Q", y2="high:Q", strokeDash=dashes)
    points = base.mark_point(size=70, strokeWidth=1.8).encode(
        shape=alt.Shape("solver:N", legend=alt.Legend(
            title=None, orient="bottom", columns=1, labelLimit=280, symbolOpacity=1,
            symbolFillColor="#888888", symbolStrokeColor="#888888")),
        fill=alt.Fill("family:N", scale=_scale(rows), legend=_legend()),
        fillOpacity=alt.condition("datum.score == 'exact'", alt.value(0), alt.value(0.85)),
        tooltip=tips,
    )  # fmt: skip
    return _drawn(alt.layer(line, bars, points), rows, ("dataset", "metric"), len(every) - len(rows))


def _costs(each: Gathered, found: Sequence[Gathered]) -> Iterator[JsonObject]:
    many = budgets(each.long)
    long = each.long[~each.long["score"].isin(BRACKETS) & each.long["nfe"].notna()]
    trained: dict[str, list[str]] = {}
    for cell in each.run["cells"]:
        name = row_name({"family": cell["family"], "budget": cell["budget"]}, many=many)
        if cell["fit_id"] and name not in trained.setdefault(cell["process"], []):
            trained[cell["process"]].append(name)
    for dataset in each.datasets:
        here = long[(long["dataset"] == dataset) & long["metric"].isin(each.headlines[dataset])]
        floored = set(here.loc[np.isfinite(here["z"].to_numpy(float)), "metric"])
        keys = ["metric", "score", "family", "budget", "sampler"]
        for (metric, score, family, budget, sampler), group in here.groupby(keys, sort=False):
            interval = t_interval(group["z" if metric in floored else "value"])
            nfe = float(group["nfe"].mean())
            if not (math.isfinite(interval.mean) and nfe > 0):
                continue
            # A process that one family is trained on has its colour.
            mine = trained.get(str(family), []) if score != LEARNED else []
            name = mine[0] if len(mine) == 1 else row_name({"family": family, "budget": budget}, many=many)
            yield {
                "dataset": dataset, "metric": metric, "score": score, "family": _called(each, found, name),
                "sampler": sampler, "solver": str(sampler).partition("(")[0], "nfe": round(nfe, 1),
                "height": _short(interval.mean), "low": _short(interval.low), "high": _short(interval.high),
                "seeds": interval.n,
            }  # fmt: skip


def _score(found: Sequence[Gathered]) -> JsonObject | None:
    """Returns the relative error of each score over log SNR, mean over seeds."""
    import altair as alt

    every = [row for each in found for row in _errors(each, found)]
    rows = in_turns(every)
    if not rows:
        return None
    colour, dashes = _families(rows)
    chart = alt.Chart().encode(
        x=alt.X(
            "log_snr:Q", title="log SNR: noise to the left, data to the right", axis=alt.Axis(tickCount=8)
        ),
        color=colour,
    )
    y = alt.Y("error:Q", scale=alt.Scale(type="log"), title="relative error of the score",
              axis=alt.Axis(format="~g", values=[10.0**k for k in range(-8, 9)]))  # fmt: skip
    line = chart.mark_line(point=True).encode(
        y=y,
        strokeDash=dashes,
        tooltip=["family:N", "log_snr:Q", "error:Q", "seeds:Q"],
    )
    band = chart.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", scale=alt.Scale(type="log")), y2="high:Q")
    return _drawn(alt.layer(band, line), rows, ("dataset",), len(every) - len(rows))


def _errors(each: Gathered, found: Sequence[Gathered]) -> Iterator[JsonObject]:
    many = budgets(each.long)
    measured: dict[tuple[str, str], dict[str, None]] = {}
    for cell in each.run["cells"]:
        name = next((n for m, n in cell["measures"].items() if m.partition(" (")[0] == "score_error"), None)
        if name is not None:
            family = row_name({"family": cell["family"], "budget": cell["budget"]}, many=many)
            measured.setdefault((cell["dataset"], family), {})[name] = None
    for (dataset, family), names in measured.items():
        curves = [c for name in names if (c := _curve(each, name)) is not None]
        if not curves or len({curve.shape for curve in curves}) > 1:
            continue
        for log_snr, *errors in np.stack([curves[0][0], *(curve[1] for curve in curves)]).T:
            known = [error for error in errors if math.isfinite(error) and error > 0]
            if known:
                yield {
                    "dataset": dataset, "family": _called(each, found, family), "log_snr": _short(log_snr),
                    "error": _short(float(np.mean(known))), "low": _short(min(known)),
                    "high": _short(max(known)),
                    "seeds": len(known),
                }  # fmt: skip


def _curve(each: Gathered, name: str) -> np.ndarray | None:
    """Returns (log SNR, error) of a measurement, `[2, points]`, or None."""
    arrays = each.store.arrays("measure", name)
    wanted = [arrays.get(key) for key in ("score_error_log_snr", "score_error_curve")]
    return (
        None if any(one is None for one in wanted) else np.stack([np.asarray(one, float) for one in wanted])
    )


def _split(found: Sequence[Gathered]) -> JsonObject | None:
    """Returns what the error of each row is made of: stacked parts, and the total with its interval."""
    import altair as alt

    every = [row for each in found for row in _stacks(each, found)]
    rows = in_turns(least(every))
    if not rows:
        return None
    known = [part for part in PARTS if any(row["part"] == part for row in rows)]
    y = alt.Y("row:N", title=None, sort=None, axis=alt.Axis(labelLimit=300))
    title = "error, in floor deviations"
    panels = {(row["dataset"], row["metric"], row["row"]) for row in rows}
    most = max(Counter(panel[:2] for panel in panels).values())
    bars = alt.Chart().mark_bar(height={"band": 0.7}, stroke="currentColor", strokeWidth=0.5).encode(
        y=y,
        x=alt.X("error:Q", stack="zero", title=title),
        color=alt.Color("part:N", scale=alt.Scale(domain=known, range=[PARTS[part] for part in known]),
                        legend=alt.Legend(title=None, orient="bottom")),
        tooltip=["row:N", "part:N", "error:Q", "part_low:Q", "part_high:Q", "seeds:Q", "errs_in:N"],
    )  # fmt: skip
    once = alt.Chart().transform_filter("datum.first")
    rule = once.mark_rule(strokeWidth=2, color="currentColor").encode(
        y=y, x=alt.X("low:Q", title=title), x2="high:Q"
    )
    tick = once.mark_tick(thickness=3, color="currentColor", height={"band": 0.7}).encode(y=y, x="total:Q")
    more, height = len(every) - len(rows), _STEP * most
    return _drawn(alt.layer(bars, rule, tick), rows, ("dataset", "metric"), more, height)


def _stacks(each: Gathered, found: Sequence[Gathered]) -> Iterator[JsonObject]:
    split, many = each.tables.split, budgets(each.long)
    if split.empty:
        return
    for row in split.to_dict("records"):
        if row["metric"] not in each.headlines.get(row["dataset"], ()):
            continue
        sd, first = row["floor_sd"], True
        for part, name in NAMES.items():
            if math.isfinite(row[part]) and sd > 0:
                yield {
                    "dataset": row["dataset"], "metric": row["metric"],
                    "row": _called(each, found, row_name({str(k): v for k, v in row.items()}, many=many)),
                    "part": name, "error": _short(row[part] / sd),
                    "part_low": _short(row[f"{part}_low"] / sd),
                    "part_high": _short(row[f"{part}_high"] / sd), "first": first,
                    "total": _short(row["total"] / sd),
                    "low": _short(row["total_low"] / sd), "high": _short(row["total_high"] / sd),
                    "seeds": row["seeds"], "errs_in": row["errs_in"],
                }  # fmt: skip
                first = False


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None
