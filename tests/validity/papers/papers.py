"""The papers' equations in NumPy and float64, as they are printed: a second source.

Nothing here knows the package. `closed_form` has the marginals of every process; a step is
(x, t, s, score, noise) -> (x at s, the same before noise), elementwise in all its numbers, with
`score` of x and t and `noise()` the next standard normal draw. What the papers write with
indices stands here with times: abar = alpha^2, and from s to t beta = 1 - abar_t / abar_s.
"""

import functools
import itertools
import math

import numpy as np
from scipy import interpolate


def betas_of(name, params):
    """Ho et al. (2020), section 4, at any number of steps; Nichol & Dhariwal (2021), equation 17."""
    n = params.get("steps", 1000)
    if name == "ddpm_linear":
        return np.linspace(params.get("beta_first", 0.1 / n), params.get("beta_last", 20 / n), n)
    level = [math.cos((i / n + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(n + 1)]
    return np.array([min(1 - after / before, 0.999) for before, after in itertools.pairwise(level)])


def closed_form(name, params, t):
    """Returns alpha, sigma, drift and g^2.

    Song et al. (2021), equations 9, 11 and 12 for the SDEs and 29 for the marginals; without the
    sigma_min^2 that equation 29 takes from the variance of VE, as in the authors' code.
    """
    if name in ("ve", "ncsn"):
        low, high = params.get("sigma_min", 0.01), params.get("sigma_max", 20.0 if name == "ve" else 6.0)
        sigma = low * (high / low) ** t
        return np.ones_like(t), sigma, np.zeros_like(t), sigma**2 * 2 * math.log(high / low)
    if name == "edm":
        # Karras et al. (2022), table 1, with time in units of sigma_max.
        high = params.get("sigma_max", 80.0)
        return np.ones_like(t), high * t, np.zeros_like(t), 2 * high**2 * t
    if name == "rectified_flow":
        # Along (1 - t) x_0 + t eps: f = d log alpha / dt, g^2 = d sigma^2 / dt - 2 f sigma^2.
        return 1 - t, t, -1 / (1 - t), 2 * t + 2 * t**2 / (1 - t)
    if name in ("vp", "sub_vp"):
        low, high = params.get("beta_min", 0.1), params.get("beta_max", 20.0)
        beta, b = low + (high - low) * t, low * t + (high - low) * t**2 / 2
    else:
        spline = _joined(name, tuple(params.items()))
        beta, b = spline.derivative()(t), spline(t)
    alpha, variance = np.exp(-b / 2), -np.expm1(-b)
    if name == "sub_vp":
        return alpha, variance, -beta / 2, beta * -np.expm1(-2 * b)
    return alpha, np.sqrt(variance), -beta / 2, beta


@functools.cache
def _joined(name, params):
    """-log abar of a table, joined by a monotone cubic."""
    log = np.concatenate([[0.0], -np.cumsum(np.log(1 - betas_of(name, dict(params))))])
    return interpolate.PchipInterpolator(np.linspace(0, 1, len(log)), log)


def facts_of(name, params):
    """Returns t -> alpha, sigma, drift, g^2, where t = 0 is the data itself."""

    def facts(t):
        t = np.asarray(t, np.float64)
        alpha, sigma, drift, g2 = closed_form(name, params, t)
        return np.where(t == 0, 1.0, alpha), np.where(t == 0, 0.0, sigma), drift, g2

    return facts


def steep(facts):
    """Returns a score that is neither linear nor that of any data, of the right size at any noise."""

    def score(x, t):
        return (np.sin(2.0 * x) - x + 0.3) / (0.5 + facts(t)[1] ** 2)

    return score


def ho(facts, variance):
    """Ho et al. (2020), Algorithm 2, with equation 7's variance ("small") or beta ("large")."""

    def step(x, t, s, score, noise):
        (abar_t, sigma_t), abar_s = (facts(t)[0] ** 2, facts(t)[1]), facts(s)[0] ** 2
        beta = 1 - abar_t / abar_s
        eps = -sigma_t * score(x, t)
        mean = (x - beta / np.sqrt(1 - abar_t) * eps) / np.sqrt(1 - beta)
        spread = beta if variance == "large" else (1 - abar_s) / (1 - abar_t) * beta
        return mean + np.sqrt(spread) * noise(), mean

    return step


def song_ve(facts, variance):
    """Song et al. (2021), appendix F ("small"), and appendix E's reverse diffusion ("large")."""

    def step(x, t, s, score, noise):
        sigma2_t, sigma2_s = facts(t)[1] ** 2, facts(s)[1] ** 2
        gap = sigma2_t - sigma2_s
        mean = x + gap * score(x, t)
        return mean + np.sqrt(gap if variance == "large" else sigma2_s * gap / sigma2_t) * noise(), mean

    return step


def kingma(facts, variance):
    """Kingma et al. (2021), appendix A: q(x_s | x_t, x_0) for any alpha and sigma."""

    def step(x, t, s, score, noise):
        (alpha_t, sigma_t), (alpha_s, sigma_s) = facts(t)[:2], facts(s)[:2]
        ratio = alpha_t / alpha_s
        added = sigma_t**2 - ratio**2 * sigma_s**2
        x0 = (x + sigma_t**2 * score(x, t)) / alpha_t
        mean = ratio * sigma_s**2 / sigma_t**2 * x + alpha_s * added / sigma_t**2 * x0
        spread = added if variance == "large" else added * sigma_s**2 / sigma_t**2
        return mean + np.sqrt(spread) * noise(), mean

    return step


def euler_maruyama(facts):
    """Song et al. (2021), equation 6, by Euler and Maruyama."""

    def step(x, t, s, score, noise):
        _, _, f, g2 = facts(t)
        mean = x - (f * x - g2 * score(x, t)) * (t - s)
        return mean + np.sqrt(g2 * (t - s)) * noise(), mean

    return step


def predictor_corrector(facts, corrections, snr):
    """Song et al. (2021), Algorithms 4 and 5 (alpha_i = 1 - beta_i), with equation 6 as predictor."""
    predict = euler_maruyama(facts)

    def step(x, t, s, score, noise):
        for _ in range(corrections):
            g, z = score(x, t), noise()
            norms = [np.linalg.norm(v, axis=1).mean() for v in (z, g)]
            h = 2 * (facts(t)[0] / facts(s)[0]) ** 2 * (snr * norms[0] / norms[1]) ** 2
            x = x + h * g + np.sqrt(2 * h) * z
        return predict(x, t, s, score, noise)

    return step


def heun(facts):
    """Karras et al. (2022), Algorithm 1, on equation 13 of Song et al. (2021)."""

    def step(x, t, s, score, noise):
        def d(x, t):
            return facts(t)[2] * x - facts(t)[3] / 2 * score(x, t)

        d_t = d(x, t)
        x = x + (s - t) * (d_t / 2 + d(x + (s - t) * d_t, s) / 2)
        return x, x

    return step


def walk(step, x, times, score, noise):
    """Returns x at the end of descending times, without the noise of the last step."""
    mean = x
    for t, s in itertools.pairwise(times):
        x, mean = step(x, t, s, score, noise)
    return mean


def annealed_langevin(x, sigmas, times, steps, epsilon, denoise, score, noise):
    """Song & Ermon (2019), Algorithm 1, over descending sigmas; then Jolicoeur-Martineau's denoising."""
    for sigma, t in zip(sigmas, times, strict=True):
        a = epsilon * sigma**2 / sigmas[-1] ** 2
        for _ in range(steps):
            x = x + a / 2 * score(x, t) + np.sqrt(a) * noise()
    return x + sigmas[-1] ** 2 * score(x, times[-1]) if denoise else x


def variance_after(step, facts, data, times):
    """Returns the variance at the end of a walk from p_T, for data N(0, data) and its exact score.

    With a linear score each step is x -> a x + b z, so that v -> a^2 v + b^2: a is the step of 1
    without noise and b that of 0 with a noise of 1, and b counts in every step but the last.
    """
    alpha, sigma, _, _ = facts(times)
    variance = alpha**2 * data + sigma**2

    def score(x, t):
        alpha, sigma, _, _ = facts(t)
        return -x / (alpha**2 * data + sigma**2)

    t, s = times[:-1], times[1:]
    a = step(np.ones_like(t), t, s, score, lambda: 0.0)[1]
    b = step(np.zeros_like(t), t, s, score, lambda: 1.0)[0]
    b[-1] = 0.0
    v = float(variance[0])
    for a_i, b_i in zip(a.tolist(), b.tolist(), strict=True):
        v = a_i**2 * v + b_i**2
    return v
