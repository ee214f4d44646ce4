"""Takes over a run of `few_steps` and writes the tables of docs/few_steps.md, between its marks.

  python results/few_steps_page.py                    # the page again, from the committed tables
  python results/few_steps_page.py results/few_steps  # take over a run first

No number of those tables is typed: a test makes them again and compares. Intervals are of the median over
the starting points, from its order statistics: they need no normality, and no second seed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from diffbench.records.store import Store
from diffbench.sources.exact import NAME as EXACT
from diffbench.spec import identify
from diffbench.tables import markup, spreadsheet
from diffbench.tables.long import read_run
from diffbench.tables.orders import slope

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "results" / "reference" / "few_steps"
PAGE = ROOT / "docs" / "few_steps.md"
BEGIN, END = "<!-- begin:few_steps -->", "<!-- end:few_steps -->"
COUNTS = (10, 20, 50)
SCORE = ["dataset", "score", "family", "process"]
ROW = [*SCORE, "solver", "grid"]


def middle(x: np.ndarray) -> dict[str, float]:
    """Returns the median of numbers and the ends of its 95% interval, by order statistics."""
    rank = max(int(stats.binom.ppf(0.025, len(x), 0.5)) - 1, 0)
    x = np.sort(x)
    return {"error": float(np.median(x)), "low": float(x[rank]), "high": float(x[len(x) - 1 - rank])}


def take_over(run: Path) -> None:
    """Makes the committed tables of a run: `points.csv`, `learning.csv`, `floors.csv` and `run.json`."""
    store = Store(run)
    about = read_run(store)
    points, learning, floors = [], {}, {}
    for cell in about["cells"]:
        if not cell["sampler"]:
            continue
        found = re.fullmatch(r"(\w+)\(grid=(\w+), steps=\d+\)", cell["sampler"])
        record = store.read("measure", cell["measures"]["flow_error"]) or {}
        if found is None or record.get("status") != "ok":
            raise ValueError(f"{run}: {cell['dataset']} / {cell['sampler']} has no flow_error")
        spec, draw = record["spec"], store.read("draw", cell["draw_id"]) or {}
        ends = {k: store.arrays("flow", identify(spec[k]))["end"] for k in ("flow", "own") if k in spec}
        reached = store.arrays("measure", cell["measures"]["flow_error"])["flow_reached"]
        place = {k: cell[k] for k in (*SCORE, "seed")}
        if "own" in ends:
            learning[tuple(place.values())] = {**place, **middle(_far(ends["own"], ends["flow"]))}
        row = {**place, "solver": found[1], "grid": found[2], "nfe": draw["nfe"]}
        row |= middle(_far(reached, ends.get("own", ends["flow"])))
        points.append({**row, "elsewhere": record["values"]["flow_elsewhere"]})
        floor = (store.read("measure", cell["measures"]["w2"]) or {})["spec"]["floor"]
        kept = (store.read("floor", identify(floor)) or {})["values"]["w2"]
        floors[cell["dataset"]] = {"n": floor["n"], "root": float(np.sqrt(np.quantile(kept, 0.95)))}
    REFERENCE.mkdir(parents=True, exist_ok=True)
    order = [*ROW, "seed", "nfe"]
    frames = {
        "points.csv": pd.DataFrame(points).sort_values(order, kind="stable"),
        "learning.csv": pd.DataFrame([*learning.values()]),
        "floors.csv": pd.DataFrame([{"dataset": name, **floor} for name, floor in floors.items()]),
    }
    for name, frame in frames.items():
        numbers = frame.select_dtypes("floating").columns
        # Four digits: intervals are wider.
        frame[numbers] = frame[numbers].map(lambda value: float(f"{value:.4g}"))
        (REFERENCE / name).write_bytes(spreadsheet.csv(frame))
    kept = {key: about[key] for key in ("diffbench", "settings", "suite") if key in about}
    text = json.dumps({**kept, "provenance": draw["provenance"]}, indent=1, sort_keys=True)
    (REFERENCE / "run.json").write_text(text + "\n", encoding="utf-8")


def _far(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    far = np.linalg.norm(np.asarray(x, np.float64) - np.asarray(y, np.float64), axis=1)
    return np.where(np.isfinite(far), far, np.inf)


def read() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict]:
    """Returns the tables of points, learning and floors, means over seeds, and where they were made."""
    points, learning, floors = (
        pd.read_csv(REFERENCE / f"{name}.csv") for name in ("points", "learning", "floors")
    )
    about = json.loads((REFERENCE / "run.json").read_text(encoding="utf-8"))
    points = points.drop(columns="seed").groupby([*ROW, "nfe"], as_index=False).mean()
    return points, learning.drop(columns="seed").groupby(SCORE, as_index=False).mean(), floors, about


def best_with(points: pd.DataFrame, most: int) -> pd.DataFrame:
    """Returns for each solver and grid its least error with no more evaluations."""
    here = points[points["nfe"] <= most]
    return here.loc[here.groupby(ROW)["error"].idxmin()]


def interval(row: pd.Series) -> str:
    """Returns a median with its interval."""
    return f"{row['error']:.2g} [{row['low']:.2g}, {row['high']:.2g}]"


def called(rows: Iterable[pd.Series]) -> str:
    """Returns what rows are called, a solver once with all its grids."""
    grids: dict[str, list[str]] = {}
    for row in rows:
        grids.setdefault(row["solver"], []).append(row["grid"])
    return ", ".join(f"{solver} ({', '.join(found)})" for solver, found in grids.items())


def verdict(solving: pd.Series, learning: pd.Series | None) -> str:
    """Returns what remains: the part whose interval lies above that of the other."""
    if learning is None or solving["low"] > learning["high"]:
        return "solving"
    return "learning" if learning["low"] > solving["high"] else "both"


def winners(points: pd.DataFrame, learning: pd.DataFrame, dataset: str) -> list[str]:
    """Returns the table of a dataset: the best solver and grid at each count, and what remains."""
    head = ["score", "process", "NFE", "best", "error", "no worse", "elsewhere", "learning", "what remains"]
    rows = []
    for (score, family, process), here in points[points["dataset"] == dataset].groupby(SCORE[1:]):
        learnt = learning[(learning["dataset"] == dataset) & (learning["family"] == family)]
        added = None if score == EXACT or learnt.empty else learnt.iloc[0]
        for most in COUNTS:
            ranked = best_with(here, most).sort_values("error")
            best = ranked.iloc[0]
            equal = [row for _, row in ranked.iloc[1:].iterrows() if row["low"] <= best["high"]]
            row = {
                "score": score if added is None else f"learned, {family}", "process": process, "NFE": most,
                "best": called([best]), "error": interval(best), "no worse": called(equal) or "-",
                "elsewhere": f"{100 * best['elsewhere']:.1f}%",
                "learning": "-" if added is None else interval(added), "what remains": verdict(best, added),
            }  # fmt: skip
            rows.append([*map(str, row.values())])
    return markup.table(head, rows, str)


def choices(points: pd.DataFrame) -> list[str]:
    """Returns the table of what to take on a process where the data are not known."""
    head = ["process", "NFE", "solver and grid", "regret, mean", "regret, worst", "next"]
    rows = []
    # Of the others too few were run for a choice.
    full = points[points.groupby(SCORE)["solver"].transform("nunique") > 2]
    for process, here in full.groupby("process"):
        for most in COUNTS:
            found = best_with(here, most)
            regret = found["error"] / found.groupby(SCORE)["error"].transform("min")
            each = regret.groupby([found["solver"], found["grid"]])
            # A mean of factors: geometric.
            mean, worst = each.agg(lambda x: np.exp(np.log(x).mean())), each.max()
            order = mean.sort_values(kind="stable").index
            name = [f"{solver} ({grid})" for solver, grid in order]
            after = ", ".join(f"{n} {mean[o]:.2f}" for n, o in zip(name[1:3], order[1:3], strict=True))
            first = order[0]
            rows.append([process, str(most), name[0], f"{mean[first]:.2f}", f"{worst[first]:.2f}", after])
    return markup.table(head, rows, str)


def slopes(points: pd.DataFrame) -> list[str]:
    """Returns the table of orders of convergence on exact scores: the mean over data and processes."""
    head = ["solver", "time", "log_snr", "karras"]
    exact = points[points["score"] == EXACT]
    found = pd.Series({key: slope(one["nfe"], one["error"]).order for key, one in exact.groupby(ROW)})
    cells = found.groupby(level=[4, 5]).agg(["mean", "min", "max"])
    rows = []
    for solver in dict.fromkeys(key[0] for key in cells.index):
        each = [cells.loc[(solver, grid)] if (solver, grid) in cells.index else None for grid in head[1:]]
        rows.append(
            [
                solver,
                *("-" if c is None else f"{c.iloc[0]:.1f} [{c.iloc[1]:.1f}, {c.iloc[2]:.1f}]" for c in each),
            ]
        )
    return markup.table(head, rows, str)


def block() -> str:
    """Returns the tables of the page, between its marks."""
    points, learning, floors, about = read()
    settings, by, training = about["settings"], about["provenance"], about["suite"]["training"]
    lines = [
        BEGIN, "", "## Where the data are not known", "",
        "The factor by which a choice errs more than the best one with no more evaluations: its geometric"
        " mean over the datasets and scores of a process, and the worst of them.", "",
        *choices(points), "",
    ]  # fmt: skip
    for row in floors.itertuples():
        lines += [f"## {row.dataset}", "", *winners(points, learning, row.dataset), ""]
        lines += [
            f"Two samples of {row.n} points cannot tell an error below about {row.root:.2g}: the root of the"
            " 95% point of the floor of `w2`.", "",
        ]  # fmt: skip
    lines += [
        "## Orders of convergence", "",
        f"Minus the slope of log error against log NFE from {points['nfe'].min()} to {points['nfe'].max()} on"
        " exact scores: mean over data and processes, least and largest. So few evaluations are not yet the"
        " limit of many, where these are 1, 2 and 3.", "",
        *slopes(points), "",
        f"Seeds: {_seeds(about)}; {settings['samples']} points; networks"
        f" {about['suite']['network']['widths']}, {training['steps']:,} steps of batch {training['batch']};"
        " diffbench"
        f" {about['diffbench']}, JAX {by['jax']}, Python {by['python']}, {by['processor']}.", "", END,
    ]  # fmt: skip
    return "\n".join(lines)


def _seeds(about: dict) -> str:
    seeds = about["suite"]["seeds"]
    return ", ".join(map(str, seeds if isinstance(seeds, list) else range(seeds)))


def page(text: str) -> str:
    """Returns the page with its tables made again."""
    before, _, rest = text.partition(BEGIN)
    return before + block() + rest.partition(END)[2]


def main() -> None:
    """Takes over a run, if one is named, and writes the page."""
    if len(sys.argv) == 2:
        take_over(Path(sys.argv[1]))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
