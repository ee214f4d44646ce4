"""The likelihood of any score source: of its probability-flow ODE, and DDPM's bound.

The probability flow dx/dt = f x - g^2 s / 2 carries the model's density from t_end to
the prior. Along the path of a point x,

  log p(x) = log prior(x_T) + integral over [t_end, t_max] of div(f x - g^2 s / 2) dt.

Points are taken as data at t_end: the density is that of the model's p_{t_end}, which is
the data's blurred by sigma(t_end). The divergence is the trace of a Jacobian: exact, one
directional derivative for each dimension, or Hutchinson's, the mean of z.(J z) over
random signs z that stay the same for the whole solve. The score at a point must depend on
that point alone, as every score here does.

A process whose grid is the steps of a Markov chain also has the bound on log p(x) of the
chain itself (`elbo`), which is another model than the flow.

References:
  Chen et al. (2018), equation 8, for the density along a flow.
  Song et al. (2021), section 4.3 and appendix D.2; Grathwohl et al. (2019), for the trace.
  Ho et al. (2020), equation 5, for the bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import Array, Points, PRNGKey, Score
from diffbench.process import PROCESSES, Process
from diffbench.programs import cache
from diffbench.programs.scores import evaluator
from diffbench.samplers.base import end_unfit
from diffbench.samplers.ode import SOLVERS, flow
from diffbench.sources.base import BoundScore
from diffbench.spec import Json, Parameter, canonical

# Up to here D directional derivatives cost little more than one with its noise.
EXACT_DIM = 8
BLOCK = 256
TRACES = AUTO, EXACT, HUTCHINSON = ("auto", "exact", "hutchinson")
LOG_2PI = math.log(2.0 * math.pi)


class Likelihood(NamedTuple):
    """Log densities, or bounds on them, and what they cost.

    Attributes:
      log_prob: In nats, `[n]` float64; NaN where a solve did not end or is not finite.
      nfe: Score evaluations spent on each point, `[n]`; the work of the trace is not in it.
    """

    log_prob: np.ndarray
    nfe: np.ndarray


def log_prob(
    score: Score,
    process: Process,
    x: Array,
    *,
    key: PRNGKey,
    t_end: float | None = None,
    trace: str = "auto",
    probes: int = 1,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 4096,
    apart: bool = False,
) -> tuple[Array, Array]:
    """Returns the log density of a model at x, by its probability-flow ODE.

    The points are solved as one system: they share each step, so a value depends, within
    the tolerance, on the points it is solved with. It may run inside a compiled program.

    Args:
      score: (x `[n, D]`, t `[]`) -> `[n, D]`.
      process: The noise process that the score belongs to.
      x: Points, standardised, `[n, D]`.
      key: PRNG key of the probes; the exact trace draws nothing.
      t_end: Time at which x is data, in [t_min, 1); by default the process's t_min, 1e-5.
      trace: One of `TRACES`; "auto" is exact up to 8 dimensions.
      probes: Random sign vectors for each point that Hutchinson's trace averages.
      rtol: Relative tolerance.
      atol: Absolute tolerance, standardised units and nats.
      max_steps: Attempted steps after which the solve has failed.
      apart: Whether each probe gives an estimate of its own: their spread is the trace's error.

    Returns:
      The log density in nats, `[n]`, or `[n, probes]` if apart (one, if the trace is exact), NaN
      where the solve failed; and the score evaluations spent on each point, `[]`, those for the
      trace not counted.

    Raises:
      ValueError: If a number is out of range or t_end lies below the process's t_min.
    """
    checks.choice("trace", trace, TRACES)
    checks.count("probes", probes)
    checks.positive(rtol=rtol, atol=atol)
    checks.count("max_steps", max_steps)
    checks.end_time(t_end)
    reason = end_unfit(t_end, process)
    if reason is not None:
        raise ValueError(reason)
    n, dim = x.shape
    start = process.t_min if t_end is None else t_end
    is_exact = trace == EXACT or (trace == AUTO and dim <= EXACT_DIM)
    if is_exact:
        directions = jnp.broadcast_to(jnp.eye(dim, dtype=x.dtype)[:, None], (dim, n, dim))
    else:
        directions = jax.random.rademacher(key, (probes, n, dim), x.dtype)
        directions = directions if apart else directions / math.sqrt(probes)
    each = apart and not is_exact
    total = "pnd,pnd->pn" if each else "pnd,pnd->n"

    def field(t: Any, state: tuple[Array, Array], args: object) -> tuple[Array, Array]:
        def velocity(x: Array) -> Array:
            return flow(x, jnp.asarray(t), score, process)

        # One evaluation serves all directions.
        slope, push = jax.linearize(velocity, state[0])
        return slope, jnp.einsum(total, directions, jax.vmap(push)(directions))

    method, stages = SOLVERS["tsit5"]
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        method(),
        t0=start,
        t1=process.t_max,
        # The flow is steep where noise is small: a first step of the size of t itself.
        dt0=start,
        y0=(x, jnp.zeros((probes, n) if each else n, x.dtype)),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
        max_steps=max_steps,
        throw=False,
    )
    x_T, change = (part[-1] for part in solution.ys)
    found = process.prior(dim).log_prob(x_T) + change
    solved = (solution.result == diffrax.RESULTS.successful) & jnp.isfinite(found)
    found = jnp.where(solved, found, jnp.nan)
    if apart:
        found = found.T if each else found[:, None]
    return found, stages * solution.stats["num_steps"] + 1


def elbo(score: Score, process: Process, x: Array, *, key: PRNGKey) -> tuple[Array, Array]:
    """Returns DDPM's evidence lower bound on the log density of its reverse chain at x.

    The chain takes all N steps of the table, with posterior variance beta-tilde ("small")
    and a Gaussian decoder of variance beta_1 for x_0. With one draw of noise at each step
    it is an unbiased estimate of

      ELBO = E log p(x_0 | x_1) - sum over i = 2..N of KL_i - KL(q(x_N | x_0) || prior),
      KL_i = 1/2 (snr_{i-1}/snr_i - 1) E|eps - eps_hat(x_i, t_i)|^2,

    where eps_hat = -sigma s; Ho et al. write the factor beta_i / (2 (1 - beta_i) sigma_{i-1}^2).

    Args:
      score: (x `[n, D]`, t `[]`) -> `[n, D]`.
      process: A process whose grid is the steps of a chain, such as `ddpm_linear`.
      x: Points, standardised, `[n, D]`.
      key: PRNG key of the noise.

    Returns:
      The bound in nats, `[n]`, and the score evaluations spent on each point, `[]`: N.

    Raises:
      ValueError: If the process is no chain.

    References:
      Ho et al. (2020), equations 5 to 8 and 12; Kingma et al. (2021), equation 13, for
      the factor in terms of the signal-to-noise ratio.
    """
    grid = process.grid
    if not process.chain or grid is None:
        chains = [name for name in PROCESSES.names() if PROCESSES.build(name).chain]
        raise ValueError(
            f"process {process.name!r} is no Markov chain, so it has no bound; those that are: "
            + ", ".join(chains)
        )
    n, dim = x.shape
    alphas, sigmas, log_snr = process.alpha(grid), process.sigma(grid), process.log_snr(grid)
    # The first step is the decoder's: its factor is 1/(2 (1 - beta_1)), and alpha_1^2 = 1 - beta_1.
    factors = jnp.append(0.5 / alphas[:1] ** 2, 0.5 * jnp.expm1(log_snr[:-1] - log_snr[1:]))

    def term(total: Array, step: tuple[Array, ...]) -> tuple[Array, None]:
        t, alpha, sigma, factor, key = step
        eps = jax.random.normal(key, x.shape, x.dtype)
        error = eps + sigma * score(alpha * x + sigma * eps, t)
        return total + factor * (error**2).sum(axis=1), None

    steps = (grid, alphas, sigmas, factors, jax.random.split(key, grid.shape[0]))
    errors, _ = jax.lax.scan(term, jnp.zeros(n, x.dtype), steps)
    decoder_scale = 0.5 * dim * (LOG_2PI + 2.0 * jnp.log(sigmas[0]))
    ratio = (sigmas[-1] / process.constants["prior_sd"]) ** 2
    last = (alphas[-1] / process.constants["prior_sd"]) ** 2 * (x**2).sum(axis=1)
    prior = 0.5 * (last + dim * (ratio - 1.0 - jnp.log(ratio)))
    return -(errors + decoder_scale + prior), jnp.asarray(grid.shape[0])


def log_likelihood(
    source: BoundScore, process: Process, x: Points, key: PRNGKey, *, block: int = BLOCK, **options: Parameter
) -> Likelihood:
    """Returns the log density of a source of scores at x, compiled once per kind and shape.

    Arguments as of `in_blocks`, options as of `log_prob`. Example:
      found = log_likelihood(exact(dataset.truth), vp(), x, jax.random.key(0))
    """
    return in_blocks(log_prob, evaluator(source, process), process, x, key, block=block, **options)


def in_blocks(
    function: Callable[..., tuple[Array, Array]],
    score: Score,
    process: Process,
    x: Points,
    key: PRNGKey,
    *,
    block: int = BLOCK,
    **options: Parameter,
) -> Likelihood:
    """Runs `log_prob` or `elbo` over blocks of points, for calls outside compiled programs.

    The points of a block share the steps of its solve. Scores that `scores.evaluator` gives
    share one program per kind and shape; any other function is compiled for itself.

    Args:
      function: `log_prob` or `elbo`.
      score: (x `[n, D]`, t `[]`) -> `[n, D]`.
      process: The noise process.
      x: Points, standardised, `[n, D]`, n at least 1.
      key: PRNG key; each block has its own.
      block: Points of a block.
      **options: Parameters of the function.

    Raises:
      ValueError: If x is not `[n, D]` with n at least 1, or a number is out of range.
    """
    checks.count("block", block)
    x = jnp.asarray(x, float)
    if x.ndim != 2 or x.shape[0] < 1:
        raise ValueError(f"x must have shape [n, D] with n at least 1; got {list(x.shape)}")
    # A bare function is a pytree without arrays.
    if not isinstance(score, jax.tree_util.Partial):
        score = jax.tree_util.Partial(score)
    program = cache.program("likelihood", (function, canonical(options)), lambda: _program(function, options))
    n, size = x.shape[0], min(block, x.shape[0])
    values, costs = [], []
    for number, start in enumerate(range(0, n, size)):
        # The last block goes round to the first points, so that one program serves all.
        rows = (start + np.arange(size)) % n
        found, nfe = program(score, process, x[rows], jax.random.fold_in(key, number))
        values.append(np.asarray(found, np.float64))
        costs.append(np.full(size, int(nfe)))
    return Likelihood(np.concatenate(values)[:n], np.concatenate(costs)[:n])


def _program(function: Callable[..., object], options: Json) -> Callable[..., Any]:
    """Returns the compiled function with some options."""

    def program(score: Score, process: Process, x: Array, key: PRNGKey) -> Any:
        return function(score, process, x, key=key, **options)

    return jax.jit(program)
