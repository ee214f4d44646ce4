"""The stage `draw`: samples of the data itself, or of a source of scores by a sampler."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Dataset, key_for
from diffbench.programs import model as models
from diffbench.programs import sampling, scores
from diffbench.spec import Spec, label_of, part_of
from diffbench.stages.base import Stage
from diffbench.stages.fit import pool_of, unflatten
from diffbench.stages.inputs import Inputs, Made
from diffbench.suites.parts import make_dataset


def source_of(spec: Spec, inputs: Inputs, dataset: Dataset) -> scores.Source:
    """Returns the source of scores that a draw's specification names."""
    return _SOURCES[spec["score"]](spec, inputs, dataset)


def _exact(spec: Spec, inputs: Inputs, dataset: Dataset) -> scores.Source:
    return scores.exact(dataset.truth)


def _empirical(spec: Spec, inputs: Inputs, dataset: Dataset) -> scores.Source:
    return scores.empirical(pool_of(spec))


def _learned(spec: Spec, inputs: Inputs, dataset: Dataset) -> scores.Source:
    fit = spec["fit"]
    params = unflatten("ema", inputs.arrays(fit))
    return scores.learned(part_of(fit["family"]), part_of(fit["network"]), params)


def _perturbed(spec: Spec, inputs: Inputs, dataset: Dataset) -> scores.Source:
    inner = _SOURCES[spec["of"]](spec, inputs, dataset)
    return scores.perturbed(inner, dim=dataset.dim, **spec["error"])


_SOURCES = {"exact": _exact, "empirical": _empirical, "learned": _learned, "perturbed": _perturbed}


def _fresh(spec: Spec, dataset: Dataset, label: str) -> Array:
    """Returns samples of the data itself, data coordinates, `[n, D]`."""
    return dataset.sample(key_for(spec["seed"], "truth", label), spec["n"])


def _gaussian(spec: Spec, dataset: Dataset, label: str) -> Array:
    """Returns samples of the Gaussian with the data's mean and covariance, `[n, D]`."""
    key = key_for(spec["seed"], "gaussian", label)
    mean, covariance = dataset.moments()
    draw = jax.random.multivariate_normal(
        key, jnp.asarray(mean), jnp.asarray(covariance), (spec["n"],), method="svd"
    )
    return dataset.restore(draw)


_BRACKETS = {"truth": _fresh, "gaussian": _gaussian}


def draw(spec: Spec, inputs: Inputs) -> Made:
    """Draws the samples of a specification, in data coordinates."""
    dataset = make_dataset(spec["dataset"])
    label = label_of(spec["dataset"])
    if spec["score"] in _BRACKETS:
        return {"nfe": 0}, {"samples": np.asarray(_BRACKETS[spec["score"]](spec, dataset, label))}
    inputs.need(spec.get("fit"))
    drawn = sampling.draw(
        part_of(spec["sampler"]),
        source_of(spec, inputs, dataset),
        models.make_process(spec["process"]),
        key_for(spec["seed"], "draw", label),
        spec["n"],
        dataset.dim,
    )
    arrays = {"samples": np.asarray(dataset.restore(drawn.samples), np.float32)}
    # As they are kept: what is finite where models see it may overflow in data coordinates.
    bad = int((~np.isfinite(arrays["samples"])).any(axis=1).sum())
    if bad:
        reason = f"{bad} of {spec['n']} samples are not finite"
        return {"status": "diverged", "reason": reason, "nfe": drawn.nfe}, arrays
    return {"nfe": drawn.nfe}, arrays


DRAW = Stage("draw", "drawing", draw)
