"""How far a process ends from the prior that samplers start from."""

from __future__ import annotations

import jax

from diffbench import checks
from diffbench.contracts import METRICS, Array, Column, Measured, Metric, Outcome, PRNGKey, Truth
from diffbench.process import Process, prior_kl


@METRICS.register("prior_kl")
def prior_divergence(*, samples: int = 4096) -> Metric:
    """Returns KL(p_T || prior), in nats, a fact of process and dataset alone.

    A schedule that does not reach its prior starts every sampler from the wrong place, and
    no score can mend it. Columns: `prior_kl` and its standard error `prior_kl_se`, by Monte
    Carlo with the exact log density at T. The estimate of a small value may be negative.

    Args:
      samples: Points of truth.

    References:
      Song et al. (2021), Maximum likelihood training of score-based diffusion models,
        theorem 1, where it is a term of the bound.
    """
    checks.count("samples", samples, least=2)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        process, dataset = outcome.need("process"), outcome.dataset
        key_x0, key_eps = jax.random.split(key)
        x0 = dataset.standardise(dataset.sample(key_x0, samples))
        mean, error = _estimate(process, dataset.known, x0, key_eps)
        return {"prior_kl": float(mean), "prior_kl_se": float(error)}, {}

    columns = {"prior_kl": Column(perfect=0.0), "prior_kl_se": Column()}
    return Metric(columns, measure, needs=("score", "truth"))


# Process and truth are arguments: one program for each kind and shape, not for each call.
@jax.jit
def _estimate(process: Process, truth: Truth, x0: Array, key: PRNGKey) -> tuple[Array, Array]:
    return prior_kl(process, truth.log_prob, x0, key)
