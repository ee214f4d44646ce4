"""Processes of a table of betas, one per step, as DDPM has them.

References:
  Ho et al. (2020), Denoising diffusion probabilistic models.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from scipy import interpolate

from diffbench import checks
from diffbench.process.base import PROCESSES, Array, Constants, Process


def _table_b(t: Array, c: Constants) -> Array:
    """B(t) of a beta table: a cubic in each of N equal intervals."""
    coefficients = c["cubic"]  # [4, N], highest power first
    n = coefficients.shape[1]
    # t = 1 belongs to the last interval, and rounding may put a knot into the one before.
    interval = jnp.clip(jnp.floor(t * n).astype(int), 0, n - 1)
    u = t * n - interval
    c3, c2, c1, c0 = coefficients[:, interval]
    # Horner, in u in [0, 1]: no power of t loses digits where B is 1e-4 and its end is 10.
    return ((c3 * u + c2) * u + c1) * u + c0


def _table_log_alpha(t: Array, c: Constants) -> Array:
    return -0.5 * _table_b(t, c)


# As VP: between knots a table is VP with this B.
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
    # In float64: a sum of 1,000 logarithms that begin at 1e-4.
    betas = np.asarray(betas, np.float64)
    if betas.ndim != 1 or betas.size < 2:
        raise ValueError(f"betas must be one row of at least 2 numbers; got shape {betas.shape}")
    if not (np.isfinite(betas).all() and (betas > 0).all() and (betas < 1).all()):
        raise ValueError(f"each beta must be in (0, 1); got {betas.min():g} to {betas.max():g}")
    n = betas.size
    # The cubic is in units of one step, so that its coefficients stay of one size.
    b = np.concatenate([[0.0], -np.cumsum(np.log1p(-betas))])
    # Monotone, so that log SNR falls between knots too; a spline may overshoot and rise.
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
    # The sum of betas is kept, so the table reaches its prior whatever N is.
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
    # Clipped as in the paper: the last beta would be 1, and alpha 0.
    return from_betas("ddpm_cosine", np.minimum(1 - alphas_bar[1:] / alphas_bar[:-1], 0.999))
