"""A Gaussian mixture of the user's: any weights, means and covariances, as a full truth."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from diffbench import arrayfiles
from diffbench.contracts import DATASETS, Dataset
from diffbench.datasets.base import mixture_dataset
from diffbench.laws.mixtures import GaussianMixture
from diffbench.spec import Json, JsonObject

KEYS = ("weights", "means", "covariances")


@DATASETS.register("mixture")
def mixture(
    *,
    weights: list[float] | None = None,
    means: list[list[float]] | None = None,
    covariances: Sequence[object] | None = None,
    file: str | None = None,
) -> Dataset:
    """Returns a Gaussian mixture of the user's; by default two equal Gaussians at (-1, 0) and (1, 0).

    Args:
      weights: Of K components, positive; they are normalised. Equal by default.
      means: `[K, D]`.
      covariances: `[K, D, D]`, `[K, D]` (variances along the axes) or `[K]` (one for all axes).
      file: A .json, .toml, .npz or .safetensors file that holds these three in place of them.

    Raises:
      ValueError: If shapes do not agree, a weight is not positive, or a covariance is none.
    """
    given = {"weights": weights, "means": means, "covariances": covariances}
    version = 1
    if file is not None:
        if any(value is not None for value in given.values()):
            raise ValueError("mixture takes a file or weights, means and covariances; got both")
        given, version = _read(file)
    if given["means"] is None:
        given |= {"means": [[-1.0, 0.0], [1.0, 0.0]], "covariances": [0.04, 0.04]}
    if given["covariances"] is None:
        raise ValueError("mixture needs covariances: [K, D, D], [K, D] or [K]")
    return mixture_dataset("mixture", _law(given), version=version)


def _read(file: str) -> tuple[JsonObject, int]:
    """Returns the three arrays of a file, and the version that its content makes."""
    import hashlib

    path = Path(file)
    if not path.is_file():
        raise ValueError(f"no file {file!r}; give a .json, .toml, .npz or .safetensors file of a mixture")
    content = path.read_bytes()
    try:
        found: Json
        if path.suffix == ".json":
            found = json.loads(content)
        elif path.suffix == ".toml":
            found = tomllib.loads(content.decode())
        elif path.suffix in (".npz", ".safetensors"):
            found = {key: arrayfiles.read_named(path, key) for key in KEYS}
        else:
            raise ValueError(f"expected .json, .toml, .npz or .safetensors; got {path.suffix!r}")
        missing = [key for key in KEYS if key not in found]
        if missing:
            raise ValueError(f"it holds no {missing[0]}; a mixture has {', '.join(KEYS)}")
    except ValueError as error:
        raise ValueError(f"{file}: {str(error).splitlines()[0]}") from error
    return {key: found[key] for key in KEYS}, int(hashlib.sha256(content).hexdigest()[:8], 16)


def _numbers(name: str, value: object) -> np.ndarray:
    try:
        found = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers; got {value!r:.60}") from error
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite")
    return found


def _law(given: Json) -> GaussianMixture:
    means = _numbers("means", given["means"])
    if means.ndim != 2 or means.size == 0:
        raise ValueError(f"means must have shape [K, D]; got {list(means.shape)}")
    count, dim = means.shape
    weights = np.ones(count) if given["weights"] is None else _numbers("weights", given["weights"])
    if weights.shape != (count,) or not (weights > 0.0).all():
        raise ValueError(
            f"weights must be {count} positive numbers, one for each mean; got {weights.tolist()}"
        )
    weights = weights / weights.sum()
    covariances = _numbers("covariances", given["covariances"])
    shapes = {(count,): 0, (count, dim): 1, (count, dim, dim): 2}
    if covariances.shape not in shapes:
        raise ValueError(
            f"covariances must have shape [{count}], [{count}, {dim}] or [{count}, {dim}, {dim}]; got"
            f" {list(covariances.shape)}"
        )
    axes = np.broadcast_to(np.eye(dim), (count, dim, dim))
    if covariances.ndim == 3:
        if not np.allclose(covariances, covariances.swapaxes(1, 2), rtol=1e-5, atol=0.0):
            raise ValueError("covariances must be symmetric")
        variances, axes = np.linalg.eigh(covariances)
    else:
        variances = covariances.reshape(count, -1) * np.ones((1, dim))
    if not (variances > 0.0).all():
        k = int(np.argmin(variances.min(axis=1)))
        raise ValueError(f"covariances must be positive definite; that of component {k} is not")
    return GaussianMixture(
        means=jnp.asarray(means, float),
        log_weights=jnp.asarray(np.log(weights), float),
        axes=jnp.asarray(axes, float),
        variances=jnp.asarray(variances, float),
    )
