"""A U-Net for images: residual blocks at falling resolutions, and back up beside what was there.

By the contract of every network it takes points `[n, D]`, which it reads as images (H, W, C), and a
noise level, which it is told as log(sigma/alpha)/4 in Gaussian Fourier features; it returns an
estimate of eps. Normalisation is by groups of channels of one image, so that no image depends on the
company that it is in.

References:
  Ronneberger et al. (2015), for the shape; Ho et al. (2020), appendix B, for its blocks;
  Song et al. (2021), appendix C.2, for the features. The tutorial divides its output by
  the standard deviation of the noise, which is an estimate of eps by another name.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import chex
import haiku as hk
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import Array
from diffbench.networks.base import ACTIVATIONS, NETWORKS, Network, check_shared, eps_from_output, fourier
from diffbench.networks.convolution import SIDE, Conv
from diffbench.spec import Json

# A residual branch starts near nothing, and so does the output.
SMALL = 0.01


def image_shape(dim: int, image: Sequence[int] | None = None) -> tuple[int, int, int]:
    """Returns what (H, W, C) points of D numbers are.

    Args:
      dim: D.
      image: (H, W, C), or None: a square grey image where D is a square, else one row of D pixels.

    Raises:
      ValueError: If the image has not D numbers.
    """
    if image is None:
        side = math.isqrt(dim)
        return (side, side, 1) if side * side == dim else (1, dim, 1)
    height, width, channels = image
    if height * width * channels != dim:
        raise ValueError(f"image must hold the D = {dim} numbers of a point; got {list(image)}")
    return height, width, channels


@NETWORKS.register("unet")
class UNet(Network):
    """A U-Net from noisy images and their noise level to an estimate of eps."""

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64, 64),
        depth: int = 1,
        groups: int = 8,
        activation: str = "silu",
        dropout: float = 0.0,
        embedding_width: int = 128,
        fourier_spread: float = 1.0,
        scale_input: bool = True,
        output: str = "eps",
        image: Sequence[int] | None = None,
        name: str | None = None,
    ):
        """Describes the network.

        Args:
          channels: Channels at each resolution, the finest first; each next one has half the side.
          depth: Residual blocks at each resolution, on the way down and on the way up.
          groups: Groups of channels that are normalised together; each of `channels` is a multiple.
          activation: "gelu", "relu" or "silu".
          dropout: Share of activations dropped in training, in [0, 1).
          embedding_width: Width of the noise level's Fourier features, even.
          fourier_spread: Standard deviation of their frequencies.
          scale_input: Whether the input is divided by sqrt(alpha^2 + sigma^2).
          output: What the last layer stands for: "eps", "x0", "v", "edm" or "score".
          image: [H, W, C], or nothing: see `image_shape`.
          name: Haiku name.
        """
        super().__init__(name=name)
        if not isinstance(channels, list | tuple) or not channels:
            raise TypeError(f"channels must be a list of whole numbers; got {channels!r}")
        checks.count("groups", groups)
        for width in channels:
            checks.count("each of channels", width)
            if width % groups:
                raise ValueError(f"each of channels must be a multiple of groups = {groups}; got {width}")
        if image is not None:
            if not isinstance(image, list | tuple) or len(image) != 3:
                raise TypeError(f"image must be a list of height, width and channels; got {image!r}")
            for side in image:
                checks.count("each of image", side)
        checks.count("depth", depth)
        checks.flag(scale_input=scale_input)
        checks.choice("activation", activation, tuple(ACTIVATIONS))
        check_shared(output, embedding_width, fourier_spread, dropout)
        self._channels = tuple(channels)
        self._depth = depth
        self._groups = groups
        self._activate = ACTIVATIONS[activation]
        self._dropout = dropout
        self._embedding_width = embedding_width
        self._fourier_spread = fourier_spread
        self._scale_input = scale_input
        self._output = output
        self._image = None if image is None else tuple(image)

    @classmethod
    def held(cls, dim: int, params: Json) -> int:
        """See `Network.held`: the views of the widest convolution."""
        height, width, _ = image_shape(dim, params.get("image"))
        first, *rest = params["channels"]
        return height * width * SIDE * SIDE * (first + (rest[0] if rest else first))

    def __call__(self, x: Array, t: Array, alpha: Array, sigma: Array, is_training: bool = False) -> Array:
        """See `Network.__call__`."""
        chex.assert_rank(x, 2)
        chex.assert_equal_shape([t, alpha, sigma])
        shape = image_shape(x.shape[1], self._image)
        column = (lambda a: a) if t.ndim == 0 else (lambda a: a[:, None])
        h = x / column(jnp.sqrt(alpha**2 + sigma**2)) if self._scale_input else x
        told = fourier(jnp.log(sigma / alpha) / 4.0, self._embedding_width, self._fourier_spread)
        # Every block adds its own view of the level to all pixels.
        level = self._activate(hk.Linear(2 * self._channels[0], name="level")(told))
        images = self._trunk(h.reshape(-1, *shape), jnp.atleast_2d(level), is_training)
        raw = Conv(shape[2], scale=SMALL, name="head")(images).reshape(x.shape)
        return eps_from_output(self._output, raw, x, column(alpha), column(sigma))

    def _trunk(self, h: Array, level: Array, is_training: bool) -> Array:
        numbers = itertools.count()

        def block(h: Array, width: int) -> Array:
            return self._block(h, level, width, f"block_{next(numbers)}", is_training)

        h = Conv(self._channels[0], name="stem")(h)
        beside = []
        for number, width in enumerate(self._channels):
            for _ in range(self._depth):
                h = block(h, width)
                beside.append(h)
            if number + 1 < len(self._channels):
                h = halved(h)
        h = block(h, self._channels[-1])
        for width in reversed(self._channels):
            for _ in range(self._depth):
                other = beside.pop()
                if h.shape[1:3] != other.shape[1:3]:
                    h = doubled(h, other.shape[1], other.shape[2])
                h = block(jnp.concatenate([h, other], axis=-1), width)
        return self._activate(self._norm(h, "head_norm"))

    def _norm(self, h: Array, name: str) -> Array:
        return hk.GroupNorm(self._groups, name=name)(h)

    def _block(self, h: Array, level: Array, width: int, name: str, is_training: bool) -> Array:
        """Returns h, or a mixture of its channels, plus a branch of two convolutions."""
        channels = h.shape[-1]
        # What was put side by side may not divide into the groups; its greatest common part does.
        groups = math.gcd(self._groups, channels)
        branch = self._activate(hk.GroupNorm(groups, name=f"{name}_norm_in")(h))
        branch = Conv(width, name=f"{name}_in")(branch)
        branch = branch + hk.Linear(width, name=f"{name}_level")(level)[:, None, None]
        branch = self._activate(self._norm(branch, f"{name}_norm_out"))
        if is_training and self._dropout > 0.0:
            branch = hk.dropout(hk.next_rng_key(), self._dropout, branch)
        branch = Conv(width, scale=SMALL, name=f"{name}_out")(branch)
        if channels != width:
            h = hk.Linear(width, name=f"{name}_skip")(h)
        return h + branch


def halved(h: Array) -> Array:
    """Returns images of half the side, means of 2x2 pixels; what has no partner stands for two."""
    _, height, width, _ = h.shape
    h = jnp.pad(h, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return 0.25 * (h[:, ::2, ::2] + h[:, 1::2, ::2] + h[:, ::2, 1::2] + h[:, 1::2, 1::2])


def doubled(h: Array, height: int, width: int) -> Array:
    """Returns images of twice the side, each pixel four times, cut to a height and a width."""
    return jnp.repeat(jnp.repeat(h, 2, axis=1), 2, axis=2)[:, :height, :width]
