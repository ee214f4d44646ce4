"""Puts a run's tables under `results/reference/` and writes the pages made from them.

  python results/publish.py                        # README.md and docs/baselines.md again
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

from diffbench import rendering

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "results" / "reference"
BEGIN, END = "<!-- begin:results -->", "<!-- end:results -->"
# The dataset whose picture stands in README.md.
FRONT = "nine_gaussians"


def take_over(run: Path, name: str) -> None:
    """Copies the tables of a run, its suite, and where it was made."""
    folder = REFERENCE / name
    folder.mkdir(parents=True, exist_ok=True)
    for table in ("measurements.csv", "comparison.csv", "comparison.md", "error_split.csv", "error_split.md"):
        shutil.copyfile(run / "tables" / table, folder / table)
    about = json.loads((run / "run.json").read_text(encoding="utf-8"))
    # An outcome; what a dead worker left says less.
    path = next(path for path in sorted((run / "draws").glob("*.json")) if ".failed-" not in path.name)
    record = json.loads(path.read_text(encoding="utf-8"))
    kept = {key: about[key] for key in ("columns", "diffbench", "settings", "suite")}
    picture = run / "figures" / f"density_{FRONT}.png"
    if name == "quick" and picture.exists():
        shutil.copyfile(picture, ROOT / "docs" / picture.name)
    text = json.dumps({**kept, "provenance": record["provenance"]}, indent=1, sort_keys=True)
    (folder / "run.json").write_text(text + "\n", encoding="utf-8")


def read(name: str) -> tuple[pd.DataFrame, dict]:
    """Returns the long table and the description of a reference run."""
    folder = REFERENCE / name
    text = ("dataset", "family", "score", "sampler", "metric", "status", "reason", "budget")
    long = pd.read_csv(folder / "measurements.csv", dtype=dict.fromkeys(text, str))
    long[list(text)] = long[list(text)].fillna("")
    return long, json.loads((folder / "run.json").read_text(encoding="utf-8"))


def table(long: pd.DataFrame, dataset: str, metrics: Sequence[str], columns: dict) -> list[str]:
    """Returns the Markdown table of a dataset: z over the floor where there is one."""
    here = long[long["dataset"] == dataset]
    flat = {column: about for metric in columns.values() for column, about in metric.items()}
    present = [m for m in metrics if m in set(here["metric"])]
    floored = set(here.loc[here["floor_sd"].notna(), "metric"])
    heads = [f"{m} z" if m in floored else f"{m} {rendering.arrow(flat[m]['better'])}" for m in present]
    head = ["score", "family", "sampler", "NFE", "seeds", *heads]
    rows = rendering.summary(long, dataset, present, over_floor=True)
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return [lines[0], f"|{'---|' * len(head)}", *lines[1:]]


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
    " Rows `exact` run the same sampler on the exact score of the"
    " process and show the solver's error alone; what a `learned` row adds to it was lost in learning."
)


def readme_block() -> str:
    """Returns the results of README.md."""
    long, about = read("quick")
    lines = [BEGIN, "", f"`python -m diffbench run` ends with this comparison. {MEANING}", ""]
    for dataset in sorted(long["dataset"].unique()):
        lines += [f"**{dataset}**", "", *table(long, dataset, rendering.HEADLINES, about["columns"]), ""]
    return "\n".join([*lines, made_by(about), "", END])


def readme(text: str) -> str:
    """Returns README.md with its results made again."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + readme_block() + after


def baselines() -> str:
    """Returns docs/baselines.md."""
    long, about = read("baselines")
    budget = about["suite"]["training"]
    lines = [
        "# Baselines",
        "",
        "What each family reaches by the sampler of its paper, on the 2-D datasets run so far, at"
        f" {budget['steps']:,} steps of batch {budget['batch']}, with one network, one optimiser loop and"
        " each family's default process for all datasets. Made from `results/reference/baselines` by"
        " `results/publish.py`; run it with `python -m diffbench run baselines`.",
        "",
        f"{MEANING} Where the column `seeds` says 1/1 there is no interval.",
        "",
        made_by(about),
        "",
    ]
    for dataset in sorted(long["dataset"].unique()):
        lines += [f"## {dataset}", "", *table(long, dataset, rendering.HEADLINES, about["columns"]), ""]
    return "\n".join(lines)


def main() -> None:
    """Takes over a run, if one is named, and writes the pages."""
    if len(sys.argv) == 3:
        take_over(Path(sys.argv[1]), sys.argv[2])
    page = ROOT / "README.md"
    page.write_text(readme(page.read_text(encoding="utf-8")), encoding="utf-8")
    if (REFERENCE / "baselines").exists():
        (ROOT / "docs" / "baselines.md").write_text(baselines(), encoding="utf-8")


if __name__ == "__main__":
    main()
