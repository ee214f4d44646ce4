"""Tables of calibration, for a page: what is false under truth, and how errors fall with the steps.

    python results/validity.py calibration            print the tables of the committed numbers
    python results/validity.py calibration --write    make the numbers again, about a minute and a half

The numbers are CSV files in results/reference/validity; `markdown` makes tables of them.
"""

import csv
from pathlib import Path

from diffbench.tables import markup

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "results" / "reference" / "validity"

# Name of a table -> its columns in the file, and over the table.
TABLES = {
    "type_one": {
        "dataset": "dataset",
        "reading": "reading",
        "mean": "mean under truth",
        "standard_error": "standard error",
        "ks_p": "p of uniformity",
        "rejected": "share of p <= 0.05",
        "comparisons": "comparisons",
    },
    "orders": {
        "sampler": "sampler",
        "process": "process",
        "steps": "N",
        "error": "error at N",
        "error_twice": "error at 2N",
        "ratio": "ratio",
        "order": "expected",
    },
}


def type_one():
    """Returns one row per reading of the calibration: see `calibration.calibrate`."""
    import calibration

    from diffbench.contracts import DATASETS

    rows = []
    for name, how in calibration.RUNS.items():
        found = calibration.calibrate(DATASETS.build(name), **how)
        for reading, values in found.values.items():
            unbiased = reading in found.unbiased
            mean, error = calibration.mean_and_error(values) if unbiased else (None, None)
            p = found.p_values[reading]
            continuous = calibration.spread_out(values, found.floors[reading])
            rows.append(
                {
                    "dataset": name,
                    "reading": reading,
                    "mean": "" if mean is None else f"{mean:.1e}",
                    "standard_error": "" if error is None else f"{error:.1e}",
                    "ks_p": f"{calibration.uniform_p(continuous):.2f}",
                    "rejected": f"{(p <= 0.05 + 1e-9).mean():.3f}",
                    "comparisons": str(len(p)),
                }
            )
    return rows


def orders():
    """Returns one row per case, its finest two walks: see `orders.CASES`."""
    import orders

    rows = []
    for case in orders.CASES:
        steps, errors = orders.errors(case)
        params = ", ".join(map(str, case.params.values()))
        rows.append(
            {
                "sampler": f"{case.sampler} ({params})" if params else case.sampler,
                "process": f"{case.process}, its whole chain" if case.own_table else case.process,
                "steps": str(steps[-2]),
                "error": f"{errors[-2]:.2e}",
                "error_twice": f"{errors[-1]:.2e}",
                "ratio": f"{errors[-2] / errors[-1]:.2f}",
                "order": str(case.order),
            }
        )
    return rows


def write(name, rows):
    """Writes the rows of a table into its file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, TABLES[name], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def read(name):
    """Returns the committed rows of a table."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def markdown(name):
    """Returns a table of the committed numbers in Markdown."""
    titles = TABLES[name]
    rows = ([row[c] for c in titles] for row in read(name))
    return "\n".join(markup.table([*titles.values()], rows, str))


def main(arguments):
    """Prints the tables, made again first where --write is given."""
    if arguments not in ([], ["--write"]):
        raise SystemExit(f"calibration takes nothing or --write; got {' '.join(arguments)}")
    if arguments:
        for name, make in (("orders", orders), ("type_one", type_one)):
            write(name, make())
    for name in TABLES:
        print(markdown(name))
