"""Whether Langevin chains that are held at one noise level move between the modes.

Chains can bring the modes into their right shares only where they cross from one to another:
at high noise the diffused density is one hill, at low noise its modes are islands. A few
chains, started far apart, are run at three fixed noise levels,

  x <- x + h s(x, t) + sqrt(2h) z,    h = step sigma(t)^2,

and of each step the mode is kept. Levels are log signal-to-noise ratios, and in x/alpha the same
chain comes out of every process, so rows of different processes compare. The mode is that of
largest responsibility for x/alpha under the *clean* mixture: one partition of space for all
levels. The posterior of the diffused mixture would give most of it to the heaviest modes.

The indicators of the modes (1 inside, 0 outside) are then read as the draws of any Monte Carlo
chain, by their effective sample size, split R-hat and standard error. Nothing is thrown away as
warm-up: the question is whether a chain forgets where it began. Rank normalisation would change
none of the three, since an indicator has two values only.

The step is not corrected: over a Gaussian of variance v the chain has v / (1 - h/(2v)), at most
11% more for the default step, for learned and exact scores alike.

References:
  Vehtari et al. (2021), Rank-normalization, folding, and localization, sections 2 and 3.
  Song & Ermon (2019), section 3.2.2, on chains that do not cross between modes.
"""

from __future__ import annotations

import functools
import math
import warnings
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from diffbench import checks
from diffbench.contracts import (
    METRICS,
    Array,
    Column,
    Dataset,
    Measured,
    Metric,
    Modes,
    Outcome,
    PRNGKey,
    Score,
    key_for,
)
from diffbench.metrics.base import covered
from diffbench.process import Process, time_of_log_snr
from diffbench.samplers.base import langevin_step

LEVELS = ("low_noise", "mid_noise", "high_noise")
# Points of truth among which the starts are found.
_CANDIDATES = 4096


@METRICS.register("mixing")
def mixing(
    *,
    low_noise: float = 6.0,
    mid_noise: float = 2.0,
    high_noise: float = -2.0,
    chains: int = 4,
    steps: int = 1000,
    step: float = 0.2,
) -> Metric:
    """Returns how well Langevin chains at one noise level mix between modes, at three levels.

    Columns, each with the suffix `_low_noise`, `_mid_noise` or `_high_noise`, and each the
    worst over the modes that some chain visits:

    - `ess`, the least effective sample size; `chains` x `steps` if every step were a new
      draw, about `chains` where no chain leaves its mode.
    - `rhat`, the largest split R-hat; 1 for chains that agree. It is infinite where chains
      sit still in different modes: stored is the largest finite value that so many draws can
      show, 33.8 for the defaults, so that a mean over seeds does not leave out the worst.
    - `mcse`, the largest standard error of a mode's share.

    A level's columns are NaN where the process or the exact score does not reach it, where a
    chain is not finite, and where all chains are in one mode throughout: a constant has no
    sample size. A mode that no chain visits is left out, so a score that has lost one is not
    caught here. Arrays: `mixing_log_snr`, `[3]`; `mixing_modes`, the mode at each step,
    `[3, chains, steps]` int16, -1 where there is none.

    Args:
      low_noise: log_snr of the level of least noise.
      mid_noise: log_snr of the level between.
      high_noise: log_snr of the level of most noise.
      chains: Number of chains, at least 2.
      steps: Langevin steps of each chain.
      step: Langevin step h in units of sigma^2; Song & Ermon's own step is twice this.
    """
    levels = np.array([low_noise, mid_noise, high_noise], np.float64)
    if not (np.isfinite(levels).all() and (np.diff(levels) < 0).all()):
        shown = ", ".join(f"{name} = {level:g}" for name, level in zip(LEVELS, levels, strict=True))
        raise ValueError(
            f"the levels must be finite log_snr, least noise first, each below the last; got {shown}"
        )
    checks.count("chains", chains, least=2)
    checks.count("steps", steps, least=10)
    checks.positive(step=step)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        dataset = outcome.dataset
        score, process, known = (outcome.need(what) for what in ("score", "process", "modes"))
        x0 = starts(dataset, chains)
        visited = _visited(_argument(score), process, known, key, x0, levels, step, steps=steps)
        reached = np.array([covered(process, dataset, level, level) for level in levels])
        modes = np.where(reached[:, None, None], np.asarray(visited), -1)
        worst = np.array([diagnose(level) for level in modes])
        return dict(zip(columns, worst.T.ravel().tolist(), strict=True)), {
            "mixing_log_snr": levels,
            "mixing_modes": modes.astype(np.int16),
        }

    kinds = {"ess": Column(better="higher"), "rhat": Column(perfect=1.0), "mcse": Column()}
    columns = {f"{kind}_{level}": column for kind, column in kinds.items() for level in LEVELS}
    return Metric(columns, measure, needs=("score", "modes"))


def starts(dataset: Dataset, chains: int) -> np.ndarray:
    """Returns points of truth that lie far apart, `[chains, D]`, the same for every score.

    The first is the farthest from the mean, each further one the farthest from those chosen:
    chains must begin wider than the density for R-hat to see that they do not meet.
    """
    x0 = dataset.sample(key_for(0, "mixing", dataset.name), max(_CANDIDATES, chains))
    x = np.asarray(dataset.standardise(x0))
    chosen: list[int] = []
    nearest = np.linalg.norm(x - x.mean(axis=0), axis=1)
    for _ in range(chains):
        chosen.append(int(nearest.argmax()))
        away = np.linalg.norm(x - x[chosen[-1]], axis=1)
        nearest = away if len(chosen) == 1 else np.minimum(nearest, away)
    return x[chosen]


def diagnose(modes: np.ndarray) -> tuple[float, float, float]:
    """Returns the worst ess, R-hat and standard error over the modes that are visited.

    Args:
      modes: The mode at each step, `[chains, steps]`; -1 where there is none.

    Returns:
      Least effective sample size, largest split R-hat (see `mixing` for its bound) and
      largest standard error of a share; all NaN where a mode is missing or there is one only.
    """
    visited = np.unique(modes)
    if visited[0] < 0 or visited.size < 2:
        return math.nan, math.nan, math.nan
    az = _arviz()
    found = []
    # R-hat divides by the spread within chains: none where they stand still.
    with np.errstate(divide="ignore", invalid="ignore"):
        for mode in visited:
            inside = (modes == mode).astype(np.float64)
            kinds = (
                az.ess(inside, method="mean"),
                az.rhat(inside, method="split"),
                az.mcse(inside, method="mean"),
            )
            found.append([np.asarray(value).item() for value in kinds])  # scalars, or arrays of one
    ess, rhat, mcse = np.transpose(found)
    return float(ess.min()), min(float(rhat.max()), largest_rhat(*modes.shape)), float(mcse.max())


def largest_rhat(chains: int, steps: int) -> float:
    """Returns a bound of all finite split R-hats of an indicator, and nearly the largest.

    Of m = 2 chains halves with n = steps/2 draws each, the means vary most where half of them
    are 1 and half 0, by m/(4 (m - 1)); the least variance within is that of a single visit in one
    half, 1/n, over m. R-hat^2 = (n - 1)/n + between/within.
    """
    m, n = 2 * chains, steps // 2
    return math.sqrt((n - 1) / n + n * m**2 / (4 * (m - 1)))


def _arviz() -> ModuleType:
    """Imports ArviZ, seconds of work, where it is first needed."""
    with warnings.catch_warnings():
        # 0.23, the last for Python 3.11, announces 1.0 on import.
        warnings.simplefilter("ignore", FutureWarning)
        import arviz
    return arviz


def _argument(score: Score) -> Partial:
    """Returns a score that enters a compiled program as an argument.

    Those of `scores.evaluator` do already, and one program serves every fit of a kind. Each
    other function is a part of the program, compiled anew for each.
    """
    return score if isinstance(score, Partial) else Partial(score)


@functools.partial(jax.jit, static_argnames="steps")
def _visited(
    score: Partial,
    process: Process,
    modes: Modes,
    key: PRNGKey,
    x0: Array,
    levels: Array,
    step: Array,
    *,
    steps: int,
) -> Array:
    """Returns the mode of every chain at every step, `[L, chains, steps]`; -1 where not finite.

    Args:
      score: The score, a pytree.
      process: Its process.
      modes: Modes of the clean data.
      key: PRNG key.
      x0: Clean points from which the chains start, `[chains, D]`.
      levels: log_snr of each level, `[L]`.
      step: Langevin step in units of sigma^2, `[]`.
      steps: Langevin steps of each chain.
    """

    def held(key: PRNGKey, log_snr: Array) -> Array:
        t = time_of_log_snr(process, log_snr)
        alpha, sigma = process.alpha(t), process.sigma(t)
        key_start, key_steps = jax.random.split(key)

        def move(x: Array, key: PRNGKey) -> tuple[Array, Array]:
            x = langevin_step(key, x, step * sigma**2, score(x, t)).x
            shares = modes.responsibilities(x / alpha)
            known = jnp.isfinite(shares).all(axis=1)
            return x, jnp.where(known, jnp.argmax(shares, axis=1), -1)

        x = alpha * x0 + sigma * jax.random.normal(key_start, x0.shape)
        return jax.lax.scan(move, x, jax.random.split(key_steps, steps))[1].T

    return jax.vmap(held)(jax.random.split(key, levels.size), levels)
