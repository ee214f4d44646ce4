"""One 3x3 convolution, written as each kind of device runs it best.

XLA's CPU convolution inside a scan, where all training is, is 20 to 40 times slower than outside it
(benchmarks/convolutions.py). Nine shifted views of the padded images beside one another and one matrix
product are as fast in either, so that is the convolution on a CPU. Elsewhere it is `lax.conv`.
The parameters are the same, the results equal to rounding.
"""

from __future__ import annotations

import haiku as hk
import jax
import jax.numpy as jnp

from diffbench.contracts import Array

SIDE = 3


def by_views(x: Array, w: Array) -> Array:
    """Returns the convolution as one product of shifted views, `[n, H, W, out]`.

    Args:
      x: Images, `[n, H, W, in]`.
      w: `[3, 3, in, out]`.
    """
    _, height, width, channels = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    views = [padded[:, i : i + height, j : j + width] for i in range(SIDE) for j in range(SIDE)]
    return jnp.concatenate(views, axis=-1) @ w.reshape(SIDE * SIDE * channels, -1)


def by_xla(x: Array, w: Array) -> Array:
    """Returns the same by XLA's own convolution; arguments as `by_views`."""
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers)


class Conv(hk.Module):
    """A 3x3 convolution, zeros around, images `[n, H, W, in]` -> `[n, H, W, out]`."""

    def __init__(self, channels: int, *, scale: float = 1.0, name: str | None = None):
        """Describes the convolution.

        Args:
          channels: Channels out.
          scale: Variance of the initial weights times the number of what each output adds up.
          name: Haiku name.
        """
        super().__init__(name=name)
        self._channels = channels
        self._scale = scale

    def __call__(self, x: Array) -> Array:
        """Returns the convolved images."""
        start = hk.initializers.VarianceScaling(self._scale, "fan_in", "truncated_normal")
        w = hk.get_parameter("w", (SIDE, SIDE, x.shape[-1], self._channels), x.dtype, init=start)
        b = hk.get_parameter("b", (self._channels,), x.dtype, init=jnp.zeros)
        convolve = by_views if jax.default_backend() == "cpu" else by_xla
        return convolve(x, w) + b
