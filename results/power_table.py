"""How many samples it takes to see each broken model, by each column: measured, and as a table of a page.

    python results/validity.py power            # the page again, from the committed numbers
    python results/validity.py power --write    # make the numbers again, about two and a half minutes

A model is seen at n where 95% of its draws lie above the 95% quantile of truth at n. Each column's own rule
carries what is estimated at one n to another. With U-statistics the effect D does not depend on n, the
spread of truth falls as 1/n, that of a model has a part that falls as 1/sqrt(n) besides. `sliced_w2` is the
same about the mean of truth, which falls as 1/n. `mode_tv` is a distance and not a square: all falls as
1/sqrt(n), and its noise adds to D in squares. Where the rule tells an n that is far below the one it was
estimated at, it is estimated again nearer to it.

"Before" is the two-sample form against a reference of m = n points, drawn anew each time; "after" is
against the truth itself. A broken model is a function of points of truth, so D is the mean of the
differences between a model's value and that of the points it was made of.
"""

from __future__ import annotations

import csv
import functools
import math
from pathlib import Path

import broken_models
import calibration_table
import numpy as np
from planted_record import NINE
from scipy import spatial
from scipy.optimize import brentq

from diffbench.contracts import METRICS, Outcome, key_for
from diffbench.tables import markup

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "validity.md"
FIELDS = ("model", "column", "form", "n", "bound", "share_seen")
# Where a rule is estimated: at the first, then at the next if it tells less than half of that.
SIZES = (2_000, 250, 32)
MODEL_DRAWS, TRUTH_DRAWS, CHECK_DRAWS = 60, 200, 100
# Of the floor's deviation: truth against the truth, and references.
WIDTH_DRAWS, WIDTH_REFERENCES = 400, 200
Z95 = 1.6449  # standard normal quantile
MOST = 10**6
# Column -> its metric and its forms.
FORMS = ("reference", "truth")
COLUMNS = {
    "energy": ("energy", FORMS),
    "mmd2": ("mmd2", FORMS),
    "mmd2_local": ("mmd2", FORMS),
    "sliced_w2": ("sliced_w2", FORMS),
    "mode_tv": ("mode_tv", ("truth",)),
}
MODELS = {model.name: model for model in (broken_models.TRUTH, *broken_models.MODELS)}
# Where the rule is held against a simulation at the n that it tells.
CHECKED = (
    ("the middle mode dropped", "energy", "truth"),
    ("blurred by noise of 0.15", "mmd2_local", "truth"),
)


@functools.cache
def _reference(n, r):
    dataset = NINE.build()
    return np.asarray(dataset.standardise(dataset.sample(key_for(r, "validity", "power", n), n)))


@functools.cache
def _metric(name, form):
    return METRICS.build(name) if name == "mode_tv" else METRICS.build(name, against=form)


@functools.cache
def _prepared(name, form, n, r):
    return _metric(name, form).prepare(_reference(n, r), NINE.build())


@functools.cache
def draws(model, name, form, n, first, count):
    """Returns what a metric reads of draws of a model, `[count]` by column, `[count, J]` by bandwidth."""
    make, rows = broken_models.drawer(MODELS[model], n), []
    for r in range(first, first + count):
        # What is known of the truth does not depend on the draw.
        prepared = _prepared(name, form, n, r) if form == "reference" else _prepared(name, form, SIZES[0], 0)
        outcome = Outcome(make(r), _reference(n, r), None, None, None, NINE.build(), prepared)
        values, arrays = _metric(name, form).measure(key_for(r), outcome)
        rows.append({**values, "bandwidths": arrays.get("mmd2_bandwidths", ())})
    return {column: np.array([row[column] for row in rows]) for column in rows[0]}


def _readings(model, column, form, n, first=0):
    """Returns a column's values of truth, and of a model's draws of the same points."""
    name = COLUMNS[column][0]
    truth = draws("truth", name, form, n, first, TRUTH_DRAWS)
    count = CHECK_DRAWS if first else MODEL_DRAWS
    found = truth if model == "truth" else draws(model, name, form, n, first, count)
    if column != "mmd2":
        return truth[column], found[column][:count]
    # The weights of the bandwidths are those of the floor; their ratios do not depend on n.
    sd = truth["bandwidths"].std(axis=0, ddof=1)
    return (truth["bandwidths"] / sd).sum(axis=1), (found["bandwidths"][:count] / sd).sum(axis=1)


def told(truth, model, size, column):
    """Returns the n at which the rule sees a model in 95% of draws, and whether it is only a bound.

    Args:
      truth: Values of truth at `size`, `[R]`.
      model: Values of a model made of the first of the same points, `[r]`, r <= R.
      size: Number of samples of each.
      column: A column of `COLUMNS`.
    """
    apart = model - truth[: len(model)]
    effect, error = apart.mean(), apart.std(ddof=1) / math.sqrt(len(apart))
    bound = not effect > 2.0 * error
    if bound:  # then the largest effect that is not excluded tells the least n
        effect = max(effect, 0.0) + 2.0 * error
    level, spread = truth.mean(), model.std(ddof=1)
    quantile = np.quantile(truth, 0.95) - level
    if column == "mode_tv":
        squared = (level + effect) ** 2 - level**2

        def margin(log_n):
            root = math.sqrt(size / math.exp(log_n))
            return math.hypot(math.sqrt(squared), level * root) - (level + quantile + Z95 * spread) * root
    else:
        # What the spread of a model has beyond that of truth is the part in 1/sqrt(n).
        degenerate = min(spread, truth.std(ddof=1)) ** 2
        linear = spread**2 - degenerate

        def margin(log_n):
            ratio = size / math.exp(log_n)
            deviation = math.sqrt(linear * ratio + degenerate * ratio**2)
            return effect - quantile * ratio - Z95 * deviation

    most = math.log(1e12)
    if margin(most) <= 0.0:
        return math.inf, True
    return (math.exp(brentq(margin, 0.0, most)) if margin(0.0) < 0.0 else 1.0), bound


def seen_at(model, column, form):
    """Returns n by the rule, estimated as near to it as `SIZES` goes, and whether it is only a bound."""
    for size, smaller in zip(SIZES, (*SIZES[1:], 0), strict=True):
        n, bound = told(*_readings(model, column, form, size), size, column)
        if bound or not smaller or n > size / 2:
            break
    return n, bound


def share_seen(model, column, form, n):
    """Returns the share of fresh draws of n samples that lie above the 95% quantile of truth."""
    truth, found = _readings(model, column, form, n, first=1_000)
    return float((found > np.quantile(truth, 0.95)).mean())


def row(model, column, form):
    """Returns a row of the file."""
    n, bound = seen_at(model, column, form)
    bound, n = bound or n > MOST or n < SIZES[-1], min(max(n, SIZES[-1]), MOST)
    shown = f"{float(f'{n:.2g}'):.0f}"
    side = "" if not bound else "below" if n == SIZES[-1] else "above"
    share = f"{share_seen(model, column, form, int(shown)):.2f}" if (model, column, form) in CHECKED else ""
    return dict(zip(FIELDS, (model, column, form, shown, side, share), strict=True))


def widths():
    """Returns the rows of the file on energy's floor at n = 2,000: its deviation in each form.

    Against m = n points the statistic is that against the truth plus 2 E_x w(x), where w is how far the mean
    distance to the points is from that to the truth; the two are uncorrelated. So for one reference the
    variance is that against the truth plus 4 Var w/n, and over references as much again as against the truth.
    """
    n, metric, dataset = SIZES[0], _metric("energy", "truth"), NINE.build()
    make, prepared = broken_models.drawer(broken_models.TRUTH, n), _prepared("energy", "truth", n, 0)
    known = (_reference(n, 0), None, None, None, dataset, prepared)
    drawn = [metric.measure(key_for(0), Outcome(make(r), *known))[0]["energy"] for r in range(WIDTH_DRAWS)]
    alone = float(np.var(drawn, ddof=1))
    x = np.concatenate([make(r) for r in range(5_000, 5_002)])
    exact = np.asarray(prepared.averages.mean_distance(x), np.float64)
    shared = []
    for r in range(WIDTH_REFERENCES):
        to_points = spatial.distance.cdist(x, _reference(n, r)).mean(axis=1)
        shared.append(4.0 * np.var(to_points - exact, ddof=1) / n)
    each = np.sqrt(alone + np.array(shared))
    low, middle, high = np.quantile(each, [0.05, 0.5, 0.95])
    found = {
        "truth": math.sqrt(alone),
        "reference, mean square": math.sqrt(np.mean(each**2)),
        "reference, 5%": low,
        "reference, 50%": middle,
        "reference, 95%": high,
        "reference, largest": each.max(),
        "reference drawn anew": math.sqrt(2.0 * alone + np.mean(shared)),
    }
    wide = {"form": "share three times as wide", "sd": f"{(each >= 3.0 * math.sqrt(alone)).mean():.3f}"}
    return [*({"form": form, "sd": f"{sd:.2e}"} for form, sd in found.items()), wide]


def rows():
    """Returns the rows of all models."""
    made = []
    for model in broken_models.MODELS:
        for column, (_, forms) in COLUMNS.items():
            made += [row(model.name, column, form) for form in forms]
            print(made[-1], flush=True)
    return made


def _cell(found):
    return {"": "", "above": "> ", "below": "< "}[found["bound"]] + f"{int(found['n']):,}"


def markdown():
    """Returns the table of the committed numbers in Markdown, with its footnote."""
    table = calibration_table.read("power")
    of = {(line["model"], line["column"], line["form"]): line for line in table}
    head, lines = ["model", *(f"`{column}`" for column in COLUMNS)], []
    for model in broken_models.MODELS:
        lines.append([model.name])
        for column, (_, forms) in COLUMNS.items():
            lines[-1].append(" → ".join(_cell(of[model.name, column, form]) for form in forms))
    checks = "; ".join(
        f"{line['model']}, `{line['column']}`, n = {int(line['n']):,}: {float(line['share_seen']):.0%}"
        for line in table
        if line["share_seen"]
    )
    return (
        "\n".join(markup.table(head, lines, str))
        + f"\n\nSimulated at the n that the rule tells, {CHECK_DRAWS} fresh draws, seen in: {checks}.\n\n"
        + _floors()
    )


def _floors():
    """Returns what is said of the floor of `energy` in each form."""
    sd = {line["form"]: float(line["sd"]) for line in calibration_table.read("widths")}
    times = {form: value / sd["truth"] for form, value in sd.items()}
    few, most = times["reference, 5%"], times["reference, 95%"]
    return (
        f"The floor of `energy` at n = {SIZES[0]:,} has a standard deviation of {sd['truth']:.1e} against the"
        f" truth. Against m = n points it is {times['reference drawn anew']:.1f} times as wide where they are"
        f" drawn anew with each draw, and {times['reference, mean square']:.1f} times (mean square) where"
        " they stay, as in a run; theory has 2 and the root of 3. It depends on which points they are: over"
        f" {WIDTH_REFERENCES} references {few:.1f} to {most:.1f} times for nine of ten,"
        f" {times['reference, largest']:.1f} at the most, three times or more for"
        f" {sd['share three times as wide']:.1%} of them."
    )


def page(text):
    """Returns the page with its section made again."""
    begin, end = "<!-- begin:power -->", "<!-- end:power -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return "\n".join([before + begin, "", markdown(), "", end]) + after


def main(arguments):
    """Writes the page, its numbers made again first where --write is given."""
    if arguments not in ([], ["--write"]):
        raise SystemExit(f"power takes nothing or --write; got {' '.join(arguments)}")
    if arguments:
        for name, made in (("widths", widths()), ("power", rows())):
            with (calibration_table.FOLDER / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, [*made[0]], lineterminator="\n")
                table.writeheader()
                table.writerows(made)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
