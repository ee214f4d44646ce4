"""The stage `fit`: one model, or the seeds of one model at once, trained on points drawn once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, key_for
from diffbench.programs import model as models
from diffbench.programs import training
from diffbench.records.outcome import DIVERGED
from diffbench.records.specs import DrawSpec, FitSpec, FlowSpec, PoolSpec, ScoreSpec
from diffbench.spec import Json, label_of, part_of
from diffbench.stages.base import Stage
from diffbench.stages.inputs import Inputs, Made
from diffbench.suites.parts import EVEN, make_dataset, placed

POOL_POINTS = 2**20
POOL_NUMBERS = 2**24


def pool_of(spec: FitSpec | DrawSpec | ScoreSpec | PoolSpec | FlowSpec) -> Array:
    """Returns training points, standardised, `[N, D]`.

    Args:
      spec: A specification with "dataset", "train_size" and "seed", such as a fit's.
    """
    dataset = make_dataset(spec["dataset"])
    if dataset.finite is not None:
        key = key_for(spec["seed"], "train", label_of(spec["dataset"]))
        points = dataset.finite.train
        rows = np.asarray(jax.random.permutation(key, len(points)))[: spec.get("train_size")]
        return dataset.standardise(jnp.asarray(points[rows]))
    size = spec.get("train_size")
    if size is not None and spec["dataset"].get("points") == EVEN:
        return dataset.standardise(placed(dataset, size))
    size = size or min(POOL_POINTS, POOL_NUMBERS // dataset.dim)
    key = key_for(spec["seed"], "train", label_of(spec["dataset"]))
    return dataset.standardise(dataset.sample(key, size))


def fit(spec: FitSpec, inputs: Inputs) -> Made:
    """Trains the model of a specification."""
    return train([spec])[0]


def train(specs: Sequence[FitSpec]) -> list[Made]:
    """Trains models that differ in their seeds alone, in one compiled program.

    The program has as many replicas as the specification says, filled up with the last seed:
    its shape, and so every bit of a fit, does not depend on which seeds are asked for together.

    Args:
      specs: Specifications of fits, at most as many as they have replicas.
    """
    first = specs[0]
    replicas = first.get("replicas", 1)

    def filled(made: list[Array]) -> list[Array]:
        return [*made, *[made[-1]] * (replicas - len(specs))]

    fitted = training.fit_replicas(
        part_of(first["family"]),
        part_of(first["network"]),
        training.settings_of({k: v for k, v in first["training"].items() if k != "version"}),
        models.make_process(first["process"]),
        filled([pool_of(spec) for spec in specs]),
        filled([key_for(spec["seed"], "init") for spec in specs]),
        filled([key_for(spec["seed"], "steps") for spec in specs]),
    )
    return [_made(one) for one in fitted[: len(specs)]]


def _made(fitted: training.Fit) -> Made:
    if fitted.failed_at is not None:
        # Weights that are not numbers serve nobody, and how long the loop ran on depends on
        # what else was trained with it.
        reason = f"the loss is not finite at step {fitted.failed_at}"
        about = {"status": DIVERGED, "reason": reason, "failed_at": fitted.failed_at}
        return about, {"loss": fitted.loss[: fitted.failed_at + 1]}
    ema = flatten("ema", fitted.ema)
    tail = fitted.loss[-max(1, len(fitted.loss) // 10) :]
    about = {"loss": float(np.mean(tail)), "parameters": sum(a.size for a in ema.values())}
    return about, {**flatten("raw", fitted.raw), **ema, "loss": fitted.loss}


FIT = Stage("fit", "fitting", fit)


def flatten(prefix: str, params: Json) -> dict[str, np.ndarray]:
    """Returns Haiku parameters as named arrays, "prefix/module/name"."""
    return {
        f"{prefix}/{module}/{name}": np.asarray(value)
        for module, values in params.items()
        for name, value in values.items()
    }


def unflatten(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Returns the Haiku parameters under a prefix; the inverse of `flatten`."""
    params: dict[str, dict[str, np.ndarray]] = {}
    for path, value in arrays.items():
        head, _, rest = path.partition("/")
        if head == prefix:
            module, _, name = rest.rpartition("/")
            params.setdefault(module, {})[name] = value
    return params
