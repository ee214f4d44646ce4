"""The contract of a noise process, all of it told before anything is trained."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.process import Process
from diffbench.testing.base import Examination, Findings

TIMES = 257
# Nats a dimension that a prior may be from the law at t_max. NCSN's levels from 1 down leave
# 0.07 to a law of two points; VP up to beta = 1, which keeps 0.8 of the signal, 0.13.
PRIOR = 0.1
# Standardised laws: values and weights of points, or a normal one.
_LAWS = {
    "a normal law": (0.0, 1.0),
    "two points": (np.array([-1.0, 1.0]), np.array([0.5, 0.5])),
    "one tenth far away": (np.array([-1.0 / 3.0, 3.0]), np.array([0.9, 0.1])),
}


def check_process(process: Process) -> Findings:
    """Checks a process: times, finite and falling signal-to-noise ratio, grid, and its prior.

    Args:
      process: A built process.

    Returns:
      What was measured against what bound.

    Raises:
      ContractError: If it breaks its contract.
    """
    look = Examination()
    look.instance("process", process, Process)
    _times(look, process)
    t = _where(process)
    low, high = float(process.t_min), float(process.t_max)
    # Its shape, and whether it is a number, are looked at below.
    alpha = float(np.ravel(process.alpha(jnp.asarray(high, float)))[0])
    look.expect("alpha(t_max)", alpha != 0, "above 0 (let t_max end before it is)", alpha)
    for name, of_time in (("log_alpha", process.log_alpha), ("log_sigma", process.log_sigma)):
        _function(look, name, of_time, t)
    log_snr = np.asarray(process.log_snr(t), np.float64)
    # Neighbours in float32 may round to steps of nothing, and of one unit upwards.
    rise = np.diff(log_snr) / np.maximum(np.abs(log_snr[1:]), 1.0)
    worst = int(np.argmax(rise))
    here, there = (f"{log_snr[i]:.4g} at t = {t[i]:.4g}" for i in (worst, worst + 1))
    look.expect("log_snr", rise[worst] <= 1e-5, "falling with t", f"{here} and {there}")
    first, last = _at(process, process.t_end), _at(process, high)
    ends = f"{first:.4g} to {last:.4g}"
    look.expect("log_snr from t_end to t_max", first > max(0.0, last), "from above 0 down", ends)
    for name in ("drift", "diffusion"):
        look.array(name, getattr(process, name)(t), t.shape)
    _compiles(look, process, t)
    _grid(look, process, low, high)
    _prior(look, process)
    look.version(process.version)
    return look.findings()


def _times(look: Examination, process: Process) -> None:
    ends = (process.t_min, process.t_end, process.t_max)
    holds = all(isinstance(t, int | float) for t in ends) and 0 < ends[0] <= ends[1] < ends[2]
    look.expect("times", holds, "0 < t_min <= t_end < t_max", ", ".join(map(str, ends)))


def _where(process: Process) -> jax.Array:
    """Returns times over the whole range, dense near t_min too, `[k]`."""
    even = np.linspace(process.t_min, process.t_max, TIMES)
    t = np.union1d(even, np.geomspace(process.t_min, process.t_max, TIMES))
    return jnp.asarray(np.clip(t, process.t_min, process.t_max), float)


def _function(look: Examination, name: str, of_time: object, t: jax.Array) -> None:
    """Notes whether a function of time is finite, and elementwise."""
    values = np.asarray(of_time(t))  # type: ignore[operator]
    look.expect(name, values.shape == t.shape, f"shape {t.shape}, as t", f"shape {values.shape}")
    bad = np.flatnonzero(~np.isfinite(values))
    look.expect(name, bad.size == 0, "finite at every time",
                f"{values[bad[0]]} at t = {t[bad[0]]:.4g}" if bad.size else "finite")  # fmt: skip
    one = np.asarray(of_time(t[1]))  # type: ignore[operator]
    look.expect(name, one.shape == (), "shape () at one time", f"shape {one.shape}")


def _at(process: Process, t: float) -> float:
    return float(process.log_snr(jnp.asarray(t, float)))


def _compiles(look: Examination, process: Process, t: jax.Array) -> None:
    """Notes whether a process enters compiled programs as an argument and means the same there."""
    inside = np.asarray(jax.jit(lambda process, t: process.log_snr(t))(process, t))
    worst = float(np.abs(inside - np.asarray(process.log_snr(t))).max())
    look.below("log_snr, compiled", worst, 1e-3, "the same")


def _grid(look: Examination, process: Process, low: float, high: float) -> None:
    if process.grid is None:
        look.expect("chain", not process.chain, "a grid, the steps of the chain", "no grid")
        return
    grid = np.asarray(process.grid, np.float64)
    look.expect(
        "grid", grid.ndim == 1 and grid.size >= 2, "one row of at least 2 times", f"shape {grid.shape}"
    )
    holds = (np.diff(grid) > 0).all() and grid[0] >= low * (1 - 1e-5) and grid[-1] <= high * (1 + 1e-5)
    look.expect("grid", holds, f"rising times in [{low:g}, {high:g}]", f"{grid[0]:g} to {grid[-1]:g}")


def _prior(look: Examination, process: Process) -> None:
    """Notes how far the prior is from the law at t_max, by quadrature in one dimension."""
    try:
        prior = process.prior(1)
    except KeyError as error:
        look.expect(
            "prior", False, f"{error.args[0]!r} among the constants", ", ".join(process.constants) or "none"
        )
    drawn = np.asarray(process.prior(3).sample(seed=jax.random.key(0), sample_shape=(4,)))
    look.array("prior", drawn, (4, 3))
    t = jnp.asarray(process.t_max, float)
    alpha, sigma = float(process.alpha(t)), float(process.sigma(t))
    for name, (values, spread) in _LAWS.items():
        means, weights, sd = (
            (alpha * values, spread, sigma)
            if isinstance(values, np.ndarray)
            else (np.zeros(1), np.ones(1), float(np.hypot(alpha, sigma)))
        )
        x = np.linspace(means.min() - 10.0 * sd, means.max() + 10.0 * sd, 4001)
        density = (weights * np.exp(-0.5 * ((x[:, None] - means) / sd) ** 2)).sum(1) / (
            sd * np.sqrt(2.0 * np.pi)
        )
        log_prior = np.asarray(prior.log_prob(jnp.asarray(x[:, None], float)), np.float64)
        ratio = np.where(density > 0, density * (np.log(np.maximum(density, 1e-300)) - log_prior), 0.0)
        kl = float(ratio.sum() * (x[1] - x[0]))
        look.below(f"KL of the law at t_max to the prior, {name}", kl, PRIOR, "nats")
