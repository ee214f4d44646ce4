"""Takes over runs of `images` and `score_sde_tutorial`, and writes the tables of docs/images.md.

  python results/images_page.py                                # the page again, from the committed tables
  python results/images_page.py results/images                 # take over a run first, with its pictures
  python results/images_page.py results/score_sde_tutorial     # the other one

No number of those tables is typed: a test makes them again and compares.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import publish

from diffbench.tables import markup
from diffbench.tables.digits import deviations, number
from diffbench.tables.split import error_split

PAGE = publish.ROOT / "docs" / "images.md"
RUNS = {"images": "digit_images", "score_sde_tutorial": "digits"}
"""Runs of the page, and the dataset of each."""
PICTURES = {
    "images_digit_images_probability_flow": "images_samples",
    "denoising_digit_images_score_sde": "images_denoising",
    "nearest_digit_images": "images_nearest",
    "score_error": "images_score_error",
}
"""Figures of a run of `images`, and what they are called beside the page."""
SPLIT = ("energy", "mmd2_local", "frechet_leading")
PARTS = {"solver": "solving", "learning": "learning", "finite_data": "want of data"}
BITS = ("bpd", "bpd_se", "bpd_excess", "bpd_trace_se", "bpd_blur", "bpd_offset")


def take_over(run: Path) -> None:
    """Takes over a run, known by the name of its suite, with its pictures if the page shows them."""
    name = json.loads((run / "run.json").read_text(encoding="utf-8"))["suite"]["name"]
    if name not in RUNS:
        raise SystemExit(f"images_page.py takes runs of {' and '.join(RUNS)}; got one of {name}")
    publish.take_over(run, name)
    for figure, called in PICTURES.items() if name == "images" else ():
        shutil.copyfile(run / "figures" / f"{figure}.png", PAGE.parent / f"{called}.png")


def parts(long: pd.DataFrame, about: dict) -> list[str]:
    """Returns the table of what each error is made of, in floor deviations."""
    split = error_split(long, about["processes"], about["columns"])
    head = ["family", "sampler", "column", "total", *PARTS.values(), "errs in"]
    rows = []
    for row in (
        split[split["metric"].isin(SPLIT)].sort_values(["family", "sampler"], kind="stable").itertuples()
    ):
        shown = [deviations(getattr(row, part) / row.floor_sd) for part in ("total", *PARTS)]
        rows.append([row.family, row.sampler, f"`{row.metric}`", *shown, row.errs_in])
    return markup.table(head, rows, str)


def bits(long: pd.DataFrame) -> list[str]:
    """Returns the table of bits per dimension, a row for each score that was judged."""
    here = long[long["metric"].isin(BITS) & long["value"].notna()]
    keys = ["score", "family", "budget"]
    wide = here.groupby([*keys, "metric"], sort=False)["value"].mean().unstack("metric")
    present = [column for column in BITS if column in wide]
    many = here[here["budget"] != ""]["budget"].nunique() > 1
    head = ["score", "family", *(["budget"] if many else []), *(f"`{column}`" for column in present)]
    order = here.drop_duplicates(keys)[keys].itertuples(index=False, name=None)
    rows = [
        [score, family, *([budget] if many else [])]
        + [number(wide.loc[(score, family, budget), column]) for column in present]
        for score, family, budget in order
    ]
    return markup.table(head, rows, str)


def marks(name: str) -> tuple[str, str]:
    """Returns the comments between which the tables of a run stand."""
    return f"<!-- begin:{name} -->", f"<!-- end:{name} -->"


def block(name: str) -> str:
    """Returns the tables of a run, between its marks."""
    long, about = publish.read(name)
    training, network = about["suite"]["training"], about["suite"]["network"]
    begin, end = marks(name)
    lines = [begin, "", *publish.table(long, RUNS[name], about["columns"]), ""]
    if name == "images":
        lines += ["What each error is made of, in floor deviations:", "", *parts(long, about), ""]
    lines += ["Bits per dimension:", "", *bits(long), ""]
    lines += [
        f"U-Net {network['channels']}, {training['steps']:,} steps of batch {training['batch']};"
        f" {publish.made_by(about)}",
        "",
        end,
    ]
    return "\n".join(lines)


def page(text: str) -> str:
    """Returns the page with the tables of every run that is published made again."""
    for name in RUNS:
        begin, end = marks(name)
        before, _, rest = text.partition(begin)
        text = before + block(name) + rest.partition(end)[2]
    return text


def main() -> None:
    """Takes over the runs that are named, and writes the page."""
    for run in sys.argv[1:]:
        take_over(Path(run))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
