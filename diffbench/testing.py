"""The contracts as functions: what a family, dataset, sampler or metric must keep.

For authors of plug-ins, in a test of their own:

  from diffbench.testing import check_family
  check_family({"name": "my_family", "params": {}})

The project's tests run the same over each registry, and a suite runs them on the parts
that plug-ins bring, before any work. Each raises a `ContractError` that says what was
expected and what came. They are small (seconds) and they are not proofs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import (
    DATASETS,
    FAMILIES,
    SAMPLERS,
    Array,
    Dataset,
    Metric,
    Outcome,
    Sampler,
    key_for,
)
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES, Process
from diffbench.programs import model as models

_SMALL_NETWORK = {"name": "mlp", "params": {"widths": [16, 16], "embedding_width": 8}}


class ContractError(ValueError):
    """A part does not keep its contract."""


def _expect(what: str, holds: Any, expected: Any, got: Any) -> None:
    if not bool(holds):
        raise ContractError(f"{what}: expected {expected}, got {got}")


def _array(what: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(value)
    _expect(what, array.shape == shape, f"shape {shape}", f"shape {array.shape}")
    _expect(what, np.isfinite(array).all(), "finite numbers", "NaN or infinity")
    return array


def check_dataset(dataset: Dataset, n: int = 4096) -> None:
    """Checks a dataset: shapes, repeatable draws, mean and scale, score = grad log p.

    Args:
      dataset: A built dataset.
      n: Samples drawn.

    Raises:
      ContractError: If it breaks its contract.
    """
    key = key_for(0, "check", dataset.name)
    points = _array("sample", dataset.sample(key, n), (n, dataset.dim))
    again = np.asarray(dataset.sample(key, n))
    _expect("sample with one key twice", np.array_equal(points, again), "the same points", "others")
    x = dataset.standardise(jnp.asarray(points))
    # Six standard errors, of heavy tails too: the spread of a batch mean is measured.
    batches = np.asarray(x).reshape(16, -1, dataset.dim)
    error = batches.mean(axis=1).std(axis=0, ddof=1).max() / 4.0
    _expect("mean", np.abs(x.mean(0)).max() < 6 * error + 1e-3, "that of the samples", dataset.mean)
    spread = float(jnp.sqrt(jnp.mean(x**2)))
    _expect("scale", abs(spread - 1) < 0.1, "that of the samples (ratio near 1)", f"ratio {spread:.3f}")
    _expect("resolution", 0 < dataset.resolution <= dataset.diameter, "0 < resolution <= diameter",
            f"{dataset.resolution} and {dataset.diameter}")  # fmt: skip
    rows, alpha, sigma = x[:64], jnp.asarray(0.8), jnp.asarray(0.5)
    x_t = alpha * rows + sigma * jax.random.normal(key, rows.shape)

    @jax.jit
    def diffused(x: Array) -> tuple[Array, Array, Array]:
        gradient = jax.grad(lambda x: dataset.log_prob(x, alpha, sigma).sum())(x)
        return dataset.log_prob(x, alpha, sigma), dataset.score(x, alpha, sigma), gradient

    log_prob, score, gradient = diffused(x_t)
    _array("log_prob", log_prob, (64,))
    score = _array("score", score, rows.shape)
    worst = float(np.abs(score - gradient).max())
    _expect("score", worst < 1e-2 * (1 + np.abs(score).max()), "grad log_prob", f"off by {worst:.3g}")
    if dataset.modes is not None:
        k = len(dataset.modes.weights)
        total = float(dataset.modes.weights.sum())
        _expect("mode weights", abs(total - 1) < 1e-4, "a sum of 1", total)
        shares = _array("responsibilities", dataset.modes.responsibilities(rows), (64, k))
        _expect(
            "responsibilities", np.allclose(shares.sum(1), 1, atol=1e-4), "rows that sum to 1", shares.sum(1)
        )
        _array("mahalanobis", dataset.modes.mahalanobis(rows), (64, k))
    if dataset.distance is not None:
        distance = _array("distance", dataset.distance(rows), (64,))
        _expect("distance", (distance >= 0).all(), "numbers of at least 0", distance.min())
    if dataset.intrinsic is not None:
        place = np.asarray(dataset.intrinsic(rows))
        place = _array("intrinsic", place, (64, *place.shape[1:2]))
        _expect("intrinsic", place.ndim == 2, "shape (64, k)", f"shape {place.shape}")
        _expect("intrinsic", ((place >= 0) & (place <= 1)).all(), "numbers in [0, 1]",
                f"{place.min():g} to {place.max():g}")  # fmt: skip


def check_family(
    family: Mapping[str, Any],
    process: Mapping[str, Any] | None = None,
    network: Mapping[str, Any] | None = None,
    dim: int = 2,
) -> None:
    """Checks a registered family: its times, weights, loss and score, and its sampler.

    Args:
      family: Name and parameters.
      process: Name and parameters; the family's default where left out.
      network: Name and parameters; a small MLP where left out.
      dim: Dimension of the points it is tried on.

    Raises:
      ContractError: If it breaks its contract.
    """
    cls = FAMILIES.entry(family["name"]).build
    net: Mapping[str, Any] = network or _SMALL_NETWORK
    noise: dict[str, Any] = dict(process or cls.default_process)  # type: ignore[attr-defined]
    params = noise.get("params", {k: v for k, v in noise.items() if k != "name"})
    built = PROCESSES.build(noise["name"], **params)
    own = dict(cls.sampler)  # type: ignore[attr-defined]
    SAMPLERS.build(own.pop("name"), **own)
    key, n = key_for(0, "check", "family"), 64

    def parts() -> tuple[Array, Array]:
        made = FAMILIES.build(
            family["name"], NETWORKS.build(net["name"], **net["params"]), built, **family["params"]
        )
        t = made.sample_times(key, n)
        return t, made.weight(t)

    t, weight = hk.transform(parts).apply({}, key)
    _array("sample_times", t, (n,))
    _expect("sample_times", (t >= built.t_min).all() and (t <= built.t_max * (1 + 1e-6)).all(),
            f"times in [{built.t_min:g}, {built.t_max:g}]", f"{t.min():g} to {t.max():g}")  # fmt: skip
    _expect("weight", (_array("weight", weight, (n,)) >= 0).all(), "numbers of at least 0", weight.min())
    model = models.model_of(family, net)
    start = models.initialise(net, key, dim)
    y = jax.random.normal(key, (n, dim))
    _array("loss", model.loss(start, key, y, built, True), (n,))
    one = _array("score at one time", model.score(start, y, jnp.asarray(0.5), built), (n, dim))
    each = _array("score at a time each", model.score(start, y, jnp.full(n, 0.5), built), (n, dim))
    _expect("score", np.allclose(one, each, rtol=1e-3, atol=1e-4), "the same for t [] and [n]", "others")


def _gaussian_score(process: Process) -> Any:
    """The exact score of standard normal data, which stays normal."""

    def score(x: Array, t: Array) -> Array:
        return -x / (process.alpha(t) ** 2 + process.sigma(t) ** 2)

    return score


def check_sampler(sampler: Sampler, n: int = 2048) -> None:
    """Checks a sampler on the exact score of normal data: shape, moments and NFE.

    Args:
      sampler: A built sampler.
      n: Samples drawn.

    Raises:
      ContractError: If it breaks its contract, or fits none of the shipped processes.
    """
    processes = [PROCESSES.build(name) for name in ("vp", "ve", "ddpm_linear", "ncsn")]
    fitting = [process for process in processes if sampler.unfit(process) is None]
    _expect("unfit", fitting, "a process that fits (of vp, ve, ddpm_linear, ncsn)", "none")
    process = fitting[0]
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    def score(x: Array, t: Array) -> Array:
        jax.debug.callback(count)
        return _gaussian_score(process)(x, t)

    key_start, key_run = jax.random.split(key_for(0, "check", "sampler"))
    x_T = process.prior(2).sample(seed=key_start, sample_shape=(n,))
    samples, nfe = jax.jit(lambda key, x: sampler.run(key, x, score, process))(key_run, x_T)
    jax.effects_barrier()
    samples = _array("samples", samples, (n, 2))
    mean, spread = samples.mean(0), samples.std(0)
    _expect(
        "mean of samples", (np.abs(mean) < 6 / np.sqrt(n) + 0.05).all(), "0 within 6 standard errors", mean
    )
    _expect("spread of samples", (np.abs(spread - 1) < 0.15).all(), "1 within 15%", spread)
    _expect("nfe", int(nfe) == calls, f"the {calls} evaluations made", int(nfe))


def check_metric(metric: Metric, n: int = 128) -> None:
    """Checks a metric: its columns, on truth against truth, are plain numbers.

    NaN is allowed in optional columns only.

    Args:
      metric: A built metric.
      n: Samples on each side.

    Raises:
      ContractError: If it breaks its contract.
    """
    on_manifold = {"manifold", "intrinsic"} & {*metric.needs}
    dataset = DATASETS.build("circle" if on_manifold else "nine_gaussians")
    process = PROCESSES.build("vp")
    key_x, key_y, key_train, key_m = jax.random.split(key_for(0, "check", "metric"), 4)
    x, y, train = (dataset.standardise(dataset.sample(key, n)) for key in (key_x, key_y, key_train))

    def score(x: Array, t: Array) -> Array:
        return dataset.score(x, process.alpha(t), process.sigma(t))

    prepared = metric.prepare(y, dataset) if metric.prepare else None
    outcome = Outcome(x, y, train, score, process, dataset, prepared)
    values, arrays = metric.measure(key_m, outcome)
    if metric.finish is not None:
        values = metric.finish(values, arrays, {k: np.stack([v, 2 * v + 1]) for k, v in arrays.items()})
    _expect("columns", list(values) == list(metric.columns), list(metric.columns), list(values))
    for column, value in values.items():
        _expect(column, isinstance(value, float), "a float", type(value).__name__)
        missing = metric.columns[column].optional and np.isnan(value)
        _expect(column, missing or np.isfinite(value), "a finite number", value)
    for name, array in arrays.items():
        _expect(name, isinstance(array, np.ndarray), "a NumPy array", type(array).__name__)
