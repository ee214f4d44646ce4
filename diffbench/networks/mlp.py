"""The shared score network: one MLP that every family trains.

The network must resolve the noise level: sinusoids of raw t in [0, 1] hardly vary.
It is therefore told log(sigma/alpha)/4 by default, the same number in every process,
and its input is scaled to unit variance, so that VE at sigma = 20 is as trainable as
VP.
"""

from __future__ import annotations

from collections.abc import Sequence

import chex
import haiku as hk
import jax.numpy as jnp

from diffbench import checks
from diffbench.contracts import Array
from diffbench.networks.base import (
    ACTIVATIONS,
    NETWORKS,
    Network,
    check_shared,
    concatenated,
    eps_from_output,
    fourier,
    sinusoidal,
)


@NETWORKS.register("mlp")
class ScoreNetwork(Network):
    """An MLP from noisy points and their noise level to an estimate of eps."""

    def __init__(
        self,
        *,
        widths: Sequence[int] = (128, 128, 128),
        blocks: str = "residual",
        activation: str = "gelu",
        layer_norm: bool = False,
        dropout: float = 0.0,
        embedding: str = "sinusoidal",
        embedding_width: int = 128,
        fourier_spread: float = 1.0,
        scale_input: bool = True,
        output: str = "eps",
        name: str | None = None,
    ):
        """Describes the network.

        Args:
          widths: Width of each layer ("plain"), or of the stem and each block, all
            equal ("residual").
          blocks: "plain" layers or "residual" blocks (linear, activation, linear).
          activation: "gelu", "relu" or "silu".
          layer_norm: Whether each layer or block normalises.
          dropout: Share of activations dropped in training, in [0, 1).
          embedding: "sinusoidal" or "fourier" of log(sigma/alpha)/4, or
            "concatenate", which appends [t - 1/2, cos 2 pi t] to the input.
          embedding_width: Width of the embedding, even.
          fourier_spread: Standard deviation of the Fourier frequencies.
          scale_input: Whether the input is divided by sqrt(alpha^2 + sigma^2).
          output: What the last layer stands for: "eps", "x0", "v", "edm" or "score".
          name: Haiku name.
        """
        super().__init__(name=name)
        if not isinstance(widths, list | tuple):
            raise TypeError(f"widths must be a list of whole numbers; got {widths!r}")
        for width in widths:
            checks.count("each of widths", width)
        checks.flag(layer_norm=layer_norm, scale_input=scale_input)
        checks.choice("blocks", blocks, ("plain", "residual"))
        if not widths or (blocks == "residual" and len({*widths}) > 1):
            raise ValueError(f"widths must be given, and equal for residual blocks; got {list(widths)}")
        checks.choice("activation", activation, tuple(ACTIVATIONS))
        checks.choice("embedding", embedding, ("sinusoidal", "fourier", "concatenate"))
        check_shared(output, embedding_width, fourier_spread, dropout)
        self._widths = tuple(widths)
        self._residual = blocks == "residual"
        self._activate = ACTIVATIONS[activation]
        self._layer_norm = layer_norm
        self._dropout = dropout
        self._embedding = embedding
        self._embedding_width = embedding_width
        self._fourier_spread = fourier_spread
        self._scale_input = scale_input
        self._output = output

    def __call__(self, x: Array, t: Array, alpha: Array, sigma: Array, is_training: bool = False) -> Array:
        """See `Network.__call__`."""
        chex.assert_rank(x, 2)
        chex.assert_equal_shape([t, alpha, sigma])
        column = (lambda a: a) if t.ndim == 0 else (lambda a: a[:, None])
        h = x / column(jnp.sqrt(alpha**2 + sigma**2)) if self._scale_input else x
        raw = hk.Linear(x.shape[1], name="head")(self._trunk(h, t, alpha, sigma, is_training))
        return eps_from_output(self._output, raw, x, column(alpha), column(sigma))

    def _trunk(self, h: Array, t: Array, alpha: Array, sigma: Array, is_training: bool) -> Array:
        level = jnp.log(sigma / alpha) / 4.0
        if self._embedding == "concatenate":
            told = jnp.broadcast_to(concatenated(t), (h.shape[0], 2))
            h = hk.Linear(self._widths[0], name="stem")(jnp.concatenate([h, told], axis=-1))
        else:
            if self._embedding == "fourier":
                told = fourier(level, self._embedding_width, self._fourier_spread)
            else:
                told = sinusoidal(level, self._embedding_width)
            h = hk.Linear(self._widths[0], name="stem")(h)
            h = h + hk.Linear(self._widths[0], name="level")(told)
        if self._residual:
            for i, width in enumerate(self._widths[1:]):
                h = h + self._block(h, width, i, is_training)
            return self._activate(h)
        h = self._finish(h, 0, is_training)
        for i, width in enumerate(self._widths[1:], start=1):
            h = self._finish(hk.Linear(width, name=f"layer_{i}")(h), i, is_training)
        return h

    def _finish(self, h: Array, i: int, is_training: bool) -> Array:
        """Normalises (if asked), activates and drops out, after a plain layer."""
        if self._layer_norm:
            h = hk.LayerNorm(-1, create_scale=True, create_offset=True, name=f"norm_{i}")(h)
        return self._drop(self._activate(h), is_training)

    def _block(self, h: Array, width: int, i: int, is_training: bool) -> Array:
        if self._layer_norm:
            h = hk.LayerNorm(-1, create_scale=True, create_offset=True, name=f"norm_{i}")(h)
        h = self._activate(hk.Linear(width, name=f"block_{i}_in")(self._activate(h)))
        # A small initial scale starts each block near the identity.
        small = hk.initializers.VarianceScaling(0.01, "fan_in", "truncated_normal")
        return hk.Linear(width, w_init=small, name=f"block_{i}_out")(self._drop(h, is_training))

    def _drop(self, h: Array, is_training: bool) -> Array:
        if is_training and self._dropout > 0.0:
            return hk.dropout(hk.next_rng_key(), self._dropout, h)
        return h
