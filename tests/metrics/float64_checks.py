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
from diffbench.metrics import c2st


def classifiers_by_sklearn(x, y, voters, dim):
    from scipy.stats import multivariate_normal
    from sklearn.covariance import LedoitWolf
    from sklearn.neighbors import KNeighborsClassifier

    trained, tested = (np.concatenate([x[i::2], y[i::2]]) for i in (1, 0))
    half = len(trained) // 2
    first = np.repeat([1, 0], half)
    judged = KNeighborsClassifier(voters).fit(trained, first).predict(tested) == 1
    likely = []
    for side in (trained[:half], trained[half:]):
        fitted = LedoitWolf().fit(side)
        likely.append(multivariate_normal(fitted.location_, fitted.covariance_).logpdf(tested))
    told = c2st.votes(trained, tested, voters)[1], c2st.quadratic(trained, tested)[1]
    return {
        f"votes of c2st, scikit-learn, {dim}": ((told[0] == judged).mean(), 1.0),
        f"moments of c2st, scikit-learn, {dim}": ((told[1] == (likely[0] > likely[1])).mean(), 1.0),
    }


def neighbours_by_sklearn(x, y, prdc, dim):
    from sklearn.neighbors import NearestNeighbors

    # Naeem et al., equations 1 to 5: the balls reach the fifth neighbour but oneself.
    reach = NearestNeighbors(n_neighbors=6).fit(y).kneighbors(y)[0][:, -1]
    counts, held = np.zeros(len(y)), set()
    for i, radius in enumerate(reach):
        near, who = NearestNeighbors(radius=radius).fit(x).radius_neighbors(y[i : i + 1])
        inside = who[0][near[0] < radius]
        held |= set(inside)
        counts[i] = len(inside)
    return {
        f"precision, scikit-learn, {dim}": (prdc["precision"], len(held) / len(x)),
        f"density, scikit-learn, {dim}": (prdc["density"], counts.sum() / (5 * len(x))),
        f"coverage, scikit-learn, {dim}": (prdc["coverage"], (counts > 0).mean()),
    }


def main(judges):
    assert jax.config.jax_enable_x64
    warnings.simplefilter("ignore")
    rng = np.random.RandomState(0)
    pairs = {}
    for dim, n, m in ((2, 300, 200), (20, 128, 192)):
        dataset = DATASETS.build("gaussian_mixture", dim=dim)
        y = np.asarray(dataset.standardise(dataset.sample(key_for(0, "y"), m)), np.float64)
        x = 1.1 * rng.standard_normal((n, dim))
        train = np.concatenate([y[:50] + 0.1, rng.standard_normal((40, dim))])
        outcome = Outcome(x, y, train, None, None, dataset)

        def measure(name, outcome=outcome, **hyperparameters):
            return METRICS.build(name, **hyperparameters).measure(key_for(0), outcome)

        energy = measure("energy", against="reference")[0]["energy"]
        arrays = measure("mmd2", finest=4.0, against="reference")[1]
        sliced = measure("sliced_w2", against="reference")[0]["sliced_w2"]
        directions = METRICS.build("sliced_w2").prepare(y, dataset).directions
        pairs[f"energy, definition, {dim}"] = energy, conftest.energy(x, y)
        pairs[f"sliced_w2, definition, {dim}"] = sliced, conftest.sliced_w2(x, y, directions)
        for h, value in zip(arrays["bandwidths"], arrays["mmd2_bandwidths"], strict=True):
            pairs[f"mmd2 at {h:.3f}, definition, {dim}"] = value, conftest.mmd2(x, y, h)
        even = min(n, m)
        detected = measure("detection_n")[1]["detection"][0]
        pairs[f"detection_n, definition, {dim}"] = detected, conftest.energy(x[:even], y[:even])
        prdc, classified, w2 = (measure(name)[0] for name in ("prdc", "c2st", "w2"))
        voters = (int(np.sqrt(2 * (even // 2))) - 1) | 1
        judged = conftest.c2st(x[:even], y[:even], voters)
        pairs[f"c2st, definition, {dim}"] = classified["c2st"], judged
        for column, judged in conftest.prdc(x[:even], y[:even], 5).items():
            pairs[f"{column}, definition, {dim}"] = prdc[column], judged
        copies = measure("memorisation")[0]
        for column, judged in conftest.memorisation(x, y, train).items():
            pairs[f"{column}, definition, {dim}"] = copies[column], judged
        if "dcor" in judges:
            import dcor

            judged = dcor.energy_distance(x, y, estimation_stat="u_statistic")
            pairs[f"energy, dcor, {dim}"] = energy, judged
        if "ot" in judges:
            import ot

            judged = ot.sliced_wasserstein_distance(x, y, projections=directions) ** 2
            pairs[f"sliced_w2, POT, {dim}"] = sliced, judged
            judged = ot.emd2([], [], ot.dist(x[:even], y[:even]))  # squared distances
            pairs[f"w2, POT, {dim}"] = w2["w2"], judged
        if "sklearn" in judges:
            from sklearn.metrics.pairwise import rbf_kernel

            gamma = 0.5 / arrays["bandwidths"][-1] ** 2
            within = sum(conftest.off_diagonal_mean(rbf_kernel(z, gamma=gamma)) for z in (x, y))
            judged = within - 2 * rbf_kernel(x, y, gamma=gamma).mean()
            pairs[f"mmd2, scikit-learn, {dim}"] = arrays["mmd2_bandwidths"][-1], judged
            pairs |= neighbours_by_sklearn(x[:even], y[:even], prdc, dim)
            pairs |= classifiers_by_sklearn(x[:even], y[:even], voters, dim)
    json.dump({name: [float(v) for v in pair] for name, pair in pairs.items()}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
