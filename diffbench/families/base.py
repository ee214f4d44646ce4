"""What every model family shares: one loss, and a score from the network's eps.

A family says how a score function is learned: on which noise process, at which
training times, with which weight. Everything else is common:

  loss = E w(t) |sigma(t) s(x_t, t) + eps|^2 = E w(t) |eps - eps_hat(x_t, t)|^2 ,

averaged over dimensions. w = 1 is at once DDPM's L_simple, NCSN's lambda = sigma^2 and
Score-SDE's default. The likelihood weight g^2/sigma^2 = -d log_snr/dt is steep where noise
is small. Drawing the times in proportion to it instead ("importance"), that is evenly in
log_snr, makes the weight one constant: the expected gradient is the same, its noise less.

References:
  Ho et al. (2020), equation 14; Song & Ermon (2019), equation 6; Song et al. (2021),
  equation 7, for the three; Song et al. (2021, maximum likelihood training), section 5,
  for the likelihood weight and its importance sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import haiku as hk
import jax
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import Array, PRNGKey
from diffbench.process import Process
from diffbench.spec import Spec


class Family(hk.Module):
    """A way to learn a score function; subclasses say at which times it trains.

    Class attributes:
      default_process: Name and parameters of the process it uses unless told otherwise.
      default_network: Parameters of the network that it has unless a suite says otherwise.
      sampler: Name and parameters of the sampler of its paper.
      weightings: Weights of the loss that it offers; "importance" only where its
        `sample_times` draws for it and `importance` gives the constant.
      version: Changed whenever its trained models change.
    """

    default_process: ClassVar[Spec] = {"name": "vp"}
    default_network: ClassVar[Spec] = {}
    sampler: ClassVar[Spec] = {"name": "ancestral"}
    weightings: ClassVar[tuple[str, ...]] = ("simple", "likelihood")
    version: ClassVar[int] = 1

    def __init__(
        self,
        network: Callable[..., Array],
        process: Process,
        *,
        weighting: str = "simple",
        name: str | None = None,
    ):
        """Binds a network and a process.

        Args:
          network: (x, t, alpha, sigma, is_training) -> estimate of eps, `[n, D]`.
          process: The noise process.
          weighting: "simple" (w = 1), "likelihood" (w = g^2/sigma^2), or "importance":
            the same in expectation, by times drawn in proportion to g^2/sigma^2.
          name: Haiku name.
        """
        super().__init__(name=name)
        checks.choice("weighting", weighting, self.weightings)
        self.network = network
        self.process = process
        self.weighting = weighting

    @classmethod
    def unfit(cls, process: Process) -> str | None:
        """Returns why this family cannot train on a process, or None."""
        return None

    def sample_times(self, key: PRNGKey, n: int) -> Array:
        """Draws training times, `[n]`."""
        raise NotImplementedError(f"{type(self).__name__} has no sample_times(self, key, n)")

    def weight(self, t: Array) -> Array:
        """Returns the weight of the loss at times t, `[n]`."""
        if self.weighting == "simple":
            return jnp.ones_like(t)
        if self.weighting == "importance":
            return jnp.full_like(t, self.importance())
        return self.likelihood_weight(t)

    def likelihood_weight(self, t: Array) -> Array:
        """Returns g^2/sigma^2 at times t, shaped as t."""
        return (self.process.diffusion(t) / self.process.sigma(t)) ** 2

    def importance(self) -> Array:
        """Returns the mean of g^2/sigma^2 over the times of other weightings, `[]`."""
        raise NotImplementedError(f"{type(self).__name__} has no importance(self)")

    def eps(self, x: Array, t: Array, is_training: bool = False) -> Array:
        """Returns the estimate of the noise in x at time t (`[]` or `[n]`), `[n, D]`."""
        return self.network(x, t, self.process.alpha(t), self.process.sigma(t), is_training)

    def score(self, x: Array, t: Array) -> Array:
        """Returns the learned score at x `[n, D]`, time t (`[]` or `[n]`), `[n, D]`."""
        sigma = self.process.sigma(t)
        return -self.eps(x, t) / (sigma if t.ndim == 0 else sigma[:, None])

    def loss(self, y: Array, is_training: bool = True) -> Array:
        """Returns the loss of each clean point y `[n, D]`, at a time and noise of its own, `[n]`."""
        key_t, key_eps = jax.random.split(hk.next_rng_key())
        t = self.sample_times(key_t, y.shape[0])
        x_t, eps = self.process.perturb(key_eps, y, t)
        return self.weight(t) * jnp.mean((self.eps(x_t, t, is_training) - eps) ** 2, axis=1)


class TableFamily(Family):
    """A family that trains on the discrete times of its process."""

    weightings: ClassVar = ("simple", "likelihood", "importance")

    @classmethod
    def unfit(cls, process: Process) -> str | None:
        """See `Family.unfit`."""
        if process.grid is None:
            return (
                f"it trains on a table of times (ddpm_linear, ddpm_cosine, ncsn); {process.name!r} has none"
            )
        return None

    def sample_times(self, key: PRNGKey, n: int) -> Array:
        """See `Family.sample_times`."""
        grid = self.process.grid
        if grid is None:
            raise ValueError(f"{type(self).__name__}: {self.unfit(self.process)}")
        if self.weighting == "importance":
            return jax.random.choice(key, grid, (n,), p=self.likelihood_weight(grid))
        return grid[jax.random.randint(key, (n,), 0, grid.shape[0])]

    def importance(self) -> Array:
        """See `Family.importance`."""
        return self.likelihood_weight(jnp.asarray(self.process.grid)).mean()
