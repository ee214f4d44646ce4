"""What a sampler did: the points, noise levels and estimates of each ask, and whether an equation held.

Coordinates are those of a variance-preserving process, alpha^2 + sigma^2 = 1, whatever the sampler's own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Level(NamedTuple):
    """A noise level: x = alpha x_0 + sigma eps, and the time it has, NaN where it is none of the table's."""

    alpha: float
    sigma: float
    t: float = math.nan

    @property
    def r(self) -> float:
        """Noise to signal."""
        return self.sigma / self.alpha

    @property
    def half(self) -> float:
        """Half the log SNR, infinite at the data."""
        return math.inf if self.sigma == 0.0 else math.log(self.alpha / self.sigma)


DATA = Level(1.0, 0.0, 0.0)


@dataclasses.dataclass
class Walk:
    """What a sampler asked, and where it ended.

    Attributes:
      levels: Level of each ask, and of the end.
      x: Points of each ask, and of the end, each `[n, D]`, float64.
      eps: Estimates that it was given, each `[n, D]`, float64.
      noises: Noise that it drew, one for each ask, or none.
    """

    levels: list[Level] = dataclasses.field(default_factory=list)
    x: list[np.ndarray] = dataclasses.field(default_factory=list)
    eps: list[np.ndarray] = dataclasses.field(default_factory=list)
    noises: list[np.ndarray] = dataclasses.field(default_factory=list)

    @property
    def nfe(self) -> int:
        """Evaluations, counted."""
        return len(self.eps)

    def x0(self, k: int) -> np.ndarray:
        """The data that ask k estimates, `[n, D]`."""
        return (self.x[k] - self.levels[k].sigma * self.eps[k]) / self.levels[k].alpha


Equation = Callable[[Walk, int], np.ndarray]


def one_step(walk: Walk, equation: Equation) -> tuple[float, int]:
    """Returns how far a coordinate lies at most from where the equation leads, and after which ask."""
    # Between two asks at one level there is no step, and no equation has a number for it.
    with np.errstate(divide="ignore", invalid="ignore"):
        off = [float(np.abs(equation(walk, k) - walk.x[k + 1]).max()) for k in range(walk.nfe)]
    # What is not finite is the worst.
    worst = int(np.argmax([math.inf if math.isnan(value) else value for value in off]))
    return off[worst], worst
