"""What a score network is, how it is told the noise level, and what its output stands for.

It sees noisy points and their noise level and returns an estimate of eps, the noise
they hold. What its last layer stands for (eps, x_0, v, EDM's F or the score itself) is a
choice of output, converted here once; `score = -eps_hat / sigma`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from diffbench import checks
from diffbench.contracts import Array
from diffbench.registry import Registry
from diffbench.spec import Json

NETWORKS: Registry[Network] = Registry(
    "network", group="diffbench.networks", home="diffbench.networks", traced=True
)

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": jax.nn.gelu,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
}


def sinusoidal(c: Array, width: int) -> Array:
    """Returns [sin w c, cos w c] at geometric frequencies w from 0.1 to 125, `[..., width]`.

    References:
      Vaswani et al. (2017), section 3.5, with frequencies for c of order one.
    """
    frequencies = jnp.geomspace(0.1, 125.0, width // 2)
    angle = c[..., None] * frequencies
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)


def fourier(c: Array, width: int, spread: float) -> Array:
    """Returns [sin 2 pi w c, cos 2 pi w c], w ~ N(0, spread^2) fixed for ever, `[..., width]`.

    References:
      Tancik et al. (2020), section 6; Song et al. (2021), appendix C.2.
    """
    frequencies = np.random.RandomState(0).standard_normal(width // 2).astype(np.float32) * spread
    angle = 2.0 * np.pi * c[..., None] * frequencies
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)


def concatenated(t: Array) -> Array:
    """Returns [t - 1/2, cos 2 pi t], `[..., 2]`: the memorisation tutorial's two numbers."""
    return jnp.stack([t - 0.5, jnp.cos(2.0 * jnp.pi * t)], axis=-1)


OUTPUTS = ("eps", "x0", "v", "edm", "score")


def check_shared(output: str, embedding_width: int, fourier_spread: float, dropout: float) -> None:
    """Checks what every shipped network takes.

    Args:
      output: One of `OUTPUTS`.
      embedding_width: Numbers that tell the level, even.
      fourier_spread: Standard deviation of the frequencies of Gaussian Fourier features.
      dropout: Share of activations that training drops, in [0, 1).

    Raises:
      TypeError, ValueError: Which one is none, and what is possible.
    """
    checks.choice("output", output, OUTPUTS)
    checks.count("embedding_width", embedding_width, least=2)
    checks.positive(fourier_spread=fourier_spread)
    if embedding_width % 2:
        raise ValueError(f"embedding_width must be even; got {embedding_width}")
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout must be in [0, 1); got {dropout}")


def eps_from_output(output: str, raw: Array, x: Array, alpha: Array, sigma: Array) -> Array:
    """Returns the eps estimate that a network output stands for, `[n, D]`.

    Args:
      output: One of `OUTPUTS`: "eps", "x0", "v" (alpha eps - sigma x_0), "edm" (Karras's F) or "score".
      raw: Network output, `[n, D]`.
      x: Noisy points, `[n, D]`.
      alpha: Signal scale, `[]` or `[n, 1]`.
      sigma: Noise standard deviation, `[]` or `[n, 1]`.

    References:
      Salimans & Ho (2022), appendix D, for v; here for any alpha^2 + sigma^2. Karras et al. (2022),
        table 1, for edm: x0_hat = c_skip y + c_out F, y = x/alpha, for data of unit variance.
    """
    if output == "x0":
        return (x - alpha * raw) / sigma
    if output == "v":
        return (sigma * x + alpha * raw) / (alpha**2 + sigma**2)
    if output == "edm":
        # (y - x0_hat)/r with c_skip = 1/(1 + r^2), c_out = r/sqrt(1 + r^2) and r = sigma/alpha.
        size = alpha**2 + sigma**2
        return sigma * x / size - alpha * raw / size**0.5
    if output == "score":
        return -sigma * raw
    return raw


class Network(hk.Module):
    """An estimate of the noise that points hold; families train it, samplers ask it.

    Class attributes:
      version: Changed whenever what is trained with the network changes.
    """

    version: ClassVar[int] = 1

    @classmethod
    def held(cls, dim: int, params: Json) -> int:
        """Returns how many numbers it holds at once for a row: blocks of rows are cut by it.

        Args:
          dim: Dimension D of the points.
          params: Its parameters, every one of them.
        """
        return 512  # two layers of width 256

    def __call__(self, x: Array, t: Array, alpha: Array, sigma: Array, is_training: bool = False) -> Array:
        """Returns the estimate of eps, `[n, D]`.

        Args:
          x: Noisy points, `[n, D]`.
          t: Time, `[]` (embedded once for all points) or `[n]`.
          alpha: Signal scale at t, shaped as t.
          sigma: Noise standard deviation at t, shaped as t.
          is_training: Whether dropout is on (needs a Haiku random key).
        """
        raise NotImplementedError
