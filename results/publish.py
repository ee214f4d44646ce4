"""Puts a run's tables under `results/reference/` and writes the pages made from them.

  python results/publish.py                        # comparisons, README.md, docs/quick.md, docs/baselines.md
  python results/publish.py results/quick quick    # take over a run first

No number of those pages is typed: a test makes them again and compares.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from diffbench.records.places import natural
from diffbench.tables import markup, rendering, spreadsheet
from diffbench.tables.comparison import ROW, compare
from diffbench.tables.headlines import headlines
from diffbench.tables.long import processes_of
from diffbench.tables.split import error_split
from diffbench.tables.verdict import NOTHING, UNKNOWN

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "results" / "reference"
PLACE = ["dataset", *ROW, "seed", "metric"]
BEGIN, END = "<!-- begin:results -->", "<!-- end:results -->"
# The dataset whose table stands in README.md, and its picture in docs/.
FRONT = "nine_gaussians"


class Disagreement(ValueError):
    """A run that does not give the rows that are published."""


def take_over(run: Path, name: str) -> None:
    """Takes over the rows of a run, its suite, and where it was made, and makes its tables.

    Rows that are published and not in the run stay, where both have the same settings.

    Raises:
      Disagreement: If a row of the run is published with another value.
    """
    folder = REFERENCE / name
    folder.mkdir(parents=True, exist_ok=True)
    about = json.loads((run / "run.json").read_text(encoding="utf-8"))
    # An outcome; what a dead worker left says less.
    path = next(path for path in sorted((run / "draws").glob("*.json")) if ".failed-" not in path.name)
    record = json.loads(path.read_text(encoding="utf-8"))
    kept = {key: about[key] for key in ("columns", "diffbench", "settings", "suite")}
    kept["processes"] = processes_of(about["cells"])
    long = read_long(run / "tables" / "measurements.csv")
    if (folder / "run.json").exists():
        published, before = read(name)
        if before["settings"] == kept["settings"]:
            long = joined(published, long)
            for key in ("columns", "processes"):
                kept[key] = {**before[key], **kept[key]}
    for file, data in tables_of(long, kept).items():
        (folder / file).write_bytes(data)
    picture = run / "figures" / f"density_{FRONT}.png"
    if name == "quick" and picture.exists():
        shutil.copyfile(picture, ROOT / "docs" / picture.name)
    text = json.dumps({**kept, "provenance": record["provenance"]}, indent=1, sort_keys=True)
    (folder / "run.json").write_text(text + "\n", encoding="utf-8")


def tables_of(long: pd.DataFrame, about: dict) -> dict[str, bytes]:
    """Returns the tables that a long table and the description of its run make, by file."""
    columns = about["columns"]
    split = error_split(long, about["processes"], columns)
    return {
        "measurements.csv": spreadsheet.csv(long),
        "comparison.csv": spreadsheet.csv(compare(long, columns)),
        "comparison.md": rendering.markdown(long, columns).encode(),
        "error_split.csv": spreadsheet.csv(split),
        "error_split.md": rendering.split_markdown(long, split, columns).encode(),
    }


def joined(published: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of both, each once, in the order of a run's own table.

    Published tables go by labels, which are those of one suite, so each stands for one specification:
    where it does not, the names of the records differ.

    Raises:
      Disagreement: If they differ in a row that both have.
    """
    place = PLACE
    both = published.merge(new, on=place, suffixes=("_old", ""), how="inner")
    for column in (c for c in published.columns if c not in place):
        old, now = both[f"{column}_old"], both[column]
        wrong = both[~((old == now) | (old.isna() & now.isna()))]
        if not wrong.empty:
            row = wrong.iloc[0]
            where = " / ".join(str(row[k]) for k in place if row[k] != "")
            raise Disagreement(
                f"{column} of {where} is published as {row[f'{column}_old']} and is now {row[column]};"
                " delete the published tables to replace them"
            )
    datasets = pd.concat([new, published])["dataset"].unique().tolist()
    rows = pd.concat([published, new]).drop_duplicates(place)

    def order(column: pd.Series) -> pd.Series:
        key = {"dataset": datasets.index, "score": str, "seed": int}.get(str(column.name), natural)
        return column.map(lambda value: key(value))

    return rows.sort_values(PLACE[:-1], kind="stable", key=order).reset_index(drop=True)


def read_long(path: Path) -> pd.DataFrame:
    """Returns a long table as `tables` builds it."""
    text = ["dataset", "family", "score", "sampler", "metric", "status", "reason", "budget", "against"]
    whole = dict.fromkeys(("seed", "nfe", "n_samples"), "Int64")
    long = pd.read_csv(path, dtype={**dict.fromkeys(text, str), **whole})
    there = [column for column in text if column in long]
    long[there] = long[there].fillna("")
    return long


def read(name: str) -> tuple[pd.DataFrame, dict]:
    """Returns the long table and the description of a reference run."""
    folder = REFERENCE / name
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    long = read_long(folder / "measurements.csv")
    twice = long[long.duplicated(PLACE)]
    if not twice.empty:
        where = " / ".join(str(value) for value in twice.iloc[0][PLACE] if value != "")
        raise Disagreement(f"{where} is published twice: labels must tell rows apart")
    return long, about


def table(long: pd.DataFrame, dataset: str, columns: dict) -> list[str]:
    """Returns the Markdown table of a dataset: z over the floor where there is one."""
    flat = {column: about for metric in columns.values() for column, about in metric.items()}
    present = headlines(long, dataset, columns).columns
    floored = rendering.in_z(long, dataset)
    heads = [f"{m} z" if m in floored else f"{m} {rendering.arrow(flat[m]['better'])}" for m in present]
    head = ["score", "family", "sampler", "NFE", "seeds", *heads]
    rows = rendering.summary(long, dataset, present, over_floor=True)
    return markup.table(head, rows, str)


def made_by(about: dict) -> str:
    """Returns a line that says what made a run."""
    settings, by = about["settings"], about["provenance"]
    n, m = settings["samples"], settings["reference"] or settings["samples"]
    return (
        f"n = {n:,}, a reference of {m:,}, a floor of {settings['floor_draws']} truth draws; diffbench"
        f" {about['diffbench']}, JAX {by['jax']}, Python {by['python']}, {by['processor']}."
    )


MEANING = (
    "z is the distance from the noise floor in floor standard deviations: mean over seeds ± half of the 95%"
    " t interval. Truth itself is at about 0; `gaussian` is the Gaussian of the data's mean and covariance."
    " Rows `exact` run the same sampler on the exact score of a process, which the column `family` then"
    " names, and show the solver's error alone; what a `learned` row adds to it was lost in learning."
)
COLUMNS = (
    "`energy` and `mmd2` look at the whole, `mmd2_local` at the smallest length of the data, `mode_tv` at the"
    " shares of modes, `stray` at samples far from every mode, {more}`score_error` at the score itself:"
    " [metrics]({page})."
)
MANIFOLDS = "`manifold_distance` at samples off the curve, `intrinsic` at how they lie along it, "


def readme_block() -> str:
    """Returns the results of README.md."""
    long, about = read("quick")
    columns = COLUMNS.format(more="", page="docs/metrics.md")
    lines = [BEGIN, "", f"What `python -m diffbench run` says of `{FRONT}`. {MEANING} {columns}", ""]
    return "\n".join([*lines, *table(long, FRONT, about["columns"]), "", made_by(about), "", END])


def quick() -> str:
    """Returns docs/quick.md."""
    long, about = read("quick")
    lines = [
        "# Quick",
        "",
        f"`python -m diffbench run` ends with this comparison. {MEANING}",
        "",
        COLUMNS.format(more=MANIFOLDS, page="metrics.md"),
        "",
        made_by(about),
        "",
    ]
    for dataset in long["dataset"].unique():
        lines += [f"## {dataset}", "", *table(long, dataset, about["columns"]), ""]
    return "\n".join(lines)


def readme(text: str) -> str:
    """Returns README.md with its results made again."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + readme_block() + after


TUNED = (
    "Some rows of each dataset are tuned beyond the papers' settings, by settings that all datasets share."
    " `score_sde (importance)` draws its training times in proportion to the likelihood weight, which is"
    " even in log SNR: uniform times see little of the low noise at which the corrector works.",
    "NCSN runs with twice the Langevin steps too. The weights of modes are settled at the levels where modes"
    " part; chains that move on too early keep the shares of a level before, so modes of unequal weight are"
    " weighed wrongly even on the exact score (`imbalanced`, whose smallest mode has a thousandth of the"
    " mass, in both seeds; `anisotropic` in one): that is solving. With twice the steps both exact rows are"
    " at the floor. What their learned rows keep above it is learning, an error of the score at the levels"
    " that weigh the modes, and differs much from one training to another: of `imbalanced` one seed lies far"
    " above the floor and the other at it.",
    "Score-SDE runs with a corrector of smaller steps too (snr 0.05 for the paper's 0.16), at as many"
    " evaluations. A corrector draws from the law of the score it has, so large steps carry a learned score's"
    " error at low noise into the samples, and their own bias on the exact one.",
)


def baselines() -> str:
    """Returns docs/baselines.md."""
    long, about = read("baselines")
    budget = about["suite"]["training"]
    lines = [
        "# Baselines",
        "",
        "What each family reaches by the sampler of its paper, on the 2-D datasets, at"
        f" {budget['steps']:,} steps of batch {budget['batch']}, with one network, one optimiser loop and"
        " each family's default process for all datasets. Made from `results/reference/baselines` by"
        " `results/publish.py`; run it with `python -m diffbench run baselines`.",
        "",
        f"{MEANING} Where the column `seeds` says 1/1 there is no interval.",
        "",
        COLUMNS.format(more=MANIFOLDS, page="metrics.md"),
        "",
        *(line for note in TUNED for line in (note, "")),
        "Below each table stand the rows of which the error split names a part, in which columns and in how"
        " many seeds. *Solving* is what the exact row of the same sampler shows too. A row that is not"
        " there may lie above the floor all the same: what is named holds over all rows of a dataset (Holm),"
        " and a floor of so few draws bounds each seed's p from below.",
        "",
        made_by(about),
        "",
    ]
    split = error_split(long, about["processes"], about["columns"])
    for dataset in long["dataset"].unique():
        lines += [f"## {dataset}", "", *table(long, dataset, about["columns"]), ""]
        lines += [*named(split, dataset, headlines(long, dataset, about["columns"]).columns), ""]
    return "\n".join(lines)


def named(split: pd.DataFrame, dataset: str, columns: Sequence[str]) -> list[str]:
    """Returns a line for each learned row of which some part is named, with the columns that show it."""
    here = split[(split["dataset"] == dataset) & split["metric"].isin(columns)]
    lines = []
    for (family, sampler), rows in here.groupby(["family", "sampler"], sort=False):
        said = [
            f"{row.metric}: {row.errs_in}"
            for row in rows.itertuples()
            if row.errs_in not in (NOTHING, UNKNOWN)
        ]
        if said:
            lines.append(f"- {family}, {sampler}: {'; '.join(said)}")
    return lines or ["The error split names no part of any row."]


def main() -> None:
    """Takes over a run, if one is named, and writes the pages."""
    if len(sys.argv) == 3:
        take_over(Path(sys.argv[1]), sys.argv[2])
    # What is read is made again from what was measured, as it is written today.
    for name in sorted(path.parent.name for path in REFERENCE.glob("*/measurements.csv")):
        long, about = read(name)
        for file, data in tables_of(long, about).items():
            (REFERENCE / name / file).write_bytes(data)
    page = ROOT / "README.md"
    page.write_text(readme(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs" / "quick.md").write_text(quick(), encoding="utf-8")
    if (REFERENCE / "baselines").exists():
        (ROOT / "docs" / "baselines.md").write_text(baselines(), encoding="utf-8")


if __name__ == "__main__":
    main()
