"""How likely held-out truth is under a model, and how far that is from the truth's own density.

  nll = -E log q(x),   kl = KL(p* || q) = E[log p*(x) - log q(x)],   x ~ p*,

q the density of the model's probability-flow ODE at t_end, p* the truth's. They judge the
score, not a sampler. The points are fresh truth, drawn by the measurement's key: of the seed's
own, the same for all models of a seed. So an interval over seeds holds what the choice of points
adds, and two models are compared on the same ones. The mean of log p* over a model's samples is
not measured: it rewards collapse.

`kl` has the smaller standard error, since the spread of log p* over the points cancels in
its differences; it may fall below zero by that error. With the exact score it is what t_end
and the prior leave, 0.001 nats or less where the process reaches its prior. A VE process
blurs the density it gives by its sigma_min, which counts against it where the data is as fine.

References:
  Song et al. (2021), section 4.3, for the likelihood of the flow.
"""

from __future__ import annotations

import math

import jax
import numpy as np

from diffbench import checks
from diffbench.contracts import (
    METRICS,
    Array,
    Column,
    Dataset,
    Measured,
    Metric,
    Outcome,
    Points,
    PRNGKey,
    Score,
    Truth,
)
from diffbench.metrics.base import prepared
from diffbench.process import Process
from diffbench.programs.likelihood import TRACES, elbo, in_blocks, log_prob
from diffbench.spec import JsonObject


@METRICS.register("nll")
def nll(
    *,
    points: int = 512,
    trace: str = "auto",
    probes: int = 1,
    t_end: float | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
) -> Metric:
    """Returns the negative log likelihood of held-out truth, in nats per point.

    Columns, in standardised coordinates: `nll`; `nll_se`, its standard error over the
    points; `nll_entropy`, the entropy of the data, which is what a perfect model reaches on
    average; `nll_elbo`, the negative evidence lower bound of the reverse chain of a process
    that is one (DDPM's table), and `nll_elbo_se`, its standard error over the points and the
    noise that each draws, NaN elsewhere. Array: `nll_log_prob`, log q at each point.
    A solve that does not end gives NaN.

    Args:
      points: Points of truth, drawn for each seed.
      trace: One of `likelihood.TRACES`; see `likelihood.log_prob`.
      probes: Probes of Hutchinson's trace.
      t_end: Time at which truth is taken as data; by default the process's t_min, 1e-5.
      rtol: Relative tolerance of the solve.
      atol: Absolute tolerance of the solve.
    """
    options = _options(points, trace, probes, t_end, rtol, atol)

    def prepare(reference: Points, dataset: Dataset) -> float:
        return dataset.entropy()[0]

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        key_x, key_trace, key_noise = jax.random.split(key, 3)
        score, process, x = _judged(outcome, key_x, points)
        log_q = in_blocks(log_prob, score, process, x, key_trace, **options).log_prob
        values = dict(zip(("nll", "nll_se"), _mean(-log_q), strict=True))
        values["nll_entropy"] = float(prepared(prepare, outcome))
        bound = math.nan, math.nan
        if process.chain:
            bound = _mean(-in_blocks(elbo, score, process, x, key_noise).log_prob)
        values["nll_elbo"], values["nll_elbo_se"] = bound
        return values, {"nll_log_prob": log_q}

    columns = {
        "nll": Column(),
        "nll_se": Column(),
        "nll_entropy": Column(),
        "nll_elbo": Column(optional=True),
        "nll_elbo_se": Column(optional=True),
    }
    return Metric(columns, measure, needs=("score", "density", "divergence"), prepare=prepare, version=2)


@METRICS.register("kl")
def kl(
    *,
    points: int = 512,
    trace: str = "auto",
    probes: int = 1,
    t_end: float | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
) -> Metric:
    """Returns the divergence KL(truth || model) on held-out truth, in nats.

    Columns: `kl`, and `kl_se`, its standard error over the points. Array: `kl_log_ratio`,
    log p* - log q at each point. A solve that does not end gives NaN.

    Args:
      points: Points of truth, drawn for each seed.
      trace: One of `likelihood.TRACES`; see `likelihood.log_prob`.
      probes: Probes of Hutchinson's trace.
      t_end: Time at which truth is taken as data; by default the process's t_min, 1e-5.
      rtol: Relative tolerance of the solve.
      atol: Absolute tolerance of the solve.
    """
    options = _options(points, trace, probes, t_end, rtol, atol)

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        key_x, key_trace = jax.random.split(key)
        score, process, x = _judged(outcome, key_x, points)
        log_q = in_blocks(log_prob, score, process, x, key_trace, **options).log_prob
        log_ratio = np.asarray(_log_p(outcome.dataset.known, x), np.float64) - log_q
        mean, error = _mean(log_ratio)
        return {"kl": mean, "kl_se": error}, {"kl_log_ratio": log_ratio}

    columns = {"kl": Column(perfect=0.0), "kl_se": Column()}
    return Metric(columns, measure, needs=("score", "density", "divergence"), version=2)


def _options(
    points: int, trace: str, probes: int, t_end: float | None, rtol: float, atol: float
) -> JsonObject:
    """Returns the checked parameters of the solve."""
    checks.count("points", points, least=2)
    checks.choice("trace", trace, TRACES)
    checks.count("probes", probes)
    checks.end_time(t_end)
    checks.positive(rtol=rtol, atol=atol)
    return {"trace": trace, "probes": probes, "t_end": t_end, "rtol": rtol, "atol": atol}


def _judged(outcome: Outcome, key: PRNGKey, points: int) -> tuple[Score, Process, Array]:
    """Returns the score, its process, and fresh points of truth, standardised, `[n, D]`."""
    dataset = outcome.dataset
    return outcome.need("score"), outcome.need("process"), dataset.standardise(dataset.sample(key, points))


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Returns the mean of values `[n]` and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))


# The truth is an argument: one program for each kind and shape.
@jax.jit
def _log_p(truth: Truth, x: Array) -> Array:
    """Returns the log density of the data itself at x `[n, D]`, `[n]`."""
    return truth.log_prob(x, 1.0, 0.0)
