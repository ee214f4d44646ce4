"""Prints metrics beside their definitions and their judges, in float64, as JSON.

Run by `test_two_sample.py` in a process of its own, since float64 is a setting of the
whole process. Judges to import are named on the command line.
"""

import json
import sys
import warnings

import conftest
import jax
import numpy as np

from diffbench.contracts import DATASETS, METRICS, Outcome, key_for


def main(judges):
    assert jax.config.jax_enable_x64
    warnings.simplefilter("ignore")
    rng = np.random.RandomState(0)
    pairs = {}
    for dim, n, m in ((2, 300, 200), (20, 128, 192)):
        dataset = DATASETS.build("gaussian_mixture", dim=dim)
        y = np.asarray(dataset.standardise(dataset.sample(key_for(0, "y"), m)), np.float64)
        x = 1.1 * rng.standard_normal((n, dim))
        outcome = Outcome(x, y, None, None, None, dataset)

        def measure(name, outcome=outcome, **hyperparameters):
            return METRICS.build(name, **hyperparameters).measure(key_for(0), outcome)

        energy = measure("energy")[0]["energy"]
        arrays = measure("mmd2", finest=4.0)[1]
        sliced = measure("sliced_w2")[0]["sliced_w2"]
        directions = METRICS.build("sliced_w2").prepare(y, dataset).directions
        pairs[f"energy, definition, {dim}"] = energy, conftest.energy(x, y)
        pairs[f"sliced_w2, definition, {dim}"] = sliced, conftest.sliced_w2(x, y, directions)
        for h, value in zip(arrays["bandwidths"], arrays["mmd2_bandwidths"], strict=True):
            pairs[f"mmd2 at {h:.3f}, definition, {dim}"] = value, conftest.mmd2(x, y, h)
        if "dcor" in judges:
            import dcor

            judged = dcor.energy_distance(x, y, estimation_stat="u_statistic")
            pairs[f"energy, dcor, {dim}"] = energy, judged
        if "ot" in judges:
            import ot

            judged = ot.sliced_wasserstein_distance(x, y, projections=directions) ** 2
            pairs[f"sliced_w2, POT, {dim}"] = sliced, judged
        if "sklearn" in judges:
            from sklearn.metrics.pairwise import rbf_kernel

            gamma = 0.5 / arrays["bandwidths"][-1] ** 2
            within = sum(conftest.off_diagonal_mean(rbf_kernel(z, gamma=gamma)) for z in (x, y))
            judged = within - 2 * rbf_kernel(x, y, gamma=gamma).mean()
            pairs[f"mmd2, scikit-learn, {dim}"] = arrays["mmd2_bandwidths"][-1], judged
    json.dump({name: [float(v) for v in pair] for name, pair in pairs.items()}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
