"""Broken models of images under the metrics: measured, and as a table of the page on validity.

python results/validity.py images            # the page again, from the committed numbers
python results/validity.py images --write    # make the numbers again, about a minute
"""

from __future__ import annotations

import csv
from pathlib import Path

import broken_images
import calibration_table
from planted_judging import BLIND, SEEN

from diffbench.tables import markup

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validity.md"
FIELDS = ("model", *broken_images.COLUMNS)


def rows():
    """Returns a row of mean z for truth and each model."""
    made = []
    for model in (broken_images.TRUTH, *broken_images.MODELS):
        found = broken_images.all_readings(model)
        made.append({"model": model.name, **{column: f"{z:.1f}" for column, z in found.items()}})
        print(made[-1], flush=True)
    return made


def word(z):
    """Returns what a mean z is called on the page."""
    return f"**{z:.0f}**" if z > SEEN else "·" if z < BLIND else f"{z:.1f}"


def markdown():
    """Returns the table of the committed numbers in Markdown."""
    head = ["model", *(f"`{column}`" for column in broken_images.COLUMNS)]
    rows = [
        [row["model"], *(word(float(row[column])) for column in broken_images.COLUMNS)]
        for row in calibration_table.read("images")
    ]
    return "\n".join([*markup.table(head, rows, str), ""])


def page(text):
    """Returns the page with its section made again."""
    begin, end = "<!-- begin:images -->", "<!-- end:images -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return "\n".join([before + begin, "", markdown(), end]) + after


def main(arguments):
    """Writes the page, its numbers made again first where --write is given."""
    if arguments not in ([], ["--write"]):
        raise SystemExit(f"images takes nothing or --write; got {' '.join(arguments)}")
    if arguments:
        made = rows()
        with (calibration_table.FOLDER / "images.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, FIELDS, lineterminator="\n")
            table.writeheader()
            table.writerows(made)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
