"""Equations of the few-step papers in NumPy and float64, as they are printed: a second source.

As in `papers`, nothing here knows the package. A walk is (facts, x, times, score, noise) -> samples; `facts`
gives alpha, sigma, drift and g^2 of t. Integrals are SciPy's, linear systems are solved, and inverses are
bracketed, where the package has closed forms or quadratures of its own.
"""

import itertools
import math

import numpy as np
from scipy import integrate, optimize


def x0_hat(facts, x, t, score):
    alpha, sigma = facts(t)[:2]
    return (x + sigma**2 * score(x, t)) / alpha


def lam(facts, t):
    alpha, sigma = facts(t)[:2]
    return math.log(alpha / sigma)


def ddim(eta):
    """Song et al. (2020), equation 12 with sigma of equation 16; abar is alpha^2, and 1 - abar sigma^2."""

    def walk(facts, x, times, score, noise):
        for t, s in itertools.pairwise(times):
            (a_t, s_t), (a_s, s_s) = facts(t)[:2], facts(s)[:2]
            c = eta * s_s / s_t * math.sqrt(s_t**2 - (a_t / a_s) ** 2 * s_s**2)
            eps = -s_t * score(x, t)
            mean = a_s * (x - s_t * eps) / a_t + math.sqrt(s_s**2 - c**2) * eps
            x = mean + c * noise() if c else mean
        return mean

    return walk


def dpm_solver_pp_2m(facts, x, times, score, noise):
    """Lu et al. (2022), Algorithm 2."""
    m = before = x0_hat(facts, x, times[0], score)
    for i in range(1, len(times)):
        (_, s_t), (a_s, s_s) = facts(times[i - 1])[:2], facts(times[i])[:2]
        h = lam(facts, times[i]) - lam(facts, times[i - 1])
        d = m
        if i > 1:
            r = (lam(facts, times[i - 1]) - lam(facts, times[i - 2])) / h
            d = (1 + 1 / (2 * r)) * m - 1 / (2 * r) * before
        x = s_s / s_t * x - a_s * (math.exp(-h) - 1) * d
        if i < len(times) - 1:
            before, m = m, x0_hat(facts, x, times[i], score)
    return x


def sde_dpm_solver_pp(order):
    """Lu et al. (2022), section 5, SDE-DPM-Solver++1 and ++(2M)."""

    def walk(facts, x, times, score, noise):
        before = None
        for i in range(1, len(times)):
            (_, s_t), (a_s, s_s) = facts(times[i - 1])[:2], facts(times[i])[:2]
            h = lam(facts, times[i]) - lam(facts, times[i - 1])
            m = x0_hat(facts, x, times[i - 1], score)
            mean = s_s / s_t * math.exp(-h) * x + a_s * (1 - math.exp(-2 * h)) * m
            if order == 2 and before is not None:
                r = (lam(facts, times[i - 1]) - lam(facts, times[i - 2])) / h
                mean = mean + a_s * (1 - math.exp(-2 * h)) / 2 * (m - before) / r
            x, before = mean + s_s * math.sqrt(1 - math.exp(-2 * h)) * noise(), m
        return mean

    return walk


def dpm_solver_pp(order):
    """Lu et al. (2022), equation 9, its integral by SciPy, of the polynomial through `order` estimates.

    x_s = sigma_s/sigma_t x + sigma_s times the integral of exp(lambda) x0_hat over lambda.
    """

    def walk(facts, x, times, score, noise):
        nodes, known = [], []
        for t, s in itertools.pairwise(times):
            nodes, known = [lam(facts, t), *nodes][:order], [x0_hat(facts, x, t, score), *known][:order]
            a, b = lam(facts, t), lam(facts, s)
            part = sum(_weighed(nodes, j, a, b) * m for j, m in enumerate(known))
            x = facts(s)[1] / facts(t)[1] * x + facts(s)[0] * part
        return x

    return walk


def _weighed(nodes, j, a, b):
    """The integral of exp(v - b) times Lagrange's polynomial, from a to b."""
    return integrate.quad(
        lambda v: math.exp(v - b) * lagrange(nodes, j, v), a, b, epsabs=1e-13, epsrel=1e-12
    )[0]


def lagrange(nodes, j, v):
    """The polynomial that is 1 at node j and 0 at the others."""
    return math.prod((v - node) / (nodes[j] - node) for k, node in enumerate(nodes) if k != j)


def deis(order):
    """Zhang & Chen (2022), equations 14 and 15: exponential Adams-Bashforth in t, its integrals by SciPy."""

    def walk(facts, x, times, score, noise):
        nodes, known = [], []
        for t, s in itertools.pairwise(times):
            nodes, known = [float(t), *nodes][:order], [-facts(t)[1] * score(x, t), *known][:order]
            moved = sum(_moved(facts, nodes, j, t, s) * eps for j, eps in enumerate(known))
            x = facts(s)[0] * (x / facts(t)[0] + moved)
        return x

    return walk


def _moved(facts, nodes, j, t, s):
    """Equation 15, its Psi(s, tau) as alpha_s/alpha_tau, without alpha_s."""

    def integrand(u):
        # In log t, where neither end is steep.
        tau = math.exp(u)
        alpha, sigma, _, g2 = facts(tau)
        return tau / alpha * g2 / (2 * sigma) * lagrange(nodes, j, tau)

    # A table is smooth between its knots, of which there are 50 or 100.
    inside = [k / 100 for k in range(100, 0, -1) if s < k / 100 < t]
    panels = itertools.pairwise(math.log(u) for u in (t, *inside, s))
    return sum(integrate.quad(integrand, *panel, epsabs=1e-10, epsrel=1e-10)[0] for panel in panels)


def unipc(order):
    """Zhao et al. (2023), Algorithms 1 and 2 on x0_hat, B(h) = e^h - 1 with h negative; 1/2 for one weight."""

    def weights(r, h):
        # Equation 5: R rho = phi(h)/B(h), phi_n of e^(-h).
        n = len(r)
        hh, matrix, right = -h, [], []
        part, factorial = math.expm1(hh) / hh - 1, 1
        for k in range(1, n + 1):
            matrix.append([value ** (k - 1) for value in r])
            right.append(part * factorial / math.expm1(hh))
            factorial *= k + 1
            part = part / hh - 1 / factorial
        return [0.5] if n == 1 else np.linalg.solve(matrix, right)

    def walk(facts, x, times, score, noise):
        known = [(lam(facts, times[0]), x0_hat(facts, x, times[0], score))]
        for i in range(1, len(times)):
            t, s = times[i - 1], times[i]
            (here, m0), p = known[0], min(order, i)
            h = lam(facts, s) - here
            r = [(node - here) / h for node, _ in known[1:p]]
            d = [(m - m0) / ratio for (_, m), ratio in zip(known[1:p], r, strict=True)]
            (_, s_t), (a_s, s_s) = facts(t)[:2], facts(s)[:2]
            base = s_s / s_t * x - a_s * math.expm1(-h) * m0
            rho = weights(r, h) if r else []
            predicted = base - a_s * math.expm1(-h) * sum(w * one for w, one in zip(rho, d, strict=True))
            if i == len(times) - 1:
                return predicted
            m = x0_hat(facts, predicted, s, score)
            rho = weights([*r, 1.0], h)
            x = base - a_s * math.expm1(-h) * sum(w * one for w, one in zip(rho, [*d, m - m0], strict=True))
            known = [(lam(facts, s), m), *known]

    return walk


def edm(churn, s_min, s_max, s_noise, t_max):
    """Karras et al. (2022), Algorithm 2, over r = sigma/alpha and y = x/alpha; not beyond t_max."""

    def walk(facts, x, times, score, noise):
        def ratio(t):
            return float(facts(t)[1] / facts(t)[0])

        def slope(y, t):
            alpha, sigma = facts(t)[:2]
            return (y - (alpha * y + sigma**2 * score(alpha * y, t)) / alpha) / (sigma / alpha)

        for t, s in itertools.pairwise(times):
            y, r = x / facts(t)[0], ratio(t)
            gamma = min(churn / (len(times) - 1), math.sqrt(2) - 1) if s_min <= r <= s_max else 0.0
            if gamma:
                higher = min(r * (1 + gamma), ratio(t_max))
                t = _time_of(ratio, higher, t, t_max)
                y = y + math.sqrt(max(higher**2 - r**2, 0.0)) * s_noise * noise()
            elif churn:
                noise()
            d = slope(y, t)
            there = y + (ratio(s) - ratio(t)) * d
            x = facts(s)[0] * (y + (ratio(s) - ratio(t)) * (d / 2 + slope(there, s) / 2))
        return x

    return walk


def _time_of(ratio, value, low, high):
    if value >= ratio(high):
        return high
    return optimize.brentq(lambda u: math.log(ratio(u) / value), low, high, xtol=1e-15, rtol=1e-14)


def euler(facts, x, times, score, noise):
    """Euler's method on Song et al. (2021), equation 13."""
    for t, s in itertools.pairwise(times):
        _, _, f, g2 = facts(t)
        x = x + (s - t) * (f * x - g2 / 2 * score(x, t))
    return x
