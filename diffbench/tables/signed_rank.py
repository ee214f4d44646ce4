"""Two rows over datasets: Bayesian signed-rank with a region of practical equivalence, and Wilcoxon's.

Of the differences d_1 .. d_n, one for each dataset, and a prior one d_0 = 0 (in the region; half a dataset),

  better = sum_ij w_i w_j [d_i + d_j > 2 ROPE],   w ~ Dirichlet(PRIOR, 1, .., 1),

and so `equal` and `worse`: the posterior of the chances that a dataset of this kind favours the first row by
more than `ROPE`, neither, or the second. In tables are how often each is the largest of the three, and the
mean and 94% highest-density interval of `better`.

Wilcoxon's signed-rank test asks whether the differences are symmetric about 0; its p-values are Holm's over
all pairs of a metric and kind. Below `TESTED` datasets it cannot reach 5% among several pairs: left out.

References:
  Benavoli, Corani, Demsar, Zaffalon (2017), Time for a change, section 4.2; the prior's place and strength
    are those of their package baycomp.
  Holm (1979), A simple sequentially rejective multiple test procedure.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

from diffbench.spec import Json, JsonObject

ROPE = 0.01
"""In units of u: a hundredth of the way from truth to the Gaussian of the same moments."""
BAYESIAN, TESTED = 5, 7
"""Datasets from which each says something."""
PRIOR = 0.5
"""Of the prior difference, in datasets."""
DRAWS = 4000
KEY = 0
MASS = 0.94
COLUMNS = ("better", "equal", "worse", "chance", "chance_low", "chance_high", "wilcoxon")


def among(pairs: Sequence[Json]) -> list[JsonObject]:
    """Returns pairs with what their "differences" come to, all that are read together.

    Args:
      pairs: Rows of a table; "differences" is taken away, `[n]`.
    """
    found = [{**one, **_posterior(one["differences"])} for one in pairs]
    p = {i: _wilcoxon(one["differences"]) for i, one in enumerate(pairs) if len(one["differences"]) >= TESTED}
    largest = 0.0
    for place, i in enumerate(sorted(p, key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - place) * p[i]))
        found[i]["wilcoxon"] = largest
    return [{key: value for key, value in one.items() if key != "differences"} for one in found]


def _posterior(differences: np.ndarray) -> JsonObject:
    if len(differences) < BAYESIAN:
        return {}
    thetas = posterior(differences)
    largest = np.bincount(thetas.argmax(axis=1), minlength=3) / len(thetas)
    low, high = _hdi(thetas[:, 0])
    return {
        **dict(zip(COLUMNS[:3], map(float, largest), strict=True)),
        "chance": float(thetas[:, 0].mean()),
        "chance_low": low,
        "chance_high": high,
    }


def _hdi(draws: np.ndarray) -> tuple[float, float]:
    """Returns the narrowest interval that holds `MASS` of draws."""
    with warnings.catch_warnings():
        # 0.23, the last for Python 3.11, announces 1.0 on import.
        warnings.simplefilter("ignore", FutureWarning)
        # Takes seconds, and is of no use to those who have few datasets.
        import arviz
    low, high = np.asarray(arviz.hdi(draws, MASS), float).reshape(-1)
    return float(low), float(high)


def posterior(differences: np.ndarray, rope: float = ROPE) -> np.ndarray:
    """Returns draws of (better, equal, worse), `[DRAWS, 3]`.

    Args:
      differences: One for each dataset, `[n]`.
      rope: Half the width of the region of practical equivalence.
    """
    weights = _weights(len(differences) + 1)
    sums = np.add.outer(*[np.concatenate([[0.0], differences])] * 2)
    better, worse = (((weights @ (sign * sums > 2.0 * rope)) * weights).sum(axis=1) for sign in (1.0, -1.0))
    return np.stack([better, 1.0 - better - worse, worse], axis=1)


@functools.lru_cache(maxsize=64)
def _weights(n: int) -> np.ndarray:
    return np.random.default_rng(KEY).dirichlet([PRIOR, *[1.0] * (n - 1)], DRAWS)


def _wilcoxon(differences: np.ndarray) -> float:
    apart = differences[differences != 0.0]
    return float(stats.wilcoxon(apart).pvalue) if len(apart) else 1.0


def silent(datasets: int) -> str:
    """Returns the line that says what is left out for want of datasets, or nothing."""
    said = []
    if datasets < BAYESIAN:
        said.append(f"the Bayesian signed-rank, which takes {BAYESIAN}")
    if datasets < TESTED:
        least = 2.0 ** (1 - datasets)
        said.append(
            f"Wilcoxon's test and the critical-difference diagram, which take {TESTED} (the least p-value"
            f" would be {least:.2g})"
        )
    return f"Datasets: {datasets}. Left out: {'; '.join(said)}." if said else ""
