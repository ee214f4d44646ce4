"""Defects planted in samples of truth: what sees them, and what is blind to them."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import METRICS, key_for
from diffbench.metrics.floor import against_floor, floor_of

N, DRAWS, REPEATS = 4000, 20, 2
DROPPED = 4  # the middle mode, 11% of the mass


@pytest.fixture(scope="module")
def floors(nine, truth):
    """Returns metrics, the reference, what they prepared, and their floors."""
    y = truth(nine, N, "y")
    metrics = {
        "energy": METRICS.build("energy"),
        "mmd2": METRICS.build("mmd2"),
        "sliced_w2": METRICS.build("sliced_w2"),
        "mode_tv": METRICS.build("mode_tv", null_samples=2**18),
    }
    return {name: (m, y, m.prepare(y, nine), floor_of(m, nine, y, N, DRAWS)) for name, m in metrics.items()}


@pytest.fixture(scope="module")
def z_of(floors, nine, outcome, truth):
    """Returns a function: a defect -> mean z by column over fresh samples with it."""

    def mean_z(defect):
        rows = []
        for r in range(REPEATS):
            x = defect(truth(nine, 2 * N, "x", r))[:N]
            row = {}
            for metric, y, prepared, floor in floors.values():
                values, arrays = metric.measure(key_for(r), outcome(nine, x, y, prepared))
                values = metric.finish(values, arrays, floor.arrays) if metric.finish else values
                row |= {c: against_floor(v, floor.values[c]).z for c, v in values.items()}
            rows.append(row)
        return {column: np.mean([row[column] for row in rows]) for column in rows[0]}

    return mean_z


@pytest.fixture(scope="module")
def mode(nine):
    return lambda x: jnp.argmax(nine.modes.responsibilities(x), axis=1)


@pytest.mark.slow
def test_truth_is_accepted(z_of):
    z = z_of(lambda x: x)
    assert all(
        abs(z[column]) < 3 for column in ("energy", "mmd2", "mmd2_local", "sliced_w2", "mode_tv", "stray")
    )


@pytest.mark.slow
def test_a_dropped_mode_is_seen(z_of, mode):
    z = z_of(lambda x: x[mode(x) != DROPPED])
    assert min(z["mode_tv"], z["energy"], z["mmd2"], z["sliced_w2"]) > 5
    assert abs(z["stray"]) < 3


@pytest.mark.slow
def test_inflation_within_modes_is_seen_locally_and_not_by_energy(z_of, nine, mode):
    means = (nine.truth.law.means - nine.mean) / nine.scale

    def inflate(x):
        middle = means[mode(x)]
        return middle + 1.2 * (x - middle)

    z = z_of(inflate)
    assert z["mmd2_local"] > 5
    assert z["mmd2"] > 5
    assert z["stray"] > 5
    assert z["energy"] < 2
    assert z["mode_tv"] < 3


def test_a_shift_is_seen_globally(z_of):
    z = z_of(lambda x: x + 0.15)
    assert min(z["energy"], z["sliced_w2"], z["mmd2"]) > 5
    assert z["mode_tv"] < 5


def test_a_mirror_image_is_seen(z_of):
    z = z_of(lambda x: -x)
    assert min(z["energy"], z["mode_tv"], z["mmd2"]) > 5
