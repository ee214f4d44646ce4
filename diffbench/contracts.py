"""The records that the parts hand to one another, the registries, and keys from names.

A frozen dataclass is a description and a NamedTuple is data that crosses jit. Shapes:
n samples of D dimensions; t is `[]` while sampling and `[n]` while training.

Coordinates: datasets sample in data coordinates; everything else (processes, scores,
samplers, truths, metrics) speaks standardised ones, (x - mean)/scale. The harness
converts, once.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.process import Process
from diffbench.registry import Registry

Array = jax.Array
PRNGKey = jax.Array
Number = Array | float
Points = Array | np.ndarray

Score = Callable[[Array, Array], Array]
"""(x `[n, D]`, t `[]`) -> grad log p_t(x) `[n, D]`, whatever it came from."""


class Truth(Protocol):
    """What is known of the data in standardised coordinates; a pytree of arrays."""

    def log_prob(self, x: Array, alpha: Number, sigma: Number) -> Array:
        """Returns the log density of alpha x_0 + sigma eps at x, `[n]`, in nats."""

    def score(self, x: Array, alpha: Number, sigma: Number) -> Array:
        """Returns the gradient of that log density, `[n, D]`."""


class Modes(Protocol):
    """The modes of a mixture, in standardised coordinates; K modes."""

    @property
    def weights(self) -> Array:
        """Returns the share of each mode, `[K]`."""

    def responsibilities(self, x: Array) -> Array:
        """Returns the probability that x came from each mode, `[n, K]`."""

    def mahalanobis(self, x: Array) -> Array:
        """Returns the squared Mahalanobis distance to each mode, `[n, K]`."""


class Potential(Protocol):
    """Averages over the truth in closed form, in standardised coordinates; Y, Y' ~ truth."""

    def mean_distance(self, x: Points) -> Array:
        """Returns E|x - Y| at x `[n, D]`, `[n]`."""

    def mean_excess(self, x: np.ndarray) -> np.ndarray:
        """Returns E|x - Y| - |x| at points far from the data, `[n]`, float64, up to 1e150."""

    def mean_kernels(self, x: Points, bandwidths: np.ndarray) -> Array:
        """Returns E exp(-|x - Y|^2/(2 h^2)) at x `[n, D]` for each bandwidth `[J]`, `[n, J]`."""

    def self_distance(self) -> float:
        """Returns E|Y - Y'|."""

    def self_kernels(self, bandwidths: np.ndarray) -> np.ndarray:
        """Returns E exp(-|Y - Y'|^2/(2 h^2)) for each bandwidth `[J]`, `[J]`."""

    def moved(self, scale: float, shift: np.ndarray) -> Potential:
        """Returns the averages over scale Y + shift."""

    def projected(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns weights `[K]`, means and deviations of Y in each direction `[D, L]`, `[K, L]`."""


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
        as an argument.
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
      grain: Length at which the nearest points of a mode are apart, standardised: kernels need be
        no finer than half of it. None is the resolution, which is right in few dimensions.
      version: Changed whenever the samples or truths change.
    """

    name: str
    dim: int
    mean: np.ndarray
    scale: float
    sample: Callable[[PRNGKey, int], Array]
    truth: Truth
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
    version: int = 1

    def need(self, what: str) -> Any:
        """Returns what is known of the data, of the `NEEDS` that are a dataset's.

        Raises:
          ValueError: If it is not known.
        """
        return Outcome(None, None, None, None, None, self).need(what)

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
        return self.truth.log_prob(x, alpha, sigma)

    def score(self, x: Array, alpha: Number = 1.0, sigma: Number = 0.0) -> Array:
        """Returns the diffused score of the truth, `[n, D]`."""
        return self.truth.score(x, alpha, sigma)

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

        Exact where they are known, else by Monte Carlo over `MOMENT_SAMPLES` points of a fixed key.
        """
        if self.exact_moments is not None:
            return self.exact_moments
        points = self.sample(key_for(0, "moments", self.name), MOMENT_SAMPLES)
        x = np.asarray(self.standardise(points), np.float64)
        return x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False))


class Step(NamedTuple):
    """One move of a sampler from time t to s.

    Attributes:
      x: The new points, `[n, D]`.
      mean: The same without the noise of this step: what a last step returns.
    """

    x: Array
    mean: Array


@dataclasses.dataclass(frozen=True)
class Sampler:
    """A way from the prior to samples; it sees a process and a score, nothing else.

    Attributes:
      run: (key, x_T `[n, D]`, score, process) -> (x_0 `[n, D]`, nfe), nfe the score
        evaluations spent on each sample. Samples of a solve that did not end are NaN.
      unfit: process -> why this sampler cannot run on it, or None.
      end: process -> the time down to which it may ask the score; where a process ends by
        default unless the sampler says otherwise.
      version: Changed whenever the samples change.
    """

    run: Callable[[PRNGKey, Array, Score, Process], tuple[Array, Any]]
    unfit: Callable[[Process], str | None] = lambda process: None
    end: Callable[[Process], float] = lambda process: process.t_end
    version: int = 1


class Outcome(NamedTuple):
    """What a metric may look at. Widen this record, never a signature.

    Attributes:
      samples: Samples of a model, standardised, `[n, D]`.
      reference: Fresh truth, standardised, `[m, D]`.
      train: Training points, `[k, D]`, or None where data was unlimited.
      score: The score the samples came from, or None for truth rows.
      process: Its process, or None for truth rows.
      dataset: The dataset.
      prepared: What the metric's `prepare` returned.
    """

    samples: Any
    reference: Any
    train: Any
    score: Score | None
    process: Process | None
    dataset: Dataset
    prepared: Any = None

    def need(self, what: str) -> Any:
        """Returns what a metric needs of a row.

        Args:
          what: One of `NEEDS`.

        Raises:
          ValueError: If the row, or its dataset, has none.
        """
        found = NEEDS[what].of(self)
        if found is None:
            raise ValueError(f"it needs {lacking(what, self.dataset)}")
        return found


class Need(NamedTuple):
    """Something that a metric may need.

    Attributes:
      words: What people call it.
      of: A row -> what it offers of it, or None.
      remedy: What a user can do about a dataset that has none; empty where it is the row's.
      of_data: Whether it is the dataset's, whatever the row.
    """

    words: str
    of: Callable[[Outcome], Any]
    remedy: str = ""
    of_data: bool = False


NEEDS: Mapping[str, Need] = {
    "samples": Need("samples", lambda row: row.samples),
    "score": Need("a score", lambda row: row.score),
    "process": Need("a noise process", lambda row: row.process),
    "modes": Need("modes", lambda row: row.dataset.modes, of_data=True),
    "manifold": Need("a manifold", lambda row: row.dataset.distance, of_data=True),
    "intrinsic": Need("coordinates on a manifold", lambda row: row.dataset.intrinsic, of_data=True),
    "density": Need(
        "a density",
        lambda row: row.dataset.truth if row.dataset.density else None,
        "; give it a thickness above 0",
        of_data=True,
    ),
    "grey": Need("grey levels", lambda row: row.dataset.grey, of_data=True),
    "train": Need("a finite training set (train_size of at least 2)", lambda row: row.train, of_data=True),
}
"""What the outcome must offer, by the word of `Metric.needs`."""


def lacking(what: str, dataset: Dataset) -> str:
    """Returns what is needed and not there, in words."""
    need = NEEDS[what]
    if not need.of_data:
        return f"{need.words}, and this row has none"
    return f"{need.words}, and dataset {dataset.name!r} has none{need.remedy}"


Better = Literal["lower", "higher", "truth"]


@dataclasses.dataclass(frozen=True)
class Column:
    """One number a metric reports.

    Attributes:
      better: What is good: "lower", "higher", or "truth", nearest to what truth reads, where both
        sides are bad: `perfect` where it is known, the mean of the floor elsewhere.
      perfect: The value of a perfect model, or None where it depends on the data.
      censored: Whether a value of n, the number of samples, stands for "more than n".
      optional: Whether it is NaN where the process or the data has no such number.
    """

    better: Better = "lower"
    perfect: float | None = None
    censored: bool = False
    optional: bool = False


Measured = tuple[Mapping[str, float], Mapping[str, np.ndarray]]
"""Values by column, and named arrays (curves), of one measurement."""

Finish = Callable[[Mapping[str, float], Mapping[str, Any], Mapping[str, Any]], Mapping[str, float]]
"""(values, arrays, the floor's arrays `[R, ...]`) -> values, scaled by the floor."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """A judge of samples or of scores.

    Attributes:
      columns: What it reports, in order.
      measure: (key, outcome) -> values by column and named arrays.
      needs: What the outcome must offer, of `NEEDS`. Without "samples" the measurement belongs to the
        score, and every draw from that score shares it.
      floor: "two_sample" where truth against the reference gives a noise floor that
        values are read against; "two_sided" where `finish` needs draws of truth against
        as many fresh points of truth, and values have no z; else None.
      skips: Names of the sources of scores that it says nothing of.
      prepare: (reference, dataset) -> what depends on the truth alone, computed once
        for many measurements; it arrives as `outcome.prepared`.
      finish: Where a column is scaled by the floor: (values, arrays, floor) -> values.
      least: Fewest points that it can be taken of: of "samples", "reference", "train".
      version: Changed whenever the values change.
    """

    columns: Mapping[str, Column]
    measure: Callable[[PRNGKey, Outcome], Measured]
    needs: tuple[str, ...] = ("samples",)
    floor: Literal["two_sample", "two_sided"] | None = None
    skips: tuple[str, ...] = ()
    prepare: Callable[[Any, Dataset], Any] | None = None
    finish: Finish | None = None
    least: Mapping[str, int] = dataclasses.field(default_factory=dict)
    version: int = 1


FAMILIES: Registry[Any] = Registry(
    "family", group="diffbench.families", home="diffbench.families", traced=True
)
DATASETS: Registry[Dataset] = Registry("dataset", group="diffbench.datasets", home="diffbench.datasets")
SAMPLERS: Registry[Sampler] = Registry("sampler", group="diffbench.samplers", home="diffbench.samplers")
METRICS: Registry[Metric] = Registry("metric", group="diffbench.metrics", home="diffbench.metrics")


def key_for(seed: int, *labels: str | int) -> PRNGKey:
    """Returns a key that depends on a seed and on names, never on the order of work.

    Args:
      seed: The seed.
      *labels: What the key is for, such as "draw", "nine_gaussians".
    """
    key = jax.random.key(seed)
    for label in labels:
        digest = hashlib.sha256(str(label).encode()).digest()
        key = jax.random.fold_in(key, int.from_bytes(digest[:4], "big"))
    return key
