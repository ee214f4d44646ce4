"""The tables of docs/public_samplers.md, from results/reference/public_samplers.

python results/public_table.py    # writes them into the page again; nothing is measured

`benchmarks/public_samplers.py` measures.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from diffbench.tables import markup

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "results" / "reference" / "public_samplers"
PAGE = ROOT / "docs" / "public_samplers.md"
DATASETS = ("nine_gaussians", "two_moons")
NOTED = 3e-5  # one-step errors above this are in bold: each is explained on the page

Row = dict[str, str]


def read(name: str) -> list[Row]:
    """Returns the rows of one file of results."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def grouped(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """Returns rows by whose sampler it is and its name, in their order."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["whose"], row["sampler"]), []).append(row)
    return found


def table(head: list[str], rows: list[list[str]]) -> str:
    """Returns a table in Markdown."""
    return "\n".join([*markup.table(head, rows, str), ""])


def cell(row: Row) -> str:
    """Returns an error, with the evaluations behind it where they are not those of the column."""
    spent = "" if row["counted"] == row["budget"] else f" ({row['counted']})"
    return f"{float(row['flow_error']):.2g}{spent}"


def worst(rows: list[Row]) -> str:
    """Returns the largest one-step error over numbers of steps."""
    off = max(float(row["one_step"]) for row in rows)
    if off == float("inf"):
        return "**no step**"
    return f"**{off:.1e}**" if off > NOTED else f"{off:.1e}"


def flow(dataset: str) -> str:
    """Returns the table of errors against the exact flow."""
    # Here: the page's test needs no more than this for the rest.
    sys.path.insert(0, str(ROOT))
    from diffbench.tables.orders import slope

    rows = [row for row in read("flow") if row["dataset"] == dataset]
    budgets = list(dict.fromkeys(row["budget"] for row in rows))
    made = []
    for (whose, name), those in grouped(rows).items():
        found = slope([int(r["counted"]) for r in those], [float(r["flow_error"]) for r in those])
        half = (found.high - found.low) / 2
        shown = name if whose == "diffusers" else f"*{name}*"
        made.append(
            [shown, those[0]["end"], *map(cell, those), f"{found.order:.1f} ± {half:.1f}", worst(those)]
        )
    return table(["sampler", "end", *budgets, "slope", "one step"], made)


def moments(dataset: str) -> str:
    """Returns the table of the spread of stochastic samplers."""
    rows = [row for row in read("moments") if row["dataset"] == dataset]
    budgets = list(dict.fromkeys(row["budget"] for row in rows))
    made = []
    for (whose, name), those in grouped(rows).items():
        shown = name if whose == "diffusers" else f"*{name}*"
        spreads = [f"{float(r['spread']):.2f}" for r in those]
        z = max(float(r["mean_z"]) for r in those)
        made.append([shown, those[0]["end"], *spreads, f"{z:.1f}", worst(those)])
    return table(["sampler", "end", *budgets, "mean z", "one step"], made)


def counts() -> str:
    """Returns the table of evaluations, as asked for and as counted, where they differ."""
    made = []
    for (_, name), those in grouped([r for r in read("flow") if r["dataset"] == DATASETS[0]]).items():
        pairs = [f"{r['declared']}: {r['counted']}" for r in those if r["declared"] != r["counted"]]
        if pairs:
            made.append([name, ", ".join(pairs)])
    return table(["scheduler", "`num_inference_steps`: evaluations"], made)


def traces() -> str:
    """Returns the table of causes."""
    made = [[row["trace"], row["case"], row["steps"], row["what"], row["value"]] for row in read("traces")]
    return table(["trace", "case", "steps", "what", "value"], made)


def versions() -> str:
    """Returns what was measured with."""
    (row,) = read("versions")
    return ", ".join(f"{name} {version}" for name, version in row.items()) + ".\n"


PARTS = {
    **{f"flow-{name}": lambda name=name: flow(name) for name in DATASETS},
    **{f"moments-{name}": lambda name=name: moments(name) for name in DATASETS},
    "counts": counts,
    "traces": traces,
    "versions": versions,
}


def page(text: str) -> str:
    """Returns the page with its tables made again."""
    for name, part in PARTS.items():
        begin, end = f"<!-- begin:{name} -->", f"<!-- end:{name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the page must have {begin} and {end}")
        text = "\n".join([before + begin, "", part(), end]) + after
    return text


def main(arguments: list[str]) -> None:
    """Writes the page."""
    if arguments:
        raise SystemExit(f"public_table takes nothing; got {' '.join(arguments)}")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
