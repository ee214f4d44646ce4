"""Datasets whose truth is known, in data coordinates."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from diffbench import arrayfiles, checks, measuring
from diffbench.api import arguments, session, showing
from diffbench.api.noise import Noise, entry_of
from diffbench.contracts import Array, Dataset, key_for
from diffbench.spec import Json, JsonObject, Parameter, label_of
from diffbench.suites import given, parts
from diffbench.suites.suite import Suite, parse


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Data:
    """A dataset, as a suite would name it; see `diffbench.dataset`.

    Attributes:
      entry: Its entry in a suite: name and parameters.
      standardise: Whether models see (x - mean)/scale, as they do by default.
    """

    entry: Json
    standardise: bool = True

    @property
    def own(self) -> Dataset:
        """The dataset itself, with its own mean and scale."""
        return measuring.built(dict(self.entry))

    @property
    def spec(self) -> Json:
        """Its specification."""
        return parts.datasets_of(self._suite())[0].spec

    @property
    def seen(self) -> Dataset:
        """The dataset in the coordinates that models see."""
        return parts.make_dataset(self.spec)

    def _suite(self) -> Suite:
        about = {"standardise": self.standardise, "metrics": ["energy"], **self.sizes}
        content = {"datasets": [dict(self.entry)], **about}
        return parse(content, "dataset", "dataset")

    @property
    def sizes(self) -> dict[str, int]:
        """How many samples a suite may ask of it, where that is not for anybody to choose."""
        finite = self.own.finite
        return {} if finite is None else {"samples": min(2000, finite.most)}

    @property
    def name(self) -> str:
        """Its registered name."""
        return str(self.entry["name"])

    @property
    def dim(self) -> int:
        """Its dimension D."""
        return self.own.dim

    @property
    def mean(self) -> np.ndarray:
        """Its mean, data coordinates, `[D]`."""
        return np.asarray(self.own.mean)

    @property
    def scale(self) -> float:
        """Root mean square standard deviation over the dimensions, data coordinates."""
        return float(self.own.scale)

    @session.pinned
    def sample(self, n: int, *, seed: int = 0) -> np.ndarray:
        """Draws fresh truth, data coordinates, `[n, D]`: the bits of the row `truth` of that n and seed."""
        n, seed = arguments.whole("n", n, 1), arguments.whole("seed", seed)
        return np.asarray(self.seen.sample(key_for(seed, "truth", label_of(self.spec)), n))

    @session.pinned
    def score_at(self, x: ArrayLike, process: Noise | str = "vp", *, t: float = 0.0) -> np.ndarray:
        """Returns the exact score of the diffused data, `[n, D]`.

        Data coordinates: x is scale x_t + mean, so that a grid over the data serves every t.

        Args:
          x: Points, `[n, D]`, or a grid `[..., D]`.
          process: The noise process, which acts on standardised data.
          t: Time; 0 is the data itself.
        """
        return self._truth("score", x, process, t) / self.seen.scale

    @session.pinned
    def log_prob_at(self, x: ArrayLike, process: Noise | str = "vp", *, t: float = 0.0) -> np.ndarray:
        """Returns the exact log density of the diffused data, `[n]`, in nats; see `score_at`."""
        found = self._truth("log_prob", x, process, t)
        return found - self.dim * np.log(self.seen.scale)

    def _truth(self, what: str, x: ArrayLike, process: Noise | str, t: float) -> np.ndarray:
        dataset = self.seen
        if dataset.truth is None:
            raise ValueError(f"dataset {self.name!r} has no known truth, so no exact {what}")
        x = arguments.points(x, dataset.dim)
        alpha, sigma = _levels(process, t)
        standard = dataset.standardise(x.reshape(-1, dataset.dim))
        found = np.asarray(getattr(dataset.truth, what)(standard, alpha, sigma))
        return found.reshape(x.shape if what == "score" else x.shape[:-1])

    def _about(self) -> JsonObject:
        own = self.own
        truths = ["density, score" if own.density else "score"] if own.truth is not None else ["none"]
        truths += ["modes"] if own.modes is not None else []
        truths += ["distance"] if own.distance is not None else []
        told = {key: one for key, one in self.entry.items() if key != "name"}
        about = {"dim": own.dim, "mean": np.asarray(own.mean), "scale": float(own.scale)}
        finest = {"resolution": float(own.resolution * own.scale)}
        return {**told, **about, **finest, "truth": ", ".join(truths)}

    def __repr__(self) -> str:
        return showing.line("Data", {"": self.name, **self._about()})

    def _repr_html_(self) -> str:
        title = f"{self.name}, data coordinates"
        shown = showing.table(title, self._about())
        return shown + (showing.points({self.name: self.sample(2000)}) if self.dim == 2 else "")


def _arrays_are(given: object) -> str:
    """Returns what to do with points where a dataset was asked for."""
    points = hasattr(given, "__array__") or isinstance(given, list)
    return "; points of your own are one by diffbench.arrays(points)" if points else ""


def data_of(data: Data | str, name: str = "data") -> Data:
    """Returns a dataset, of which the name may be given.

    Raises:
      TypeError: If it is neither; `name` says which argument it is.
    """
    if isinstance(data, str):
        return dataset(data)
    if not isinstance(data, Data):
        raise TypeError(f"{name} must be a dataset or its name; got {type(data).__name__}{_arrays_are(data)}")
    return data


def _levels(process: Noise | str, t: float) -> tuple[Array, Array]:
    noise = Noise(entry_of(process))
    built = noise.built
    t = arguments.time(t, built, noise.name, zero=True)
    if t == 0.0:
        return jnp.ones(()), jnp.zeros(())
    at = jnp.asarray(t, float)
    return built.alpha(at), built.sigma(at)


def dataset(name: str, /, *, standardise: bool = True, **params: Parameter) -> Data:
    """Returns a dataset by its name.

    Args:
      name: A registered name; `diffbench.list("datasets")` has them.
      standardise: Whether models see (x - mean)/scale; else they see data coordinates.
      **params: Parameters, such as `thickness=0.1`.

    Raises:
      ValueError: If there is none of the name, or a parameter is wrong.

    Example:
      data = diffbench.dataset("two_moons", thickness=0.1)
      x = data.sample(1000, seed=0)
    """
    if not isinstance(name, str):
        raise TypeError(
            f"name must be that of a dataset, such as 'two_moons'; got {type(name).__name__}"
            f"{_arrays_are(name)}"
        )
    checks.flag(standardise=standardise)
    made = Data({"name": name, **arguments.plain(params)}, standardise)
    measuring.built(dict(made.entry))  # what is wrong with it is told here
    return made


def mixture(
    weights: ArrayLike, means: ArrayLike, covariances: ArrayLike, *, standardise: bool = True
) -> Data:
    """Returns a Gaussian mixture of your own, as a dataset whose truth is known.

    Args:
      weights: Of K components, positive; they are normalised. None is equal ones.
      means: `[K, D]`.
      covariances: `[K, D, D]`, `[K, D]` (variances along the axes) or `[K]` (one for all axes).
      standardise: As of `dataset`.

    Raises:
      ValueError: If shapes do not agree, a weight is not positive, or a covariance is none.
    """
    law = {"weights": weights, "means": means, "covariances": covariances}
    params = {
        key: one if isinstance(one, str) else arrayfiles.real(one, key).astype(np.float64).tolist()
        for key, one in law.items()
        if one is not None
    }
    return dataset("mixture", standardise=standardise, **params)


def arrays(train: ArrayLike, test: ArrayLike | None = None, *, standardise: bool = True) -> Data:
    """Returns data of your own, of which no law is known: what needs a density or modes is refused.

    Args:
      train: What models learn from: an array `[n, D]` or `[n, H, W, C]`, or the path of a file of one.
      test: What is held out, which judges; without it half of `train` is, by a fixed draw.
      standardise: As of `dataset`; mean and scale are those of the training half.

    Raises:
      ValueError: If an array is something else, or too small.
    """
    shapes = [
        arrayfiles.real(half, what).shape[1:]
        for half, what in ((train, "train"), (test, "test"))
        if half is not None and not isinstance(half, str | Path)
    ]
    if len(shapes) == 2 and shapes[0] != shapes[1]:
        raise ValueError(f"test must have points of the shape of train, {[*shapes[0]]}; got {[*shapes[1]]}")
    params = {"train": _file(train, "train")}
    params |= {} if test is None else {"test": _file(test, "test")}
    return dataset("arrays", standardise=standardise, **params)


def _file(points: ArrayLike, what: str) -> str:
    """Returns the path of a file with points: an array is written into the folder of this session."""
    if isinstance(points, str | Path):
        return str(points)
    found = arrayfiles.of_numbers(points, what)
    if found.ndim not in (2, 3, 4):
        raise ValueError(f"{what} must have shape [n, D], [n, H, W] or [n, H, W, C]; got {list(found.shape)}")
    bad = len(found) - int(np.isfinite(found.reshape(len(found), -1)).all(axis=1).sum())
    if bad:
        raise ValueError(f"{what}: expected finite numbers; got {bad} of {len(found)} points that are not")
    folder = session.folder().root / "arrays"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{given.digest(found)}.npy"
    if not path.exists():
        np.save(path, found, allow_pickle=False)
    return str(path)
