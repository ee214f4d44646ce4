"""Which parts of an error are there at all: a verdict about the models at hand.

The question is whether *these* models err, not whether the mean over all possible trainings does:
that is what the t interval over seeds answers. So each seed has a p-value of its own,

  solving            the rank of its exact row among the draws of truth, which is exact; once that is
                     as small as `RANKED` it says no more, and the tail of standardised chi-squared
                     noise of one degree at its z is taken where it is smaller: no sum of such noise,
                     which is what floors are, has a longer one;
  learning, finite   a difference d of two draws of one seed, which are exchangeable where there is
  data               nothing to find. Under truth its law is symmetric, with tails of a Laplace law
                     at the most (chi-squared noise of one degree less itself has them): p is that
                     law's tail, its deviation sqrt(2) times that of one draw;

and the seeds are combined by Fisher's method, -2 sum log p against chi-squared of 2 S degrees: the
seeds share the truth and nothing else that is random. What is read together is judged together: Holm's
steps keep the parts of all rows of a dataset under one metric at 5%. One draw's deviation is the floor's,
or that of the exact rows over seeds where it is larger: far from truth a statistic is noisier than on it.

A part below `SMALLEST` of the way from truth to the Gaussian of the same moments is not named.

References:
  Fisher (1932), Statistical methods for research workers, section 21.1.
  Holm (1979), A simple sequentially rejective multiple test procedure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.05
SMALLEST = 0.005  # in units of u
# A rank of 1 among 99 draws and more: as far as z can be trusted, too.
RANKED = 0.01
NOTHING = "nothing seen"
UNKNOWN = "not known"


class Part(NamedTuple):
    """One part of a row's error.

    Attributes:
      name: What it is called.
      values: Its value for each seed, more is worse, `[S]`.
      p_values: Its p-value for each seed, `[S]`.
    """

    name: str
    values: np.ndarray
    p_values: np.ndarray


def draw_p_values(ranks: np.ndarray, z: np.ndarray, *, two_sided: bool = False) -> np.ndarray:
    """Returns the p-values of single draws, `[S]`.

    Args:
      ranks: Their ranks among the draws of truth, as p-values, `[S]`.
      z: How far they lie over the floor, in its deviations, signed so that more is worse, `[S]`.
      two_sided: Whether less is bad as well.
    """
    tail = stats.chi2.sf(1.0 + math.sqrt(2.0) * (np.abs(z) if two_sided else z), 1)
    tail = np.minimum(1.0, 2.0 * tail) if two_sided else tail
    return np.where(ranks <= RANKED, np.minimum(ranks, tail), ranks)


def difference_p_values(difference: np.ndarray, deviation: float, *, two_sided: bool = False) -> np.ndarray:
    """Returns the p-values of differences of two draws, `[S]`.

    Args:
      difference: Signed so that more is worse, `[S]`.
      deviation: Standard deviation of one draw.
      two_sided: Whether less is bad as well.
    """
    steps = np.abs(difference) / (math.sqrt(2.0) * deviation)
    tail = 0.5 * np.exp(-math.sqrt(2.0) * steps)
    return 2.0 * tail if two_sided else np.where(difference >= 0.0, tail, 1.0 - tail)


def combined(p_values: np.ndarray) -> float:
    """Returns Fisher's combination of p-values of independent seeds, `[S]`."""
    # A model that went astray has a p-value below the smallest float.
    logs = np.log(np.maximum(p_values, np.finfo(float).tiny))
    return float(stats.chi2.sf(-2.0 * logs.sum(), 2 * len(p_values)))


def verdicts(rows: Sequence[tuple[Mapping[str, Part], float]]) -> list[str]:
    """Returns what the models of each row err in, the largest part first, with the seeds that show each.

    Args:
      rows: The rows that are read together: of each the parts that are known, all over the same seeds,
        and the distance from truth to the Gaussian in the parts' units, NaN where that is not known.
    """
    p = {
        (i, key): combined(part.p_values) for i, (parts, _) in enumerate(rows) for key, part in parts.items()
    }
    kept = set()
    for place, key in enumerate(sorted(p, key=p.__getitem__)):
        if p[key] > LEVEL / (len(p) - place):
            break
        kept.add(key)
    return [_said(parts, span, {key for at, key in kept if at == i}) for i, (parts, span) in enumerate(rows)]


def _said(parts: Mapping[str, Part], span: float, kept: set[str]) -> str:
    if not parts:
        return UNKNOWN
    size = {key: abs(float(part.values.mean())) for key, part in parts.items()}
    named = [key for key in parts if key in kept and not size[key] < SMALLEST * abs(span)]
    return ", ".join(_shown(parts[key]) for key in sorted(named, key=lambda key: -size[key])) or NOTHING


def _shown(part: Part) -> str:
    return f"{part.name} {int((part.p_values <= LEVEL).sum())}/{len(part.p_values)}"
