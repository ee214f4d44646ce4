"""Processes in closed form: VP, sub-VP, VE and EDM's, and NCSN's levels, which are VE's.

References:
  Song et al. (2021), Score-based generative modeling through SDEs.
"""

from __future__ import annotations

import dataclasses
import math

import jax.numpy as jnp

from diffbench import checks
from diffbench.process.base import PROCESSES, Array, Constants, Process


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


# No root: the variance is (1 - exp(-B))^2, below that of VP at every time.
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
        # Logarithms in float64 here: a difference of two of them is the rate of log sigma.
        "log_sigma_min": jnp.asarray(math.log(sigma_min), float),
        "log_sigma_max": jnp.asarray(math.log(sigma_max), float),
        # Data of unit variance are in p_T too: without the 1 the prior would be too narrow.
        "prior_sd": jnp.asarray(math.hypot(1.0, sigma_max), float),
    }
    # Its sigma is 0.01 at t = 0 already, so it may end where others would divide by zero.
    return Process("ve", _zero, _ve_log_sigma, constants, t_end=1e-5)


def _edm_log_sigma(t: Array, c: Constants) -> Array:
    return c["log_sigma_max"] + jnp.log(t)


@PROCESSES.register("edm")
def edm(*, sigma_min: float = 0.002, sigma_max: float = 80.0) -> Process:
    """Returns the process of EDM: alpha = 1 and sigma = sigma_max t, so that time is noise.

    Args:
      sigma_min: Noise where sampling ends, and the least at which there is training.
      sigma_max: Noise at t = 1.

    References:
      Karras et al. (2022), table 1.
    """
    checks.ordered("sigma_min", sigma_min, "sigma_max", sigma_max)
    constants = {
        "log_sigma_max": jnp.asarray(math.log(sigma_max), float),
        "prior_sd": jnp.asarray(math.hypot(1.0, sigma_max), float),
    }
    end = sigma_min / sigma_max
    return Process("edm", _zero, _edm_log_sigma, constants, t_min=end, t_end=end)


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
    # Even in t is geometric in sigma.
    grid = jnp.linspace(process.t_min, process.t_max, levels)
    return dataclasses.replace(process, name="ncsn", grid=grid)
