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
from typing import Any

import distrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy import interpolate

from diffbench import checks
from diffbench.registry import Registry

Array = jax.Array
Constants = Mapping[str, Any]
TimeFunction = Callable[[Array, Constants], Array]

PROCESSES: Registry[Process] = Registry("process", group="diffbench.processes")


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
    ratio = log_prob(x_t, process.alpha(t[0]), process.sigma(t[0])) - process.prior(x0.shape[1]).log_prob(x_t)
    return ratio.mean(), ratio.std(ddof=1) / math.sqrt(x0.shape[0])


def _betas(beta_min: float, beta_max: float) -> Constants:
    return {
        "beta_min": jnp.asarray(beta_min, float),
        "beta_max": jnp.asarray(beta_max, float),
        "prior_sd": jnp.ones(()),
    }


def _b(t: Array, c: Constants) -> Array:
    """B(t), the integral of beta from 0 to t, for beta linear in t."""
    return c["beta_min"] * t + 0.5 * (c["beta_max"] - c["beta_min"]) * t**2


def _vp_log_alpha(t: Array, c: Constants) -> Array:
    return -0.5 * _b(t, c)


def _vp_log_sigma(t: Array, c: Constants) -> Array:
    # expm1 keeps sigma accurate as t -> t_min, where 1 - exp(-B) loses its digits.
    return 0.5 * jnp.log(-jnp.expm1(-_b(t, c)))


def _sub_vp_log_sigma(t: Array, c: Constants) -> Array:
    return jnp.log(-jnp.expm1(-_b(t, c)))


@PROCESSES.register("vp")
def vp(*, beta_min: float = 0.1, beta_max: float = 20.0) -> Process:
    """Returns the variance-preserving process.

    Args:
      beta_min: beta at t = 0, per unit time.
      beta_max: beta at t = 1, per unit time.

    References:
      Song et al. (2021), equation 32 and appendix C, for both constants.
    """
    checks.ordered("beta_min", beta_min, "beta_max", beta_max)
    constants = _betas(beta_min, beta_max)
    return Process("vp", _vp_log_alpha, _vp_log_sigma, constants)


@PROCESSES.register("sub_vp")
def sub_vp(*, beta_min: float = 0.1, beta_max: float = 20.0) -> Process:
    """Returns the sub-VP process: alpha as VP, sigma = 1 - exp(-B), without the root.

    Args:
      beta_min: beta at t = 0, per unit time.
      beta_max: beta at t = 1, per unit time.

    References:
      Song et al. (2021), equation 29: g^2 = beta (1 - exp(-2 B)).
    """
    checks.ordered("beta_min", beta_min, "beta_max", beta_max)
    constants = _betas(beta_min, beta_max)
    return Process("sub_vp", _vp_log_alpha, _sub_vp_log_sigma, constants)


def _zero(t: Array, c: Constants) -> Array:
    return jnp.zeros_like(t)


def _ve_log_sigma(t: Array, c: Constants) -> Array:
    return c["log_sigma_min"] + t * (c["log_sigma_max"] - c["log_sigma_min"])


@PROCESSES.register("ve")
def ve(*, sigma_min: float = 0.01, sigma_max: float = 20.0) -> Process:
    """Returns the variance-exploding process, sigma = sigma_min (sigma_max/sigma_min)^t.

    sigma_min^2 is not subtracted from the variance, as in the authors' code and
    against one reading of their equation 30.

    Args:
      sigma_min: Noise at t = 0.
      sigma_max: Noise at t = 1; a constant for standardised data, since the largest
        pairwise distance (Song & Ermon 2020, technique 1) grows with the sample.

    References:
      Song et al. (2021), appendix C.
    """
    checks.ordered("sigma_min", sigma_min, "sigma_max", sigma_max)
    constants = {
        "log_sigma_min": jnp.asarray(math.log(sigma_min), float),
        "log_sigma_max": jnp.asarray(math.log(sigma_max), float),
        "prior_sd": jnp.asarray(math.hypot(1.0, sigma_max), float),
    }
    return Process("ve", _zero, _ve_log_sigma, constants, t_end=1e-5)


@PROCESSES.register("ncsn")
def ncsn(*, levels: int = 50, sigma_min: float = 0.01, sigma_max: float = 6.0) -> Process:
    """Returns NCSN's noise levels: VE with a grid of geometric levels.

    Args:
      levels: Number of levels, at least 2.
      sigma_min: Smallest level.
      sigma_max: Largest level.

    References:
      Song & Ermon (2019), section 4.1; (2020), technique 1 and 2.
    """
    checks.count("levels", levels, least=2)
    process = ve(sigma_min=sigma_min, sigma_max=sigma_max)
    grid = jnp.linspace(process.t_min, process.t_max, levels)
    return dataclasses.replace(process, name="ncsn", grid=grid)


def _table_b(t: Array, c: Constants) -> Array:
    """B(t) of a beta table: a cubic in each of N equal intervals."""
    coefficients = c["cubic"]  # [4, N], highest power first
    n = coefficients.shape[1]
    interval = jnp.clip(jnp.floor(t * n).astype(int), 0, n - 1)
    u = t * n - interval
    c3, c2, c1, c0 = coefficients[:, interval]
    return ((c3 * u + c2) * u + c1) * u + c0


def _table_log_alpha(t: Array, c: Constants) -> Array:
    return -0.5 * _table_b(t, c)


def _table_log_sigma(t: Array, c: Constants) -> Array:
    return 0.5 * jnp.log(-jnp.expm1(-_table_b(t, c)))


def from_betas(name: str, betas: np.ndarray) -> Process:
    """Returns the process of a table of betas, one per step, as DDPM has them.

    B(t) = -log alphas_bar at t = i/N, B(0) = 0, joined by a monotone cubic: VP
    between the knots, finite as t -> 0, so that continuous samplers accept it.

    Args:
      name: What the process is called.
      betas: Variance added at each step, `[N]`, each in (0, 1).

    References:
      Ho et al. (2020), section 2, for alphas_bar. Fritsch & Carlson (1980), for the
      monotone cubic.
    """
    betas = np.asarray(betas, np.float64)
    if betas.ndim != 1 or betas.size < 2:
        raise ValueError(f"betas must be one row of at least 2 numbers; got shape {betas.shape}")
    if not (np.isfinite(betas).all() and (betas > 0).all() and (betas < 1).all()):
        raise ValueError(f"each beta must be in (0, 1); got {betas.min():g} to {betas.max():g}")
    n = betas.size
    # The cubic is in units of one step, so that its coefficients stay of one size.
    b = np.concatenate([[0.0], -np.cumsum(np.log1p(-betas))])
    cubic = interpolate.PchipInterpolator(np.arange(n + 1), b).c
    grid = jnp.arange(1, n + 1) / n
    return Process(
        name,
        _table_log_alpha,
        _table_log_sigma,
        {"cubic": jnp.asarray(cubic, float), "prior_sd": jnp.ones(())},
        grid=grid,
        chain=True,
    )


@PROCESSES.register("ddpm_linear")
def ddpm_linear(
    *, steps: int = 1000, beta_first: float | None = None, beta_last: float | None = None
) -> Process:
    """Returns DDPM's linear table of betas, per step.

    Left out, the two ends are 0.1/steps and 20/steps, which are the paper's 1e-4 and
    0.02 at 1000 steps and reach the prior at any other number; given, they are used
    as they are.

    Args:
      steps: Number of steps, N.
      beta_first: First beta, per step.
      beta_last: Last beta, per step.

    Raises:
      ValueError: If a rescaled table would hold a beta >= 1 (N <= 20).

    References:
      Ho et al. (2020), section 4.
    """
    checks.count("steps", steps, least=2)
    if beta_last is None and steps <= 20:
        raise ValueError(
            f"steps must be above 20 where beta_last is left out, since its default 20/steps"
            f" must be below 1; got steps = {steps}"
        )
    first = 0.1 / steps if beta_first is None else beta_first
    last = 20.0 / steps if beta_last is None else beta_last
    checks.positive(beta_first=first, beta_last=last)
    return from_betas("ddpm_linear", np.linspace(first, last, steps))


@PROCESSES.register("ddpm_cosine")
def ddpm_cosine(*, steps: int = 1000) -> Process:
    """Returns the cosine table, alphas_bar ~ cos^2((t + 0.008)/1.008 pi/2), beta <= 0.999.

    Args:
      steps: Number of steps, N.

    References:
      Nichol & Dhariwal (2021), equation 17.
    """
    checks.count("steps", steps, least=2)
    t = np.arange(steps + 1) / steps
    alphas_bar = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
    return from_betas("ddpm_cosine", np.minimum(1 - alphas_bar[1:] / alphas_bar[:-1], 0.999))
