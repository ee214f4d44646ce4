"""What an error looks like, from which metrics see it and which do not.

Only what planted models show that these metrics can tell is said (`docs/validity.md`, and
`tests/tables/test_symptoms.py` with the models of `tests/validity`): a mean z over seeds of 5 or more counts
as seen and one below 2 as blind, as on that page. Of a row in which a metric is between, less is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pandas as pd

from diffbench.records.places import GIVEN

SEEN, BLIND = 5.0, 2.0
"""Mean z from which a metric sees an error, and below which it is blind to it."""
# Of `mmd2_local` to `energy`: modes that are displaced or scaled as a whole read 3 to 4, modes that are
# wider or narrower in place 18 to 70.
WITHIN, WHOLE = 8.0, 6.0
NOTHING = "nothing is seen that truth itself would not show"

Readings = Mapping[str, float]


def of(long: pd.DataFrame) -> dict[str, list[str]]:
    """Returns what the errors of each model look like, by its label, in the long table's order.

    Args:
      long: The long table.
    """
    found = {}
    for called, dataset, label in models(long):
        here = long[long["dataset"] == dataset]
        row = here[(here["score"] == GIVEN) & (here["family"] == label)]
        truth = here[here["score"] == "truth"]
        n = int(row["n_samples"].max())
        found[called] = described(_means(row, "z"), _means(row, "value"), _means(truth, "value"), n)
    return found


def models(long: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Returns the rows of samples that came in files: what to call each, its dataset and its label."""
    rows = long.loc[long["score"] == GIVEN, ["dataset", "family"]].drop_duplicates()
    labels = rows["family"].tolist()
    return [
        (label if labels.count(label) == 1 else f"{label}, {dataset}", dataset, label)
        for dataset, label in rows.itertuples(index=False)
    ]


def _means(rows: pd.DataFrame, what: str) -> dict[str, float]:
    groups = rows.groupby("metric")[what]
    return {str(metric): float(value) for metric, value in groups.mean().items()}


def described(z: Readings, values: Readings, truth: Readings, n: int) -> list[str]:
    """Returns lines that say what an error looks like; one that nothing is seen where that is so.

    Args:
      z: Mean z of each column.
      values: Mean value of each column.
      truth: The same of fresh truth.
      n: Samples.
    """
    said = [line for rule in _RULES if (line := rule(_Row(z, values, truth))) is not None]
    if said:
        return said
    most = max((abs(value) for value in z.values() if math.isfinite(value)), default=math.nan)
    if most >= SEEN or not math.isfinite(most):
        return []
    return [f"{NOTHING}, at n = {n:,}" + (" (though some z is above 2)" if most >= BLIND else "")]


class _Row:
    """Readings of one row: NaN where a metric was not taken."""

    def __init__(self, z: Readings, values: Readings, truth: Readings):
        self._z, self._values, self._truth = z, values, truth

    def z(self, column: str) -> float:
        return self._z.get(column, math.nan)

    def value(self, column: str) -> float:
        return self._values.get(column, math.nan)

    def truth(self, column: str) -> float:
        return self._truth.get(column, math.nan)

    def sees(self, column: str) -> bool:
        return self.z(column) >= SEEN

    def blind(self, column: str) -> bool:
        return self.z(column) < BLIND


def _missing(row: _Row) -> str | None:
    count = row.value("missing_modes")
    if not count >= 0.5:
        return None
    return f"{count:.0f} {'mode is' if round(count) == 1 else 'modes are'} missing (`missing_modes`)"


def _shares(row: _Row) -> str | None:
    if not row.sees("mode_tv"):
        return None
    return f"{row.value('mode_tv'):.1%} of the mass is in other modes than it should be (`mode_tv`)"


def _astray(row: _Row) -> str | None:
    # With the right shares it is the modes' shape: see `_within`.
    if not row.sees("stray") or row.blind("mode_tv"):
        return None
    return f"{row.value('stray'):.2%} of the samples lie outside every mode (`stray`)"


def _within(row: _Row) -> str | None:
    """Modes in place, of another shape: `mmd2_local` sees far more than `energy`, and shares are right."""
    if not (row.sees("mmd2_local") and row.blind("mode_tv")):
        return None
    local, everywhere = row.z("mmd2_local"), row.z("energy")
    # Truth itself moves both by about two.
    if local < WHOLE * (everywhere + BLIND) and everywhere >= SEEN:
        return (
            "the shares of the modes are right and the whole is displaced or of another scale: shifted, or"
            " inflated (`energy` and `mmd2_local` see it, `mode_tv` does not)"
        )
    if local < WITHIN * max(everywhere - BLIND, 1.0):
        return None
    shape = ""
    if row.sees("stray"):
        shape = f": too wide or blurred ({row.value('stray'):.2%} of the samples lie outside every mode)"
    elif row.value("stray") < 0.1 * row.truth("stray"):
        shape = ": too narrow (hardly a sample where truth has its tails)"
    return f"the modes are in place with the right shares and have another shape{shape} (`mmd2_local`)"


def _copies(row: _Row) -> str | None:
    if not row.value("ct") <= -SEEN:
        return None
    more = row.value("copied") - row.truth("copied")
    if not more > 0.05:
        return None
    return (
        f"samples are copies of training points (`copied` {row.value('copied'):.0%}, truth "
        f"{row.truth('copied'):.0%}), which no distance between samples sees"
    )


def _off(row: _Row) -> str | None:
    z = row.z("manifold_distance")
    if not abs(z) >= SEEN:
        return None
    side = "off the manifold: farther" if z > 0 else "too near to the manifold: nearer"
    return f"samples lie {side} from it than the data's own thickness (`manifold_distance`)"


def _along(row: _Row) -> str | None:
    if not row.sees("intrinsic"):
        return None
    return "they are unevenly spread along the manifold (`intrinsic`)"


_RULES: tuple[Callable[[_Row], str | None], ...] = (
    _missing,
    _shares,
    _astray,
    _within,
    _copies,
    _off,
    _along,
)
