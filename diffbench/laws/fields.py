"""Laws of images on a torus, diagonal under the FFT: a template at every shift, and a random field.

A translation of the torus is a product in Fourier space, so what would take D^2 numbers takes
D log D: the squared distances of an image to all D shifts of a template are one cross-correlation,

  |y - T_k|^2 = |y|^2 + |T|^2 - 2 (y * T)(k),

and the covariance of a stationary field is its power spectrum.
"""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, PRNGKey
from diffbench.laws.base import LOG_2PI, pytree
from diffbench.laws.potentials import General, Spherical
from diffbench.pairwise import by_rows


def as_images(y: Array, like: Array) -> Array:
    """Returns points `[n, H W]` as images `[n, H, W]`, the size of `like`."""
    chex.assert_rank(y, 2)
    return y.reshape(-1, *like.shape)


def shifts_of(template: np.ndarray) -> np.ndarray:
    """Returns a template `[H, W]` at every shift of its torus, `[H W, H W]`, row shifts first."""
    height, width = template.shape
    rolled = [np.roll(template, (i, j), (0, 1)) for i in range(height) for j in range(width)]
    return np.stack(rolled).reshape(height * width, -1)


@pytree
class ShiftedTemplate:
    """A template at every shift of a torus, all alike, with white noise: D modes in D dimensions.

    Attributes:
      template: `[H, W]`.
      variance: Variance of the noise, `[]`.
    """

    template: Array
    variance: Array

    @property
    def log_weights(self) -> Array:
        """Log of the share of each shift, `[D]`."""
        return jnp.full(self.template.size, -jnp.log(float(self.template.size)))

    def _shifted(self, down: Array, right: Array) -> Array:
        """Returns the template at shifts `[n]` each, `[n, H, W]`."""
        height, width = self.template.shape
        # Gathered by index, n templates: all D shifts at once would be D^2 numbers.
        rows = (jnp.arange(height) - down[:, None]) % height
        columns = (jnp.arange(width) - right[:, None]) % width
        return self.template[rows[:, :, None], columns[:, None, :]]

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        key_shift, key_eps = jax.random.split(key)
        shift = jax.random.randint(key_shift, (n,), 0, self.template.size)
        points = self._shifted(*jnp.divmod(shift, self.template.shape[1])).reshape(n, -1)
        return points + jnp.sqrt(self.variance) * jax.random.normal(key_eps, points.shape, points.dtype)

    def _match(self, images: Array) -> tuple[Array, Array]:
        """Returns |y - T_k|^2 less that of the nearest shift, `[n, H, W]`, and that one, `[n]`.

        The nearest is measured by differences: by correlations alone its digits would be lost
        where noise is small.
        """
        # The conjugate makes the product a correlation: y . T_k at every shift k.
        spectrum = jnp.conj(jnp.fft.rfft2(self.template))
        match = jnp.fft.irfft2(jnp.fft.rfft2(images) * spectrum, s=self.template.shape)
        best = match.reshape(match.shape[0], -1).argmax(axis=1)
        nearest = self._shifted(*jnp.divmod(best, self.template.shape[1]))
        top = match.max(axis=(1, 2), keepdims=True)
        # |y|^2 + |T|^2 is that of every shift: it cancels here, and is never added to be taken off again.
        return 2.0 * (top - match), ((images - nearest) ** 2).sum(axis=(1, 2))

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""
        v, dim = self.variance + s**2, self.template.size

        def rows(y: Array) -> Array:
            more, least = self._match(as_images(y, self.template))
            # The nearest shift has 0 here, so the sum lies between 1 and D however small the noise.
            total = jax.nn.logsumexp(-0.5 * more.reshape(y.shape[0], -1) / v, axis=1)
            return total - 0.5 * least / v - jnp.log(float(dim)) - 0.5 * dim * (LOG_2PI + jnp.log(v))

        return by_rows(rows, y, terms=4 * dim)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""
        v = self.variance + s**2

        def rows(y: Array) -> Array:
            # The distance of the nearest is one number a row, which a softmax does not see.
            more, _ = self._match(as_images(y, self.template))
            share = jax.nn.softmax(-0.5 * more.reshape(y.shape[0], -1) / v, axis=1).reshape(more.shape)
            # Without the conjugate it is a convolution: the mean of the shifts, sum_k share_k T_k.
            product = jnp.fft.rfft2(share) * jnp.fft.rfft2(self.template)
            mean = jnp.fft.irfft2(product, s=self.template.shape)
            return (mean.reshape(y.shape) - y) / v

        return by_rows(rows, y, terms=4 * self.template.size)

    def mahalanobis(self, y: Array) -> Array:
        """Returns the squared Mahalanobis distance to each shift, `[n, D]`."""
        more, least = self._match(as_images(y, self.template))
        return (more.reshape(y.shape) + least[:, None]) / self.variance

    def responsibilities(self, y: Array) -> Array:
        """Returns the probability of each shift given y, `[n, D]`."""
        return jax.nn.softmax(-0.5 * self.mahalanobis(y), axis=1)

    def components(self, spacing: float) -> Spherical:
        """See `Law.components`."""
        means = shifts_of(np.asarray(self.template, np.float64))
        count = len(means)
        variances = np.full(count, float(np.asarray(self.variance, np.float64)))
        return Spherical(means, np.full(count, 1.0 / count), variances)


def hartley(x: Array) -> Array:
    """Returns the orthonormal Hartley transform of images `[..., H, W]`: real, its own inverse.

    References:
      Bracewell (1983), Discrete Hartley transform.
    """
    # NumPy's kernel is exp(-i angle), so real less imaginary part has cos + sin.
    transformed = jnp.fft.fft2(x, norm="ortho")
    return transformed.real - transformed.imag


@pytree
class RandomField:
    """A stationary Gaussian field on a torus, mean 0.

    Attributes:
      power: Variance of each frequency, `[H, W]`, even: power[k] = power[-k].
    """

    power: Array

    def sample(self, key: PRNGKey, n: int) -> Array:
        """See `Law.sample`."""
        # A wave mixes the frequencies k and -k, which have one power: so its variance is power[k].
        white = jax.random.normal(key, (n, *self.power.shape), self.power.dtype)
        return hartley(jnp.sqrt(self.power) * white).reshape(n, -1)

    def log_prob(self, y: Array, s: Array) -> Array:
        """See `Law.log_prob`."""
        # White noise stays white under an orthonormal transform: blur adds s^2 to every frequency.
        v = self.power + s**2

        def rows(y: Array) -> Array:
            square = (hartley(as_images(y, v)) ** 2 / v).sum(axis=(1, 2))
            return -0.5 * (square + jnp.log(v).sum() + v.size * LOG_2PI)

        return by_rows(rows, y, terms=4 * self.power.size)

    def score(self, y: Array, s: Array) -> Array:
        """See `Law.score`."""
        v = self.power + s**2

        def rows(y: Array) -> Array:
            return -hartley(hartley(as_images(y, v)) / v).reshape(y.shape)

        return by_rows(rows, y, terms=4 * self.power.size)

    def components(self, spacing: float) -> General:
        """See `Law.components`."""
        power = np.asarray(self.power, np.float64)
        axes = hartley_axes(*power.shape)
        return General(np.zeros((1, power.size)), np.ones(1), axes[None], power.reshape(1, -1))


def hartley_axes(height: int, width: int) -> np.ndarray:
    """Returns the orthonormal waves of the Hartley transform as columns, `[H W, H W]`, float64."""
    row, column = (2.0 * np.pi * np.outer(np.arange(k), np.arange(k)) / k for k in (height, width))
    angle = row[:, None, :, None] + column[None, :, None, :]
    waves = (np.cos(angle) + np.sin(angle)) / np.sqrt(height * width)
    return waves.reshape(height * width, -1)
