"""Steps of the papers in NumPy and float64: what any sampler should have done from where it was.

From the points, noise levels and estimates of a walk each equation says where ask k leads, so that a step
is judged on its own: what went wrong before it is in its points. r = sigma/alpha. Nothing here knows the
package or anybody's sampler.

References:
  Ho et al. (2020), equations 6, 7. Song et al. (2020), equation 12. Lu et al. (2022, DPM-Solver++),
  Algorithm 2 and section 5. Zhao et al. (2023), Algorithms 1 and 2. Zhang & Chen (2022), equations 14, 15.
  Karras et al. (2022), Algorithm 2. Liu et al. (2022), equations 9, 12 and 13. Hochbruck & Ostermann
  (2010), section 2.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from public_walks import Equation, Level, Walk

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
NODES, WEIGHTS = 0.5 * (1.0 + _NODES), 0.5 * _WEIGHTS


def moved(x: np.ndarray, eps: np.ndarray, a: Level, b: Level) -> np.ndarray:
    """Song et al., equation 12 without noise; Liu et al., equation 9, is the same."""
    return b.alpha * (x - a.sigma * eps) / a.alpha + b.sigma * eps


def ddim(walk: Walk, k: int) -> np.ndarray:
    """Song et al., equation 12, eta = 0; Euler's method over r is the same."""
    return moved(walk.x[k], walk.eps[k], walk.levels[k], walk.levels[k + 1])


def ancestral(walk: Walk, k: int) -> np.ndarray:
    """Ho et al., equations 6 and 7 for the stride that is taken; DDIM with eta = 1 is the same."""
    (a_t, s_t, _), (a_s, s_s, _) = walk.levels[k], walk.levels[k + 1]
    # sigma_t^2 - (alpha_t/alpha_s)^2 sigma_s^2 is the beta of the stride, 1 - (alpha_t/alpha_s)^2.
    beta = -math.expm1(2.0 * (math.log(a_t) - math.log(a_s)))
    mean = a_s * beta / s_t**2 * walk.x0(k) + a_t / a_s * (s_s / s_t) ** 2 * walk.x[k]
    return mean + math.sqrt(beta) * s_s / s_t * walk.noises[k] if s_s else mean


def lagrange(at: list[float], j: int, points: np.ndarray) -> np.ndarray:
    """The polynomial that is 1 at node j and 0 at the others."""
    value = np.ones_like(points)
    for m, node in enumerate(at):
        if m != j:
            value = value * (points - node) / (at[j] - node)
    return value


def dpm_solver_pp(
    orders: list[int], *, sde: bool = False, halved: bool = False, line: bool = False
) -> Equation:
    """Lu et al., Algorithm 2 for order 2 and section 5 for the SDE; order 3 integrates the parabola.

    Args:
      orders: Order of each step.
      sde: Whether noise is drawn.
      halved: Order 3 with half the weight of the second difference.
      line: Order 2 integrates the line through two estimates, where Algorithm 2 has half a difference.
    """

    def equation(walk: Walk, k: int) -> np.ndarray:
        a, b = walk.levels[k], walk.levels[k + 1]
        h, m = b.half - a.half, walk.x0(k)
        order = min(orders[k], k + 1)
        gain = -math.expm1(-2.0 * h if sde else -h)
        x = b.sigma / a.sigma * (math.exp(-h) if sde else 1.0) * walk.x[k] + b.alpha * gain * m
        if order > 1:
            first = (m - walk.x0(k - 1)) / (a.half - walk.levels[k - 1].half)
        if order == 2:
            x = x + b.alpha * (_line(h) if line else gain * 0.5 * h) * first
        if order == 3:
            nodes = [walk.levels[k - j].half for j in range(3)]
            before = (walk.x0(k - 1) - walk.x0(k - 2)) / (nodes[1] - nodes[2])
            second = (first - before) / (nodes[0] - nodes[2])
            along, decay = h * NODES, h * WEIGHTS * np.exp(-h * (1.0 - NODES))
            # Newton's form of the parabola: first u + second u (u + h_previous), u from this time on.
            tangent = first + second * (nodes[0] - nodes[1])
            bent = (decay * along**2).sum() * (0.5 if halved else 1.0)
            x = x + b.alpha * ((decay * along).sum() * tangent + bent * second)
        if sde:
            x = x + b.sigma * math.sqrt(-math.expm1(-2.0 * h)) * walk.noises[k]
        return x

    return equation


def _line(h: float) -> float:
    """The integral of u exp(u - h) over u from 0 to h."""
    return float((h * WEIGHTS * np.exp(-h * (1.0 - NODES)) * h * NODES).sum())


def deis_log_r(orders: list[int]) -> Equation:
    """Exponential Adams-Bashforth on eps, its polynomial in log r: what diffusers calls "logrho"."""

    def equation(walk: Walk, k: int) -> np.ndarray:
        a, b = walk.levels[k], walk.levels[k + 1]
        at = [-walk.levels[k - j].half for j in range(min(orders[k], k + 1))]
        h = -b.half - at[0]
        places = at[0] + h * NODES
        weights = [(h * WEIGHTS * np.exp(places) * lagrange(at, j, places)).sum() for j in range(len(at))]
        y = walk.x[k] / a.alpha + sum(w * walk.eps[k - j] for j, w in enumerate(weights))
        return b.alpha * y

    return equation


def deis_t(orders: list[int], r_rate: Callable[[float, float], tuple[np.ndarray, np.ndarray]]) -> Equation:
    """Zhang & Chen, equations 14 and 15: the polynomial in t.

    Args:
      orders: Order of each step.
      r_rate: (t, s) -> nodes between, and weights times dr/dt there.
    """

    def equation(walk: Walk, k: int) -> np.ndarray:
        a, b = walk.levels[k], walk.levels[k + 1]
        at = [walk.levels[k - j].t for j in range(min(orders[k], k + 1))]
        tau, measure = r_rate(a.t, b.t)
        weights = [(measure * lagrange(at, j, tau)).sum() for j in range(len(at))]
        return b.alpha * (walk.x[k] / a.alpha + sum(w * walk.eps[k - j] for j, w in enumerate(weights)))

    return equation


def unipc(orders: list[int]) -> Equation:
    """Zhao et al., Algorithms 1 and 2 on x_0, B(h) = expm1(-h), and 1/2 for one weight (section 3.4).

    The corrected point of a step is not asked: it is what, by the equation, led to the next ask.
    """

    def parts(walk: Walk, k: int, *, ahead: bool) -> tuple[float, np.ndarray]:
        a, b, p = walk.levels[k], walk.levels[k + 1], min(orders[k], k + 1)
        h, m = b.half - a.half, walk.x0(k)
        r = [(walk.levels[k - j].half - a.half) / h for j in range(1, p)]
        d = [(walk.x0(k - j) - m) / r[j - 1] for j in range(1, p)]
        if ahead:
            r, d = [*r, 1.0], [*d, walk.x0(k + 1) - m]
        gain = -b.alpha * math.expm1(-h)
        more = sum((w * one for w, one in zip(_weights(r, h), d, strict=True)), np.zeros_like(m))
        return b.sigma / a.sigma, gain * (m + more)

    def equation(walk: Walk, k: int) -> np.ndarray:
        keep, predicted = parts(walk, k, ahead=False)
        if k == 0:
            return keep * walk.x[0] + predicted
        kept = walk.x[k] - parts(walk, k - 1, ahead=False)[1]
        return keep * (kept + parts(walk, k - 1, ahead=True)[1]) + predicted

    return equation


def _weights(r: list[float], h: float) -> np.ndarray:
    if len(r) < 2 or math.isinf(h):
        return np.full(len(r), 0.5)
    # Equation 5: R rho = phi(h)/B(h), phi_n of e^(-h).
    hh, rows, right = -h, [], []
    part, factorial = math.expm1(hh) / hh - 1.0, 1
    for n in range(1, len(r) + 1):
        rows.append([value ** (n - 1) for value in r])
        right.append(part * factorial / math.expm1(hh))
        factorial *= n + 1
        part = part / hh - 1.0 / factorial
    return np.linalg.solve(rows, right)


def heun(walk: Walk, k: int) -> np.ndarray:
    """Karras et al., Algorithm 2 without churn: asks are by turns a point and its Euler step."""
    if k % 2 == 0:
        return ddim(walk, k)
    a, b = walk.levels[k - 1], walk.levels[k]
    slope = 0.5 * (walk.eps[k - 1] + walk.eps[k])
    return b.alpha * (walk.x[k - 1] / a.alpha + (b.r - a.r) * slope)


def adams(walk: Walk, k: int) -> np.ndarray:
    """Adams-Bashforth of order 4 on dy/dr = eps, y = x/alpha, of lower order where it begins."""
    a, b = walk.levels[k], walk.levels[k + 1]
    at = [walk.levels[k - j].r for j in range(min(4, k + 1))]
    h = b.r - a.r
    places = a.r + h * NODES
    weights = [(h * WEIGHTS * lagrange(at, j, places)).sum() for j in range(len(at))]
    return b.alpha * (walk.x[k] / a.alpha + sum(w * walk.eps[k - j] for j, w in enumerate(weights)))


_ADAMS = {1: (1.0,), 2: (1.5, -0.5), 3: (23 / 12, -16 / 12, 5 / 12), 4: (55 / 24, -59 / 24, 37 / 24, -9 / 24)}


def plms(walk: Walk, k: int) -> np.ndarray:
    """Liu et al., equations 9 and 12; the first step is the improved Euler method, of two asks."""
    e, x, levels = walk.eps, walk.x, walk.levels
    if k == 0:
        return ddim(walk, 0)
    if k == 1:
        return moved(x[0], 0.5 * (e[0] + e[1]), levels[0], levels[2])
    past = [e[k - j] for j in range(k - 1)] + [e[0]]
    return _multistep(walk, k, past)


def prk(walk: Walk, k: int) -> np.ndarray:
    """Liu et al., equations 9, 12 and 13: three steps of Runge and Kutta, of four asks each, then 12."""
    e, x, levels = walk.eps, walk.x, walk.levels
    first = k // 4 * 4
    if k >= 12:
        return _multistep(walk, k, [e[j] for j in range(k, 11, -1)] + [e[8], e[4], e[0]])
    slopes = e[first : first + 4]
    slope = (slopes[0] + 2 * slopes[1] + 2 * slopes[2] + slopes[3]) / 6 if k % 4 == 3 else e[k]
    return moved(x[first], slope, levels[first], levels[k + 1])


def _multistep(walk: Walk, k: int, past: list[np.ndarray]) -> np.ndarray:
    weights = _ADAMS[min(4, len(past))]
    slope = sum(w * one for w, one in zip(weights, past, strict=False))
    return moved(walk.x[k], slope, walk.levels[k], walk.levels[k + 1])
