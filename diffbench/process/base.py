"""Noise processes `x_t = alpha(t) x_0 + sigma(t) eps`, eps ~ N(0, I), t = 0 is data.

`alpha` is the scale of the signal (the square root of DDPM's alpha-bar) and `sigma`
the standard deviation of the noise. A process keeps log alpha and log sigma; all
else is derived from them once, here, by forward differentiation:

  log_snr  = 2 (log alpha - log sigma)
  drift    f(t)   = d log alpha / dt                 dx = f x dt + g dW
  diffusion g(t)^2 = -sigma^2 d log_snr / dt

Times run over [t_min, t_max]. `grid` holds the discrete times of a process that has
them (DDPM's table, NCSN's levels), `t_end` is where sampling stops by default.

References:
  Song et al. (2021), Score-based generative modeling through SDEs.
  Kingma et al. (2021), Variational diffusion models, for g^2 in terms of log_snr.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping

import distrax
import jax
import jax.numpy as jnp

from diffbench.registry import Registry

Array = jax.Array
Constants = Mapping[str, Array]
TimeFunction = Callable[[Array, Constants], Array]

PROCESSES: Registry[Process] = Registry("process", group="diffbench.processes", home="diffbench.process")


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("constants", "grid"),
    meta_fields=("name", "log_alpha_fn", "log_sigma_fn", "t_min", "t_max", "t_end", "chain", "version"),
)
@dataclasses.dataclass(frozen=True)
class Process:
    """A noise process: static functions of time and a few arrays of constants.

    It is a pytree whose leaves are the constants, so it enters compiled programs as
    an argument: two beta_max share one program.

    Attributes:
      name: What the process is called in tables.
      log_alpha_fn: (t, constants) -> log alpha(t), elementwise.
      log_sigma_fn: (t, constants) -> log sigma(t), elementwise.
      constants: Named arrays; "prior_sd" is the standard deviation of the prior.
      grid: Discrete times, ascending, `[N]`, or None.
      t_min: Smallest legal and training time.
      t_max: Largest time.
      t_end: Time at which samplers end by default.
      chain: Whether the grid is the steps of a Markov chain, as DDPM's table is; NCSN's
        levels are not.
      version: Changed whenever alpha, sigma, the grid or the prior change.
    """

    name: str
    log_alpha_fn: TimeFunction
    log_sigma_fn: TimeFunction
    constants: Constants
    grid: Array | None = None
    t_min: float = 1e-5
    t_max: float = 1.0
    t_end: float = 1e-3
    chain: bool = False
    version: int = 1

    def log_alpha(self, t: Array) -> Array:
        """Returns log alpha(t), shaped as t."""
        return self.log_alpha_fn(t, self.constants)

    def log_sigma(self, t: Array) -> Array:
        """Returns log sigma(t), shaped as t."""
        return self.log_sigma_fn(t, self.constants)

    def alpha(self, t: Array) -> Array:
        """Returns the signal scale, shaped as t."""
        return jnp.exp(self.log_alpha(t))

    def sigma(self, t: Array) -> Array:
        """Returns the noise standard deviation, shaped as t."""
        return jnp.exp(self.log_sigma(t))

    def log_snr(self, t: Array) -> Array:
        """Returns the log signal-to-noise ratio, 2 log(alpha / sigma), shaped as t."""
        return 2.0 * (self.log_alpha(t) - self.log_sigma(t))

    def drift(self, t: Array) -> Array:
        """Returns f(t), the rate of the linear drift f x, per unit time."""
        return _rate(self.log_alpha, t)

    def diffusion(self, t: Array) -> Array:
        """Returns g(t), the noise amplitude, per root of unit time."""
        # g^2 = d sigma^2/dt - 2 f sigma^2 (Song et al. 2021, appendix B), one derivative in place of two.
        # Rounding could take a vanishing g^2 below zero, and its root to NaN.
        return jnp.sqrt(jnp.maximum(-(self.sigma(t) ** 2) * _rate(self.log_snr, t), 0.0))

    def perturb(self, key: Array, x0: Array, t: Array) -> tuple[Array, Array]:
        """Draws x_t given x_0.

        Args:
          key: PRNG key.
          x0: Clean points, `[n, D]`.
          t: Times, `[n]`.

        Returns:
          x_t and the eps it holds, both `[n, D]`.
        """
        eps = jax.random.normal(key, x0.shape, x0.dtype)
        return self.alpha(t)[:, None] * x0 + self.sigma(t)[:, None] * eps, eps

    def prior(self, dim: int) -> distrax.Distribution:
        """Returns the distribution from which samplers start, for data of unit variance.

        The standard normal for VP, sub-VP and tables, N(0, (sigma_max^2 + 1) I) for VE.
        """
        return distrax.MultivariateNormalDiag(jnp.zeros(dim), jnp.full(dim, self.constants["prior_sd"]))


def _rate(function: Callable[[Array], Array], t: Array) -> Array:
    """Returns the elementwise derivative of a function of time."""
    # Forward: time goes in and all its values come out, so one pass serves all of them.
    t = jnp.asarray(t, float)
    return jax.jvp(function, (t,), (jnp.ones_like(t),))[1]


def time_of_log_snr(process: Process, log_snr: Array) -> Array:
    """Inverts log_snr(t) by bisection over [t_min, t_max].

    Args:
      process: A process; its log_snr falls with t.
      log_snr: Wanted values, any shape; values out of reach give the nearer end.
    """

    def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        # The geometric mean resolves times near t_min, where log_snr is steep.
        middle = jnp.sqrt(low * high)
        above = process.log_snr(middle) > log_snr
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    log_snr = jnp.asarray(log_snr, float)
    start = (jnp.full_like(log_snr, process.t_min), jnp.full_like(log_snr, process.t_max))
    # Each step halves log(t_max/t_min): after 24 float32 cannot tell the ends, after 48 float64 at 1e-13.
    low, high = jax.lax.fori_loop(0, 48, halve, start)
    return jnp.sqrt(low * high)


def prior_kl(
    process: Process,
    log_prob: Callable[[Array, Array, Array], Array],
    x0: Array,
    key: Array,
) -> tuple[Array, Array]:
    """Estimates KL(p_T || prior), in nats: how far the process ends from its prior.

    Args:
      process: A noise process.
      log_prob: Diffused log density (x, alpha, sigma) -> `[n]` of the truth.
      x0: Truth samples in the same coordinates, `[n, D]`.
      key: PRNG key.

    Returns:
      The estimate and its standard error.
    """
    t = jnp.full(x0.shape[:1], process.t_max)
    x_t, _ = process.perturb(key, x0, t)
    # Of the noised truth itself: the prior is what is wrong, so no sample of it enters.
    ratio = log_prob(x_t, process.alpha(t[0]), process.sigma(t[0])) - process.prior(x0.shape[1]).log_prob(x_t)
    return ratio.mean(), ratio.std(ddof=1) / math.sqrt(x0.shape[0])
