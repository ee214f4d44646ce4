"""Broken models: functions of samples of truth, each wrong in one way that has a name.

All are judged on standardised nine_gaussians, whose modes have a standard deviation of 0.17 and lie 1.35
apart. Effects are sized to be seen at n = 2,000; the z of what is seen grows with n.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from planted_record import NINE

from diffbench.contracts import Array, key_for

# The middle mode, a ninth of the mass.
DROPPED = 4
Broken = Callable[[Array, int, int], Array]
"""(points of truth `[4n, D]`, n, number of the draw) -> n samples of a broken model."""


@dataclasses.dataclass(frozen=True)
class BrokenModel:
    """A model that is wrong in one way.

    Attributes:
      name: For the page.
      samples: What it makes of points of truth.
      seen_by: Columns with a mean z above 5; empty where every sample metric is blind.
      blind: Columns with a mean z below 2: where one is named, its blindness is known and tested.
    """

    name: str
    samples: Broken
    seen_by: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()


def _modes(x: Array) -> Array:
    return jnp.argmax(NINE.build().modes.responsibilities(x), axis=1)


def _middles(x: Array) -> Array:
    dataset = NINE.build()
    return dataset.standardise(dataset.truth.law.means)[_modes(x)]


def _within(x: Array, factor: float) -> Array:
    middle = _middles(x)
    return middle + factor * (x - middle)


def _reweighted(x: Array, n: int) -> Array:
    """Returns samples in which a mode's share is as the root of its weight."""
    weights = NINE.build().modes.weights
    wanted = weights**0.5 / (weights**0.5).sum()
    mode, order = np.asarray(_modes(x)), []
    for k, count in enumerate(np.floor(np.asarray(wanted) * n).astype(int)):
        rows = np.flatnonzero(mode == k)
        # A mode may hold fewer points than are wanted: then they come again.
        order.append(np.resize(rows, count))
    order.append(np.flatnonzero(mode == DROPPED)[: n - sum(map(len, order))])
    return x[np.concatenate(order)]


def training_set(n: int, r: int) -> Array:
    """Returns the n training points that the model of a draw may copy, standardised, `[n, D]`."""
    dataset = NINE.build()
    return dataset.standardise(dataset.sample(key_for(r, "validity", "copied"), n))


def _copied(x: Array, n: int, r: int) -> Array:
    return jax.random.permutation(key_for(r, "validity", "order"), training_set(n, r))


MODELS = (
    BrokenModel(
        "the middle mode dropped",
        lambda x, n, r: x[_modes(x) != DROPPED][:n],
        seen_by=("energy", "mmd2", "sliced_w2", "mode_tv"),
    ),
    BrokenModel(
        "modes reweighted by the root of their weights",
        lambda x, n, r: _reweighted(x, n),
        seen_by=("energy", "mmd2", "mode_tv"),
    ),
    BrokenModel(
        "shifted by 0.15",
        lambda x, n, r: x[:n] + 0.15,
        seen_by=("energy", "mmd2", "sliced_w2"),
    ),
    BrokenModel(
        "inflated by 15%",
        lambda x, n, r: 1.15 * x[:n],
        seen_by=("energy", "mmd2", "mmd2_local", "sliced_w2"),
    ),
    BrokenModel(
        "modes inflated by 30%, in place",
        lambda x, n, r: _within(x[:n], 1.3),
        seen_by=("mmd2", "mmd2_local"),
        blind=("energy", "sliced_w2", "mode_tv"),
    ),
    BrokenModel(
        "blurred by noise of 0.15",
        lambda x, n, r: x[:n] + 0.15 * jax.random.normal(key_for(r, "validity", "blur"), (n, 2)),
        seen_by=("mmd2", "mmd2_local"),
        blind=("mode_tv",),
    ),
    BrokenModel(
        "modes collapsed to a tenth of their width",
        lambda x, n, r: _within(x[:n], 0.1),
        seen_by=("mmd2", "mmd2_local"),
        blind=("mode_tv",),
    ),
    BrokenModel(
        "mirrored",
        lambda x, n, r: -x[:n],
        seen_by=("energy", "mmd2", "sliced_w2", "mode_tv"),
    ),
    BrokenModel(
        "a training set of n points copied",
        lambda x, n, r: _copied(x, n, r),
        blind=("energy", "mmd2", "mmd2_local", "sliced_w2", "mode_tv"),
    ),
)
TRUTH = BrokenModel(
    "truth", lambda x, n, r: x[:n], blind=("energy", "mmd2", "mmd2_local", "sliced_w2", "mode_tv")
)


def drawer(model: BrokenModel, n: int) -> Callable[[int], Any]:
    """Returns a function: number of the draw -> samples of a broken model, standardised, `[n, D]`."""
    dataset = NINE.build()

    def make(r: int) -> Any:
        x = dataset.standardise(dataset.sample(key_for(r, "validity", "model", n), 4 * n))
        return np.asarray(model.samples(x, n, r))

    return make


def copied_share(samples: Any, train: Any) -> float:
    """Returns the share of samples that are training points, bit for bit."""
    known = {row.tobytes() for row in np.asarray(train)}
    return float(np.mean([row.tobytes() in known for row in np.asarray(samples)]))
