"""The stage `draw`: samples of the data itself, or of a source of scores by a sampler."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, Dataset, key_for
from diffbench.programs import model as models
from diffbench.programs import sampling, scores
from diffbench.records.outcome import DIVERGED
from diffbench.records.places import GAUSSIAN, GIVEN, TRUTH
from diffbench.records.specs import DrawSpec, FlowSpec, ScoreSpec
from diffbench.sources import base as sources
from diffbench.sources.base import BoundScore, Given
from diffbench.spec import label_of, part_of
from diffbench.stages.base import Stage
from diffbench.stages.fit import pool_of, unflatten
from diffbench.stages.inputs import Inputs, Made
from diffbench.suites.parts import make_dataset


def score_of(spec: DrawSpec | ScoreSpec | FlowSpec, inputs: Inputs, dataset: Dataset) -> BoundScore:
    """Returns the score that a draw's specification names, made of what its source needs."""
    source = sources.from_spec(spec)
    fit = train = None
    if "fit" in source.needs:
        part, params = spec["fit"], unflatten("ema", inputs.arrays(spec["fit"]))
        fit = scores.of_model(part_of(part["family"]), part_of(part["network"]), params)
    if "train" in source.needs:
        train = pool_of(spec)
    return source.make(Given(dataset, fit, train))


def _fresh(spec: DrawSpec, dataset: Dataset, label: str) -> Array:
    """Returns samples of the data itself, data coordinates, `[n, D]`."""
    return dataset.sample(key_for(spec["seed"], "truth", label), spec["n"])


def _gaussian(spec: DrawSpec, dataset: Dataset, label: str) -> Array:
    """Returns samples of the Gaussian with the data's mean and covariance, `[n, D]`."""
    key = key_for(spec["seed"], "gaussian", label)
    mean, covariance = dataset.moments()
    x = jax.random.multivariate_normal(
        key, jnp.asarray(mean), jnp.asarray(covariance), (spec["n"],), method="svd"
    )
    return dataset.restore(x)


_BRACKETS = {TRUTH: _fresh, GAUSSIAN: _gaussian}


def draw(spec: DrawSpec, inputs: Inputs) -> Made:
    """Draws the samples of a specification, in data coordinates."""
    dataset = make_dataset(spec["dataset"])
    label = label_of(spec["dataset"])
    kind = sources.name_of(spec)
    if kind in _BRACKETS:
        return {"nfe": 0, **_shape(dataset)}, {"samples": np.asarray(_BRACKETS[kind](spec, dataset, label))}
    if kind == GIVEN:
        raise ValueError("these samples came in a file; measure that file again")
    inputs.need(spec.get("fit"))
    drawn = sampling.sample(
        part_of(spec["sampler"]),
        score_of(spec, inputs, dataset),
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
        return {"status": DIVERGED, "reason": reason, "nfe": drawn.nfe}, arrays
    return {"nfe": drawn.nfe, **_shape(dataset)}, arrays


def _shape(dataset: Dataset) -> dict[str, list[int]]:
    """Returns what figures need to show samples that are images."""
    return {} if dataset.shape is None else {"shape": list(dataset.shape)}


DRAW = Stage("draw", "drawing", draw)
