"""Processes with one thing wrong: defects 2, 3, 8 and 11."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp

from diffbench.contracts import Array
from diffbench.process import PROCESSES, Constants, Process


def gentle_vp() -> Process:
    """Returns VP with beta from 0.001 to 3, which keeps 47% of the signal at t = 1."""
    return PROCESSES.build("vp", beta_min=0.001, beta_max=3.0)


def short_table() -> Process:
    """Returns DDPM's table of 1000 steps cut to 100, which keeps 35% of the signal's variance."""
    return PROCESSES.build("ddpm_linear", steps=100, beta_first=1e-3, beta_last=0.02)


def _naive_log_sigma(t: Array, c: Constants) -> Array:
    b = c["beta_min"] * t + 0.5 * (c["beta_max"] - c["beta_min"]) * t**2
    return 0.5 * jnp.log(1.0 - jnp.exp(-b))


def vanishing_sigma() -> Process:
    """Returns VP from t = 1e-8 on, with sigma = sqrt(1 - exp(-B)) as it is printed: 0 in float32."""
    process = PROCESSES.build("vp")
    return dataclasses.replace(process, log_sigma_fn=_naive_log_sigma, t_min=1e-8, t_end=1e-8)


def standard_start() -> Process:
    """Returns NCSN's levels with N(0, I) to start from, though the largest level is 6."""
    process = PROCESSES.build("ncsn")
    return dataclasses.replace(process, constants={**process.constants, "prior_sd": jnp.ones(())})
