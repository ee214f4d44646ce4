"""Grids: the times at which a stepwise sampler asks the score, whatever the sampler.

With few steps the grid matters more than the solver. Each is even in some measure of noise,
from t_max down to the end; r = sigma/alpha is the noise-to-signal ratio:

  time        t                                                  Ho et al. (2020); Song et al. (2021)
  quadratic   sqrt(t)                                            Song et al. (2020, DDIM), appendix D.2
  log_snr     log r                                              Lu et al. (2022), section 5
  karras      r^(1/rho), rho = 7                                 Karras et al. (2022), equation 5
  kl_optimal  arctan r                                           Sabour et al. (2024), section 3.2

A sampler that walks a Markov chain (DDPM's table) may ask at its knots alone: a grid then takes
the nearest ones, each at most once, the first and the last always.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import Array
from diffbench.process import Process, time_of_log_snr

RHO = 7.0  # Karras et al. (2022), table 1
_Times = Callable[[Process, float, Array, float], Array]
# Rounding of a time that a user writes down.
_ROUNDING = 1e-6


def _time(process: Process, end: float, share: Array, rho: float) -> Array:
    return process.t_max + (end - process.t_max) * share


def _quadratic(process: Process, end: float, share: Array, rho: float) -> Array:
    return (process.t_max**0.5 + (end**0.5 - process.t_max**0.5) * share) ** 2


def _log_ratios(process: Process, end: float) -> Array:
    """Returns log r at t_max and at the end, `[2]`."""
    # Logarithms: r spans four to five powers of ten, and times are found from log SNR.
    return -0.5 * process.log_snr(jnp.asarray([process.t_max, end], float))


def _even_in(to: Callable[[Array, float], Array], back: Callable[[Array, float], Array]) -> _Times:
    """Returns times that are even in a function of log r, given with its inverse."""

    def times(process: Process, end: float, share: Array, rho: float) -> Array:
        first, last = to(_log_ratios(process, end), rho)
        return time_of_log_snr(process, -2.0 * back(first + (last - first) * share, rho))

    return times


_NAMED: dict[str, _Times] = {
    "time": _time,
    "quadratic": _quadratic,
    "log_snr": _even_in(lambda log_r, rho: log_r, lambda even, rho: even),
    "karras": _even_in(lambda log_r, rho: jnp.exp(log_r / rho), lambda even, rho: rho * jnp.log(even)),
    "kl_optimal": _even_in(
        lambda log_r, rho: jnp.arctan(jnp.exp(log_r)), lambda even, rho: jnp.log(jnp.tan(even))
    ),
}
GRIDS = tuple(_NAMED)
_EXPECTED = f"grid must be one of {', '.join(GRIDS)}, or a list of times; got {{!r}}"


class Grid:
    """Times at which a sampler asks, from t_max down to where it ends."""

    def __init__(
        self,
        grid: str | Sequence[float] = "time",
        *,
        rho: float | None = None,
        t_end: float | None = None,
        chained: bool = False,
    ):
        """Describes a grid; it sees the process later.

        Args:
          grid: One of `GRIDS`, or the times themselves, descending from t_max.
          rho: Power of "karras", by default 7; refused with any other grid.
          t_end: The last time, by default the process's own; refused with times, whose last it is.
          chained: Whether a chain is asked at its knots alone. Other samplers take a table for the
            continuous process that joins its knots.

        Raises:
          TypeError: If a time is no number.
          ValueError: If a value is out of range, or another parameter leaves it without effect.
        """
        checks.end_time(t_end)
        if isinstance(grid, str):
            if grid not in GRIDS:
                raise ValueError(_EXPECTED.format(grid))
        else:
            _descending(grid)
            if t_end is not None:
                raise ValueError(f"t_end is the last of a list of times, {grid[-1]:g}; got t_end = {t_end:g}")
        if rho is not None:
            checks.positive(rho=rho)
            if grid != "karras":
                shown = repr(grid) if isinstance(grid, str) else "a list of times"
                raise ValueError(f"rho is for grid 'karras'; got rho = {rho:g} with {shown}")
        self._grid = grid if isinstance(grid, str) else tuple(float(t) for t in grid)
        self._rho, self._t_end, self._chained = rho or RHO, t_end, chained

    def holds(self, steps: int | None, ends: int) -> None:
        """Raises a ValueError unless a list of times is as long as the steps say.

        Args:
          steps: Number of steps, or None where the list says it.
          ends: Times that are no step of their own: 1, or 0 where a last step leads to the data.
        """
        if isinstance(self._grid, str):
            return
        got = len(self._grid)
        if got <= ends:
            raise ValueError(f"a list of times for grid must hold at least {ends + 1}; got {got}")
        if steps is not None and got != steps + ends:
            raise ValueError(f"steps = {steps} needs a grid of {steps + ends} times; got {got}")

    @property
    def listed(self) -> int | None:
        """Returns the number of times of a list, None for a grid of any size."""
        return None if isinstance(self._grid, str) else len(self._grid)

    def times(self, process: Process, count: int) -> Array:
        """Returns the times, descending, both ends exact, `[count]`.

        Args:
          process: The noise process.
          count: Number of times; 1 is t_max alone.
        """
        knots = self._knots(process)
        if self._grid == "time":
            if knots is None:
                return jnp.linspace(process.t_max, self.end(process), count)
            size = knots.shape[0]
            # By NumPy, in float64: a rank that rounding moves over a half would be another knot.
            return knots[np.round(np.linspace(size - 1, 0, count)).astype(int)]
        return self.spread(process, count - 1, count - 1)

    def spread(self, process: Process, steps: Array | int, most: int) -> Array:
        """Returns the times of a number of steps that a compiled program takes as an argument, `[most + 1]`.

        Those after the last are the end, again and again.

        Args:
          process: The noise process.
          steps: Steps between times, up to `most`.
          most: The most steps that the program may be asked for.
        """
        rank = jnp.arange(most + 1)
        # The share stays 1 after the last time, so that no time is ever asked for beyond the end.
        last, share = rank >= steps, jnp.minimum(rank / jnp.maximum(steps, 1), 1.0)
        knots, end = self._knots(process), process.t_end if self._t_end is None else self._t_end
        if not isinstance(self._grid, str):
            listed = jnp.asarray(self._grid, float)
            found, last = listed[jnp.minimum(rank, listed.size - 1)], rank > listed.size
        else:
            found = _NAMED[self._grid](process, end, share, self._rho)
        if knots is None:
            # Both ends are put in: the inverse of log SNR finds them to its tolerance alone.
            found = jnp.where(last, end, found)
            return found.at[0].set(process.t_max)
        if self._grid == "time":
            return knots[jnp.round((knots.shape[0] - 1) * (1.0 - share)).astype(int)]
        return knots[_each_once(knots, found, steps)]

    def _knots(self, process: Process) -> Array | None:
        """Returns the knots of a chain where it is asked at these alone, ascending, else None."""
        return process.grid if self._chained and process.chain else None

    def end(self, process: Process) -> float:
        """Returns the last time."""
        knots = self._knots(process)
        if knots is not None:
            return float(knots[0])
        if not isinstance(self._grid, str):
            return self._grid[-1]
        return process.t_end if self._t_end is None else self._t_end

    def unfit(self, process: Process, steps: int | None, ends: int) -> str | None:
        """Returns why a process has no such times, or None.

        Args:
          process: A noise process.
          steps: Number of steps asked for, None for as many as there are.
          ends: See `holds`.
        """
        name, knots = process.name, self._knots(process)
        if not isinstance(self._grid, str) and abs(self._grid[0] - process.t_max) > _ROUNDING:
            return f"grid begins at {self._grid[0]:g}, and process {name!r} at t_max = {process.t_max:g}"
        if knots is None:
            end = self.end(process)
            if end < process.t_min:
                return f"t_end = {end:g} is below t_min = {process.t_min:g} of process {name!r}"
            if end >= process.t_max:
                return f"t_end = {end:g} is not below t_max = {process.t_max:g} of process {name!r}"
            return None
        if self._t_end is not None:
            return f"t_end = {self._t_end:g} is for a continuous process; {name} is a chain to the data"
        size = knots.shape[0]
        if (steps or 0) + ends > size:
            more = f", which has {size - ends} steps between them" if ends else ""
            return f"steps = {steps} is more than the {size} of process {name!r}{more}"
        if not isinstance(self._grid, str):
            return _unfit_times(self._grid, np.asarray(knots), name)
        return None


def _descending(times: Sequence[float]) -> None:
    """Raises unless times are numbers in (0, 1], each below the one before."""
    if not isinstance(times, list | tuple) or not times:
        raise ValueError(_EXPECTED.format(times))
    for t in times:
        checks.positive(**{"each time of grid": t})
    if times[0] > 1.0 or any(s >= t for t, s in itertools.pairwise(times)):
        raise ValueError(f"the times of grid must fall from t_max <= 1; got {[*times]}")


def _each_once(knots: Array, wanted: Array, steps: Array | int) -> Array:
    """Returns the places of the knots nearest to times, each once, with both ends, `[most + 1]`."""
    size, rank = knots.shape[0], jnp.arange(wanted.shape[0])
    # knots ascend and times fall; each lies between the knots above - 1 and above.
    above = jnp.clip(jnp.searchsorted(knots, wanted), 1, size - 1)
    nearer = jnp.where(wanted - knots[above - 1] < knots[above] - wanted, above - 1, above)
    # Two of one knot: the later goes down, and up again where it would leave too few for the rest.
    falling = jnp.minimum.accumulate(nearer.at[0].set(size - 1) + rank) - rank
    places = jnp.maximum(falling, steps - rank)
    return jnp.where(rank >= jnp.maximum(steps, 1), 0, places)


def _unfit_times(times: tuple[float, ...], knots: np.ndarray, name: str) -> str | None:
    """Returns why a list of times is not one of knots, or None."""
    far = [t for t in times if np.abs(knots - t).min() > 0.5 / knots.size]
    if far:
        return f"grid has the time {far[0]:g}, and process {name!r} has none near it"
    nearest = [int(np.abs(knots - t).argmin()) for t in times]
    for one, other, t in zip(nearest, nearest[1:], times[1:], strict=False):
        if one == other:
            return f"grid has two times at one knot of process {name!r}, near {t:g}"
    if len(times) > 1 and nearest[-1] != 0:
        return f"grid ends at {times[-1]:g}, and process {name!r} at {knots[0]:g}"
    return None
