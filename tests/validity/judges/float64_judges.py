"""Prints what metrics read beside what judges say, in float64, as JSON.

Run by `test_judges.py` in a process of its own, since float64 is a setting of the whole process.
The pairwise metrics have their judges in `tests/metrics`; here are SciPy's distances, and the
score error by autodiff of the log density.
"""

import itertools
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from scipy import integrate
from scipy.spatial import distance

from diffbench.contracts import DATASETS, METRICS, Outcome, key_for
from diffbench.process import PROCESSES, time_of_log_snr


def energy(dataset, x, y):
    """The energy distance from SciPy's distances, as a U-statistic."""
    return 2 * distance.cdist(x, y).mean() - distance.pdist(x).mean() - distance.pdist(y).mean()


def mmd2(x, y, h):
    """MMD^2 from SciPy's squared distances, as a U-statistic."""

    def kernel(squared):
        return np.exp(-squared / (2 * h**2)).mean()

    across = distance.cdist(x, y, "sqeuclidean")
    return sum(kernel(distance.pdist(z, "sqeuclidean")) for z in (x, y)) - 2 * kernel(across)


def score_error(dataset, name, score, key, points, samples):
    """The relative error and its integral, with alpha and sigma from log_snr alone, and autodiff.

    At a log_snr of l, VP has alpha^2 = 1/(1 + exp(-l)) and VE alpha = 1. The metric's own noise: the
    same keys.
    """
    grid = np.linspace(-3.5, 9.0, points)
    key_x0, key_eps = jax.random.split(key)
    x0 = dataset.standardise(dataset.sample(key_x0, samples))
    errors, sizes = [], []
    for key_one, log_snr in zip(jax.random.split(key_eps, points), grid, strict=True):
        alpha = (1 + np.exp(-log_snr)) ** -0.5 if name == "vp" else 1.0
        sigma = alpha * np.exp(-log_snr / 2)
        x_t = alpha * x0 + sigma * jax.random.normal(key_one, x0.shape, x0.dtype)
        exact = jax.grad(lambda x: dataset.log_prob(x, alpha, sigma).sum())(x_t)  # noqa: B023
        t = time_of_log_snr(PROCESSES.build(name), log_snr)
        errors.append(float(((score(x_t, t) - exact) ** 2).sum(axis=1).mean()))
        sizes.append(float((exact**2).sum(axis=1).mean()))
    errors, sizes = np.array(errors), np.array(sizes)

    def integrand(log_snr):
        sigma2 = np.exp(-log_snr) if name == "ve" else 1 / (1 + np.exp(log_snr))
        return sigma2 * np.exp(np.interp(log_snr, grid, np.log(errors))) / 2

    kl = sum(integrate.quad(integrand, a, b)[0] for a, b in itertools.pairwise(grid))
    return (errors / sizes).mean(), kl


def main():
    assert jax.config.jax_enable_x64
    pairs = {}
    for name, dim, n, m in (("nine_gaussians", 2, 300, 200), ("gaussian_mixture", 1, 128, 192)):
        dataset = DATASETS.build(name, **({} if dim == 2 else {"dim": dim}))
        y = np.asarray(dataset.standardise(dataset.sample(key_for(0, "y"), m)), np.float64)
        x = 1.1 * np.random.RandomState(0).standard_normal((n, dim))
        outcome = Outcome(x, y, None, None, None, dataset)
        found = METRICS.build("energy", against="reference").measure(key_for(0), outcome)[0]["energy"]
        pairs[f"energy, SciPy, {name}"] = found, energy(dataset, x, y)
        arrays = METRICS.build("mmd2", finest=2.0, against="reference").measure(key_for(0), outcome)[1]
        for h, value in zip(arrays["bandwidths"], arrays["mmd2_bandwidths"], strict=True):
            pairs[f"mmd2 at {h:.3f}, SciPy, {name}"] = value, mmd2(x, y, h)
    dataset, key = DATASETS.build("nine_gaussians"), key_for(3)
    for name in ("vp", "ve"):
        process = PROCESSES.build(name)

        def score(x, t, process=process):
            return -jnp.tanh(x) / (0.3 + process.sigma(t) ** 2)

        outcome = Outcome(None, None, None, score, process, dataset)
        values, _ = METRICS.build("score_error", points=5, samples=256).measure(key, outcome)
        judged = score_error(dataset, name, score, key, 5, 256)
        pairs[f"score_error, autodiff, {name}"] = values["score_error"], judged[0]
        pairs[f"score_kl, autodiff, {name}"] = values["score_kl"], judged[1]
    json.dump({name: [float(v) for v in pair] for name, pair in pairs.items()}, sys.stdout)


if __name__ == "__main__":
    main()
