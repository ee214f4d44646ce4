"""Speed of the pairwise metrics beside independent libraries, where they are installed.

Energy distance beside dcor (fast algorithms exist in one dimension only) and beside
SciPy's distance matrices; squared sliced W2 beside POT. Two dimensions, one thread.
"""

from __future__ import annotations

import timing


def contenders(n: int):
    import numpy as np
    from scipy.spatial.distance import cdist

    from diffbench.contracts import METRICS, Outcome, key_for
    from diffbench.suites.parts import make_dataset

    dataset = make_dataset({"name": "nine_gaussians", "params": {}, "standardise": True})
    x, y = (np.asarray(dataset.standardise(dataset.sample(key_for(0, s), n))) for s in "xy")

    def metric(name: str):
        built = METRICS.build(name)
        outcome = Outcome(x, y, None, None, None, dataset)
        return lambda: built.measure(key_for(0, "m"), outcome)

    yield "energy", "diffbench energy (float32 tiles)", metric("energy")

    def matrices():
        off = n * (n - 1)
        return 2 * cdist(x, y).mean() - cdist(x, x).sum() / off - cdist(y, y).sum() / off

    yield "energy", "SciPy distance matrices (float64)", matrices
    try:
        import dcor

        yield "energy", "dcor energy_distance", lambda: dcor.energy_distance(x, y)
    except ImportError:
        print("dcor is not installed: left out")
    yield "sliced", "diffbench sliced_w2, 64 projections", metric("sliced_w2")
    try:
        import ot

        yield (
            "sliced",
            "POT sliced_wasserstein_distance, 64",
            lambda: ot.sliced_wasserstein_distance(x, y, n_projections=64, seed=0),
        )
    except ImportError:
        print("POT is not installed: left out")


def main() -> None:
    repeats = 5
    for n in (2_000, 5_000):
        tables: dict[str, list[tuple[str, float, float]]] = {}
        for kind, name, work in contenders(n):
            least, middle = timing.seconds(work, repeats)
            tables.setdefault(kind, []).append((name, 1e3 * least, 1e3 * middle))
        for kind, rows in tables.items():
            timing.show(f"{kind}, n = m = {n}", "ms", rows, repeats)


if __name__ == "__main__":
    main()
