"""Laws on a torus against the same laws written without FFT, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from diffbench.laws.fields import RandomField, ShiftedTemplate, hartley, hartley_axes, shifts_of

SHAPE = (4, 6)
DIM = 24
TEMPLATE = np.random.default_rng(0).normal(size=SHAPE)
CYCLES = [np.fft.fftfreq(k, 1.0 / k) for k in SHAPE]
POWER = 1.0 / (1.0 + CYCLES[0][:, None] ** 2 + CYCLES[1] ** 2)


def points(n=30, seed=1):
    return np.random.default_rng(seed).normal(size=(n, DIM)) + TEMPLATE.ravel()


def gradient_of(law, y, s):
    return np.asarray(jax.grad(lambda y: law.log_prob(y, s).sum())(y))


@pytest.mark.slow
@pytest.mark.parametrize("blur", [0.0, 0.5, 10.0])
def test_a_shifted_template_is_a_mixture_of_its_shifts(blur):
    y, variance = points(), 0.2 + blur**2
    means = shifts_of(TEMPLATE)
    square = ((y[:, None] - means) ** 2).sum(axis=2)
    log_prob = special.logsumexp(-0.5 * square / variance, axis=1) - np.log(DIM)
    log_prob -= 0.5 * DIM * np.log(2.0 * np.pi * variance)
    with jax.enable_x64(True):
        law, y, s = (
            ShiftedTemplate(jnp.asarray(TEMPLATE), jnp.asarray(0.2)),
            jnp.asarray(y),
            jnp.asarray(blur),
        )
        assert np.asarray(law.log_prob(y, s)) == pytest.approx(log_prob, rel=1e-10)
        assert np.asarray(law.score(y, s)) == pytest.approx(gradient_of(law, y, s), rel=1e-8, abs=1e-9)
        assert np.asarray(law.mahalanobis(y)) == pytest.approx(square / 0.2, rel=1e-10)
        shares = special.softmax(-0.5 * square / 0.2, axis=1)
        assert np.asarray(law.responsibilities(y)) == pytest.approx(shares, abs=1e-12)


@pytest.mark.slow
def test_shifting_an_image_shifts_its_score():
    law, s = ShiftedTemplate(jnp.asarray(TEMPLATE, float), jnp.asarray(0.2)), jnp.asarray(0.3)
    y = points(4).reshape(-1, *SHAPE)
    moved = np.roll(y, (1, 2), (1, 2))
    score, of_moved = (
        np.asarray(law.score(jnp.asarray(a.reshape(4, -1), float), s)).reshape(y.shape) for a in (y, moved)
    )
    assert np.roll(score, (1, 2), (1, 2)) == pytest.approx(of_moved, rel=1e-4, abs=1e-4)


@pytest.mark.slow
def test_every_shift_is_drawn_alike():
    law = ShiftedTemplate(jnp.asarray(TEMPLATE, float), jnp.asarray(1e-4))
    x = np.asarray(law.sample(jax.random.key(0), 4800))
    which = ((x[:, None] - shifts_of(TEMPLATE)) ** 2).sum(axis=2).argmin(axis=1)
    counts = np.bincount(which, minlength=DIM)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_the_hartley_transform_is_its_own_inverse_and_the_axes_are_its_waves():
    x = np.random.default_rng(3).normal(size=(2, *SHAPE))
    with jax.enable_x64(True):
        there = np.asarray(hartley(jnp.asarray(x)))
        assert np.asarray(hartley(jnp.asarray(there))) == pytest.approx(x, abs=1e-12)
    assert there.reshape(2, -1) == pytest.approx(x.reshape(2, -1) @ hartley_axes(*SHAPE), abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("blur", [0.0, 0.5, 10.0])
def test_a_random_field_is_a_gaussian_with_its_covariance(blur):
    axes = hartley_axes(*SHAPE)
    covariance = (axes * (POWER.ravel() + blur**2)) @ axes.T
    # Stationary: each row is the first one, shifted.
    first = covariance[0].reshape(SHAPE)
    assert covariance[8].reshape(SHAPE) == pytest.approx(np.roll(first, (1, 2), (0, 1)))
    y = points()
    with jax.enable_x64(True):
        law, at, s = RandomField(jnp.asarray(POWER)), jnp.asarray(y), jnp.asarray(blur)
        wanted = stats.multivariate_normal(np.zeros(DIM), covariance).logpdf(y)
        assert np.asarray(law.log_prob(at, s)) == pytest.approx(wanted, rel=1e-10)
        assert np.asarray(law.score(at, s)) == pytest.approx(
            -y @ np.linalg.inv(covariance), rel=1e-8, abs=1e-9
        )


@pytest.mark.slow
def test_draws_of_a_random_field_have_its_covariance():
    x = np.asarray(RandomField(jnp.asarray(POWER, float)).sample(jax.random.key(0), 40_000), np.float64)
    axes = hartley_axes(*SHAPE)
    assert np.cov(x.T) == pytest.approx((axes * POWER.ravel()) @ axes.T, abs=0.02)
