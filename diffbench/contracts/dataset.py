"""A dataset: how it is sampled, and what is known of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts.arrays import Array, Number, Points, PRNGKey, key_for
from diffbench.contracts.truth import Modes, Potential, Truth


@dataclasses.dataclass(frozen=True, eq=False)
class Finite:
    """Points that stand for data of which no law is known, data coordinates.

    A reference is of the first half of the held-out points and fresh truth of the second, so that they share
    none. A floor has no fresh truth: its draws are random parts of all held-out points against as many
    others, so they depend on one another and their p-values are approximate.

    Attributes:
      train: What models learn from, `[k, D]`.
      held_out: What they are judged by, `[N, D]`, in a fixed random order.
    """

    train: np.ndarray
    held_out: np.ndarray

    @property
    def most(self) -> int:
        """The most samples and reference points that there are: half of what is held out."""
        return len(self.held_out) // 2

    def reference(self, m: int) -> np.ndarray:
        """Returns the reference, `[m, D]`, m at most `most`."""
        return self.held_out[:m]

    def fresh(self, key: PRNGKey, n: int) -> np.ndarray:
        """Draws fresh truth, `[n, D]`, n at most `most`, each point once."""
        rows = self.held_out[len(self.held_out) - self.most :]
        return rows[np.asarray(jax.random.permutation(key, len(rows)))[:n]]

    def parted(self, key: PRNGKey, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws n of the held-out points, and m others."""
        order = np.asarray(jax.random.permutation(key, len(self.held_out)))
        return self.held_out[order[:n]], self.held_out[order[n : n + m]]


# Coordinates from which float32 may overflow on the way.
_WIDE = 1e30
MOMENT_SAMPLES = 2**16


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A distribution whose truth is known.

    Attributes:
      name: Registered name.
      dim: Dimension D.
      mean: Known mean, data coordinates, `[D]`.
      scale: Known root mean square standard deviation over the dimensions: one
        number, so that circles stay circles.
      sample: (key, n) -> points in data coordinates, `[n, D]`.
      truth: Diffused log density and score; a pytree that enters compiled programs
        as an argument. None where no law is known: what needs one is refused at the door.
      resolution: Smallest length in the data (a component's standard deviation, or
        the thickness), standardised.
      diameter: Largest length in the data, standardised.
      modes: The modes of a mixture (a pytree of arrays), or None.
      distance: x -> distance to the manifold, `[n]`, standardised, or None.
      intrinsic: x -> coordinates of the nearest point on the manifold, `[n, k]`, each in
        [0, 1] and uniform for data of thickness 0; or None.
      density: Whether the data has a density (a thickness of 0 has none).
      smallest_sigma: Smallest sigma/alpha at which the score can be trusted; 0 where
        it is exact everywhere.
      exact_entropy: Entropy in nats, standardised, where a closed form is known.
      potential: () -> averages over the truth in closed form, or None where there are
        none: metrics then compare with a large sample of it.
      exact_moments: Mean `[D]` and covariance `[D, D]`, standardised, float64, where they are known.
      shape: (H, W, C) where points are images, row by row; or None.
      grey: Width of a grey level, data coordinates, in which bits per dimension count; or None.
      even: n -> points that stand evenly on the data, data coordinates, `[n, D]`, for finite training
        sets that are placed and not drawn; or None.
      grain: Length at which the nearest points of a mode are apart, standardised: kernels need be
        no finer than half of it. None is the resolution, which is right in few dimensions.
      finite: The points that stand for the data where no law is known, or None.
      version: Changed whenever the samples or truths change.
    """

    name: str
    dim: int
    mean: np.ndarray
    scale: float
    sample: Callable[[PRNGKey, int], Array]
    truth: Truth | None
    resolution: float
    diameter: float
    modes: Modes | None = None
    distance: Callable[[Array], Array] | None = None
    intrinsic: Callable[[Array], Array] | None = None
    density: bool = True
    smallest_sigma: float = 0.0
    exact_entropy: float | None = None
    potential: Callable[[], Potential | None] = lambda: None
    exact_moments: tuple[np.ndarray, np.ndarray] | None = None
    shape: tuple[int, int, int] | None = None
    grey: float | None = None
    grain: float | None = None
    even: Callable[[int], np.ndarray] | None = None
    finite: Finite | None = None
    version: int = 1

    def need(self, what: str) -> Any:
        """Returns what is known of the data.

        Args:
          what: One of `KNOWN`.

        Raises:
          ValueError: If it is not known.
        """
        found = KNOWN[what].of(self)
        if found is None:
            raise ValueError(f"it needs {lacking(KNOWN[what], self)}")
        return found

    @property
    def known(self) -> Truth:
        """The truth; raises as `need` where none is known."""
        found: Truth = self.need("truth")
        return found

    def standardise(self, x: Points) -> Array:
        """Returns (x - mean)/scale: in NumPy's float64 where NumPy's points are too far for float32."""
        if isinstance(x, np.ndarray) and not np.abs(x).max(initial=0.0) < _WIDE:
            return (np.asarray(x, np.float64) - self.mean) / self.scale
        return jnp.asarray((x - self.mean) / self.scale)

    def restore(self, x: Points) -> Array:
        """Returns data coordinates of standardised points."""
        return jnp.asarray(x * self.scale + self.mean)

    def log_prob(self, x: Array, alpha: Number = 1.0, sigma: Number = 0.0) -> Array:
        """Returns the diffused log density of the truth, `[n]`, in nats."""
        return self.known.log_prob(x, alpha, sigma)

    def score(self, x: Array, alpha: Number = 1.0, sigma: Number = 0.0) -> Array:
        """Returns the diffused score of the truth, `[n, D]`."""
        return self.known.score(x, alpha, sigma)

    def entropy(self, samples: int = 2**16) -> tuple[float, float]:
        """Returns the entropy of the standardised data, in nats, and its standard error.

        A closed form where one is known (standard error 0), Monte Carlo otherwise.

        Raises:
          ValueError: If the data has no density.
        """
        if not self.density:
            raise ValueError(f"dataset {self.name!r} has thickness 0, so no density and no entropy")
        if self.exact_entropy is not None:
            return self.exact_entropy, 0.0
        x = self.standardise(self.sample(key_for(0, "entropy", self.name), samples))
        surprise = -np.asarray(self.log_prob(x), np.float64)
        return float(surprise.mean()), float(surprise.std(ddof=1) / np.sqrt(samples))

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns mean `[D]` and covariance `[D, D]` of the standardised data, float64.

        Exact where they are known, else by Monte Carlo over `MOMENT_SAMPLES` points of a fixed key, or over
        the training points where there are no more.
        """
        if self.exact_moments is not None:
            return self.exact_moments
        if self.finite is not None:
            points: Points = self.finite.train
        else:
            points = self.sample(key_for(0, "moments", self.name), MOMENT_SAMPLES)
        x = np.asarray(self.standardise(points), np.float64)
        return x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False))


class Need(NamedTuple):
    """Something that a metric may need.

    Attributes:
      words: What people call it.
      of: A dataset, or a row, -> what there is of it, or None.
      remedy: What a user can do about a dataset that has none.
    """

    words: str
    of: Callable[[Any], object]
    remedy: str = ""


KNOWN: Mapping[str, Need] = {
    "truth": Need("a known density and score", lambda dataset: dataset.truth),
    "modes": Need("modes", lambda dataset: dataset.modes),
    "manifold": Need("a manifold", lambda dataset: dataset.distance),
    "intrinsic": Need("coordinates on a manifold", lambda dataset: dataset.intrinsic),
    "density": Need(
        "a density",
        lambda dataset: dataset.truth if dataset.density else None,
        "; give it a thickness above 0",
    ),
    "grey": Need("grey levels", lambda dataset: dataset.grey),
}
"""What a dataset may know of itself, by the word of `Dataset.need` and `Metric.needs`."""


def lacking(need: Need, dataset: Dataset) -> str:
    """Returns what is needed and a dataset does not have, in words."""
    if dataset.finite is not None and need is not KNOWN["grey"]:
        return f"{need.words}, and dataset {dataset.name!r} is points alone, with no known truth"
    return f"{need.words}, and dataset {dataset.name!r} has none{need.remedy}"
