"""Bits per dimension: how many bits a pixel costs a model that must write down held-out images.

  bpd = -E log2 q(x)/D + log2(grey levels per unit),   x held-out images, dequantised,

q the density of the model's probability-flow ODE. A density has a unit: that of the same images is 256
times as large in grey levels on [0, 255] as on [0, 1]. So bits count in the grey level, whose width
the dataset says (`Dataset.grey`), and images on [0, 1] and on [-1, 1] cost the same.

Images that lie on a grid of levels are dequantised by noise uniform on one level (the dataset does it, in
its draws): then bpd bounds the bits of the levels themselves from above. An image of a known law is no
grid's: what its bits are compared with is the law's own entropy.

Three things are in the number and not in the model's images: the density is that at t_end, of data
blurred by sigma(t_end)/alpha(t_end) (`bpd_blur`, in grey levels), which no noise finer than that survives;
the trace is Hutchinson's, random beyond 8 dimensions (`bpd_trace_se`); and the points are some
(`bpd_se`, which holds both).

References:
  Theis, van den Oord & Bethge (2016), section 3.1, for dequantisation.
  Song et al. (2021), section 4.3, for the likelihood of the flow.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
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
    Truth,
)
from diffbench.metrics.base import prepared
from diffbench.process import Process
from diffbench.programs.likelihood import in_blocks, log_prob


@METRICS.register("bpd")
def bpd(
    *,
    points: int = 128,
    probes: int = 4,
    t_end: float | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-4,
) -> Metric:
    """Returns the bits per dimension of held-out images.

    Columns: `bpd`; `bpd_se`, its standard error over points and probes; `bpd_excess`, how many more
    than the truth's own density takes for the same images, whose error is far smaller, and
    `bpd_excess_se`; `bpd_entropy`, what a perfect model reaches on average; `bpd_trace_se`, the
    part of the errors that is the probes'; `bpd_offset`, the bits that the width of a level adds to
    those of standardised coordinates; `bpd_blur`, the data's blur at t_end in levels. Where data has
    no truth, excess and entropy are NaN. Array: `bpd_log_prob`, the mean of the probes' log densities
    at each image, standardised, in nats.

    Args:
      points: Images, drawn for each seed, as many as there are of data that are points alone.
      probes: Probes of Hutchinson's trace, the same for the whole solve.
      t_end: Time at which images are taken as data; by default the process's t_min, 1e-5.
      rtol: Relative tolerance of the solve.
      atol: Absolute tolerance of the solve, standardised units and nats.
    """
    checks.count("points", points, least=2)
    checks.count("probes", probes)
    checks.end_time(t_end)
    checks.positive(rtol=rtol, atol=atol)
    options = {"probes": probes, "t_end": t_end, "rtol": rtol, "atol": atol, "apart": True}

    def prepare(reference: Points, dataset: Dataset) -> float:
        return dataset.entropy()[0] if _known(dataset) else math.nan

    def measure(key: PRNGKey, outcome: Outcome) -> Measured:
        dataset = outcome.dataset
        score, process, grey = (outcome.need(what) for what in ("score", "process", "grey"))
        key_x, key_trace = jax.random.split(key)
        most = math.inf if dataset.finite is None else dataset.finite.most
        x = dataset.standardise(dataset.sample(key_x, int(min(points, most))))
        found = in_blocks(log_prob, score, process, x, key_trace, block=_BLOCK, **options).log_prob
        log_q, unit = found.mean(axis=1), dataset.dim * math.log(2.0)
        offset = math.log2(dataset.scale / grey)
        excess = entropy = (math.nan, math.nan)
        if _known(dataset):
            excess = _mean((np.asarray(_log_p(dataset.truth, x), np.float64) - log_q) / unit)
            entropy = float(prepared(prepare, outcome)) / unit + offset, 0.0
        value, error = _mean(-log_q / unit)
        spread = found.var(axis=1, ddof=1).mean() / found.shape[1] if found.shape[1] > 1 else math.nan
        values = {
            "bpd": value + offset,
            "bpd_se": error,
            "bpd_excess": excess[0],
            "bpd_excess_se": excess[1],
            "bpd_entropy": entropy[0],
            "bpd_trace_se": math.sqrt(spread / len(x)) / unit if spread >= 0.0 else math.nan,
            "bpd_offset": offset,
            "bpd_blur": _blur(process, t_end) * dataset.scale / grey,
        }
        return values, {"bpd_log_prob": log_q}

    columns = {
        "bpd": Column(),
        "bpd_se": Column(),
        "bpd_excess": Column(perfect=0.0, optional=True),
        "bpd_excess_se": Column(optional=True),
        "bpd_entropy": Column(optional=True),
        "bpd_trace_se": Column(optional=True),
        "bpd_offset": Column(),
        "bpd_blur": Column(),
    }
    # The flow of an empirical score ends in points, which have no density.
    needs = ("score", "grey", "divergence")
    return Metric(columns, measure, needs=needs, prepare=prepare, skips=("empirical",))


# Images of one solve: what is held is their Jacobian's products, one for each probe.
_BLOCK = 32


def _known(dataset: Dataset) -> bool:
    """Whether a dataset has a density of its own."""
    return dataset.truth is not None and dataset.density


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Returns the mean of values `[n]` and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))


def _blur(process: Process, t_end: float | None) -> float:
    """Returns sigma/alpha at t_end, standardised."""
    t = jnp.asarray(process.t_min if t_end is None else t_end, float)
    return float(process.sigma(t) / process.alpha(t))


@jax.jit
def _log_p(truth: Truth, x: Array) -> Array:
    """Returns the log density of the data itself at x `[n, D]`, `[n]`."""
    return truth.log_prob(x, 1.0, 0.0)
