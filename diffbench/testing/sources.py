"""The contract of a source of scores: a score of the right shape, decided by its spec and its arrays."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import DATASETS, key_for
from diffbench.process import PROCESSES
from diffbench.programs import model as models
from diffbench.programs import scores
from diffbench.sources.base import NEEDS, BoundScore, Given, Source
from diffbench.spec import Spec, canonical
from diffbench.testing.base import Examination, Findings

# What it is tried on: data in three dimensions with a truth, a small model, a few training points.
_DATASET = "sphere"
_FAMILY: Spec = {"name": "score_sde", "params": {}}
_NETWORK: Spec = {"name": "mlp", "params": {"widths": [8], "embedding_width": 4}}
_ROWS = 16
_TIMES = (0.01, 0.4, 1.0)


def check_source(source: Source) -> Findings:
    """Checks a source of scores.

    Args:
      source: What its builder returned.

    Returns:
      What was measured against what bound.

    Raises:
      ContractError: If it breaks its contract.
    """
    look = Examination()
    look.instance("the builder's return", source, Source)
    look.expect(
        "needs",
        isinstance(source.needs, tuple) and {*source.needs} <= {*NEEDS},
        f"a tuple of {', '.join(NEEDS)}",
        source.needs,
    )
    look.version(source.version)
    process = PROCESSES.build("vp")
    given = _given(0, source.needs)
    bound = source.make(given)
    look.instance("what it makes", bound, BoundScore)
    text = canonical(bound.spec)
    for what, again in (("made again", given), ("made of other numbers", _given(1, source.needs))):
        other = canonical(source.make(again).spec)
        look.expect(f"spec where {what}", other == text, f"the same, for arrays are arguments: {text}", other)
    dim = given.dataset.dim
    x = jax.random.normal(key_for(0, "check", "score"), (_ROWS, dim))
    outside = bound.score(bound.arrays, process)
    program = jax.jit(lambda arrays, process, x, t: bound.score(arrays, process)(x, t))
    for time in _TIMES:
        t = jnp.asarray(time, float)
        one = look.array(f"score at t = {time:g}", program(bound.arrays, process, x, t), (_ROWS, dim))
        size = 1e-3 * (1.0 + float(np.abs(one).max()))
        apart = float(np.abs(one - np.asarray(outside(x, t))).max())
        look.below(f"compiled against not at t = {time:g}", apart, size, "the same")
        # Programs take rows in blocks, so the score at a point must not depend on its company.
        alone = np.asarray(program(bound.arrays, process, x[:4], t))
        look.below(f"4 rows alone at t = {time:g}", float(np.abs(one[:4] - alone).max()), size, "the same")
    return look.findings()


def _given(seed: int, needs: tuple[str, ...]) -> Given:
    """Returns what a source may be made of, and nothing that it does not ask for but the dataset."""
    dataset = DATASETS.build(_DATASET)
    fit = train = None
    if "fit" in needs:
        params = models.initialise(_NETWORK, key_for(seed, "check", "network"), dataset.dim)
        fit = scores.of_model(_FAMILY, _NETWORK, params)
    if "train" in needs:
        train = dataset.standardise(dataset.sample(key_for(seed, "check", "train"), _ROWS))
    return Given(dataset, fit, train)
