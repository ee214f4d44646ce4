"""How small an error of a score the split names: measured on planted errors, and as a table of a page.

    python results/validity.py split            # the page again, from the committed numbers
    python results/validity.py split --write    # make the numbers again, about a minute

A model is the exact score plus a known smooth error, at most `size` in each coordinate, and stands where
a learned one would. Each run has three seeds, its own reference and the same sampler from the same noise on
both scores. "now" is what `errs in` says of `energy` against the truth; "before" is what it said once:
against a reference of m = n points, "learning" where the t interval over the seeds lies above zero. Size 0 is
the exact score itself, drawn again from other noise.
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path

import calibration_table
import numpy as np
import pandas as pd

from diffbench.contracts import DATASETS, METRICS, SAMPLERS, Outcome, key_for
from diffbench.metrics.floor import against_floor, floor_of
from diffbench.process import PROCESSES
from diffbench.programs import sampling
from diffbench.sources import exact, perturbed
from diffbench.tables import markup
from diffbench.tables.split import error_split

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validity.md"
FIELDS = ("size", "now", "solving", "before", "floors")
SIZES = (0.0, *(round(0.05 * 2 ** (k / 2), 4) for k in range(7)))
RUNS, SEEDS, POINTS, FLOOR = 20, 3, 500, 199
SURE = 19  # of the runs
FORMS = ("truth", "reference")
# Nothing to be seen of its own error at this number of points.
SAMPLER = {"solver": "heun", "steps": 20}


@functools.cache
def _dataset():
    return DATASETS.build("nine_gaussians")


def _truth(*names):
    dataset = _dataset()
    return np.asarray(dataset.standardise(dataset.sample(key_for(0, "split", *names), POINTS)))


@functools.cache
def _judge(form, run):
    """Returns how samples of a run are measured in a form."""
    metric, reference = METRICS.build("energy", against=form), _truth("reference", run)
    prepared = metric.prepare(reference, _dataset())

    def measure(x):
        outcome = Outcome(x, reference, None, None, None, _dataset(), prepared)
        return metric.measure(key_for(0), outcome)[0]["energy"]

    return measure


@functools.cache
def _floor():
    return floor_of(METRICS.build("energy"), _dataset(), _truth("floor"), POINTS, FLOOR).values["energy"]


@functools.cache
def values(size, noise="drawn"):
    """Returns the energy of draws by a score that errs by a size, by form, `[RUNS, SEEDS]` each."""
    dataset, source = _dataset(), exact.score_of(_dataset().truth)
    if size:
        source = perturbed.score_of(source, dim=dataset.dim, error="field", size=size)
    sampler = SAMPLERS.spec_of("probability_flow", SAMPLER)
    found = {form: np.zeros((RUNS, SEEDS)) for form in FORMS}
    for run in range(RUNS):
        for seed in range(SEEDS):
            key = key_for(seed, "split", noise, run)
            x = sampling.sample(sampler, source, PROCESSES.build("vp"), key, POINTS, dataset.dim).samples
            for form in FORMS:
                found[form][run, seed] = _judge(form, run if form == "reference" else 0)(x)
    return found


def splits(size):
    """Returns the row of the error split of each run: by the form now in use, and by that of before."""
    learned = values(size) if size else values(0.0, "drawn again")
    floor = _floor()
    made = {form: [] for form in FORMS}
    for form in FORMS:
        for run in range(RUNS):
            rows = []
            for score, family, found in (("learned", "planted", learned), ("exact", "vp", values(0.0))):
                for seed, value in enumerate(found[form][run]):
                    reading = against_floor(float(value), floor)
                    rows.append(
                        {"dataset": "nine_gaussians", "family": family, "score": score, "sampler": "flow",
                         "seed": seed, "metric": "energy", "value": float(value), "floor_mean": reading.mean,
                         "floor_sd": reading.sd, "z": reading.z, "p_value": reading.p_value, "status": "ok",
                         "budget": ""}
                    )  # fmt: skip
            made[form].append(error_split(pd.DataFrame(rows), {"planted": "vp"}).iloc[0])
    return made["truth"], made["reference"]


def row(size):
    """Returns a row of the file: in how many runs each verdict names what, and the error's size."""
    now, before = splits(size)
    size_in_floors = np.mean([one["learning"] / one["floor_sd"] for one in now])
    counts = {
        "now": sum("learning" in one["errs_in"] for one in now),
        "solving": sum("solving" in one["errs_in"] for one in now),
        "before": sum(one["learning_low"] > 0.0 for one in before),
    }
    return {"size": f"{size:g}", **{k: str(v) for k, v in counts.items()}, "floors": f"{size_in_floors:.1f}"}


def smallest(verdict):
    """Returns the smallest committed size from which on a verdict names learning in `SURE` runs."""
    sizes = []
    for line in reversed(calibration_table.read("split")):
        if int(line[verdict]) < SURE:
            break
        sizes.append(float(line["size"]))
    return sizes[-1]


def markdown():
    """Returns the table of the committed numbers in Markdown, with its footnote."""
    table = calibration_table.read("split")
    head, *rows = (
        ["error of the score", *(("none" if line["size"] == "0" else line["size"]) for line in table)],
        ["learning, in floor deviations", *(line["floors"] for line in table)],
        ["named learning, before", *(line["before"] for line in table)],
        ["named learning, now", *(line["now"] for line in table)],
        ["named solving, now", *(line["solving"] for line in table)],
    )
    return (
        "\n".join([*markup.table(head, rows, str), ""])
        + f"\nRuns of {RUNS}, each of {SEEDS} seeds of n = {POINTS} points on `nine_gaussians`, read by"
        f" `energy`. The smallest error named in {SURE} of {RUNS} is {smallest('now'):g} now and was"
        f" {smallest('before'):g}: {smallest('before') / smallest('now'):.1f} times as much."
    )


def page(text):
    """Returns the page with its section made again."""
    begin, end = "<!-- begin:split -->", "<!-- end:split -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return "\n".join([before + begin, "", markdown(), "", end]) + after


def main(arguments):
    """Writes the page, its numbers made again first where --write is given."""
    if arguments not in ([], ["--write"]):
        raise SystemExit(f"split takes nothing or --write; got {' '.join(arguments)}")
    if arguments:
        made = []
        for size in SIZES:
            made.append(row(size))
            print(made[-1], flush=True)
        with (calibration_table.FOLDER / "split.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, FIELDS, lineterminator="\n")
            table.writeheader()
            table.writerows(made)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
