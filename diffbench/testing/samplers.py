"""The contract of a sampler: what it may ask, what it spends, and that it converges.

With few steps a right sampler may be far from the law it samples (ancestral sampling with 10 has a
spread of 0.73), so its spread at the number of steps asked for says nothing. Convergence does: a
scheme is right where its error per unit of noise vanishes as a step's share of the noise does. So
the noise of a process is cut to what N evaluations resolve, `STEP` for each: B(1) = STEP N in
alpha = exp(-B/2), up to `WHOLE` from some hundred steps on. There the exact law of normal
data N(m, v) is known at every time, and the points of the sampler's **last evaluation** must have
it: a wrong noise factor, sign, drift or level shows in first order, the method's own bias in second.
One bias is of first order: a step that takes x_0 as known (ancestral with its small variance, DDIM) loses
noise, in all 1/N sum_k 1/k of it for N even steps, so a variance may be lower by that.
What comes after that evaluation must be the mean of a step, as noise at the very end blurs samples.

To lose no digits to chance, points x of the last evaluation are written as A x_T + b + r: A^2 times
the known variance of x_T plus that of r has the standard error of the noise drawn alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffbench.contracts import Array, PRNGKey, Sampler, key_for
from diffbench.process import PROCESSES, Process
from diffbench.testing.base import Examination, Findings

DIM = 8
MEAN, VARIANCE = 1.0, 0.5
STEP = 0.02  # noise an evaluation, in B
WHOLE = 4.0  # B(1), from where on the data are forgotten: exp(-WHOLE/VARIANCE)
# Share of what the noise of the run adds to a variance that may be off; and the most of the variance
# itself. Predictor-corrector has 2% of its own, whatever the steps.
SLACK, MOST = 0.25, 0.15
# Langevin chains lag behind their levels, and their steps are biased by half the step.
LAG = 0.3
LONG = 200  # evaluations from which a chain over all levels is asked to arrive
STANDARD_ERRORS = 5.0


# Evaluations whose points a last step may still carry: those of the longest history, order 3.
HISTORY = 3


class _Run(NamedTuple):
    """What a run gave: samples and their price, the score's calls, and points and time of the last.

    `history` holds the points of the last `HISTORY` evaluations, the last one last.
    """

    samples: np.ndarray
    nfe: Array | int
    calls: int
    earliest: float
    latest: float
    x: np.ndarray
    t: float
    history: list[np.ndarray]


class _Score:
    """The exact score of normal data; an object that has nothing but a call."""

    def __init__(self, process: Process, told: Callable[[Array, Array], None] | None = None):
        self._process, self._told = process, told

    def __call__(self, x: Array, t: Array) -> Array:
        if self._told is not None:
            # Ordered: the last call must be known as the last.
            jax.debug.callback(self._told, x, t, ordered=True)
        alpha, sigma = self._process.alpha(t), self._process.sigma(t)
        return (alpha * MEAN - x) / (alpha**2 * VARIANCE + sigma**2)


def check_sampler(sampler: Sampler, n: int = 4096, *, finer: Sampler | None = None) -> Findings:
    """Checks a sampler on the exact score of normal data.

    Shapes, finite samples, one key one result, evaluations counted and within the process's times,
    no noise after the last, and convergence.

    Args:
      sampler: A built sampler, with however few steps.
      n: Samples drawn.
      finer: The same with many steps, held to the same bounds, which are the tighter the more
        evaluations a run has.

    Returns:
      What was measured against what bound.

    Raises:
      ContractError: If it breaks its contract, or fits none of the shipped processes.
    """
    look = Examination()
    look.instance("sampler", sampler, Sampler)
    names = ("vp", "ve", "ddpm_linear", "ncsn")
    unfit = {name: sampler.unfit(PROCESSES.build(name)) for name in names}
    fits = [name for name in names if unfit[name] is None]
    got = fits[0] if fits else f"none ({unfit['vp']})"
    look.expect("unfit", fits, f"a process that fits (of {', '.join(names)})", got)
    _examine(look, sampler, fits[0], n, "")
    if finer is not None and finer.unfit(PROCESSES.build(fits[0])) is None:
        _examine(look, finer, fits[0], n, " of the finer one")
    return look.findings()


def _examine(look: Examination, sampler: Sampler, name: str, n: int, of: str) -> None:
    recorder = _Recorder(sampler, n)
    whole = PROCESSES.build(name)
    made = _once(look, recorder, whole, of)
    _same_whoever_scores(look, sampler, recorder, whole, made.samples, of)
    number = max(made.calls, 1)
    gentle, slack, lost = _resolved(name, number)
    close = recorder.run(gentle)
    look.array(f"samples{of} of little noise", close.samples, (n, DIM))
    _no_last_noise(look, sampler, gentle, close, of)
    _has_the_law(look, gentle, recorder, close, slack, lost, of)


class _Recorder:
    """A sampler, compiled once, whose calls of the score are watched."""

    def __init__(self, sampler: Sampler, n: int):
        key_start, self.key = jax.random.split(key_for(0, "check", "sampler"))
        self._z = jax.random.normal(key_start, (n, DIM))
        self._last: deque[Array] = deque(maxlen=HISTORY)
        self._asked: list[Array] = []

        def told(x: Array, t: Array) -> None:
            # Kept as they come: to read them here would wait for the thread that runs the program.
            self._last.append(x)
            self._asked.append(t)

        def run(key: PRNGKey, x: Array, process: Process) -> tuple[Array, Array | int]:
            return sampler.run(key, x, _Score(process, told), process)

        self._program = jax.jit(run)

    def start(self, process: Process) -> Array:
        """Returns points of the exact law at t_max, `[n, D]`."""
        mean, variance = _law(process, process.t_max)
        return mean + math.sqrt(variance) * self._z

    def run(self, process: Process) -> _Run:
        """Runs the sampler from t_max."""
        self._asked.clear()
        self._last.clear()
        start = self.start(process)
        samples, nfe = self._program(self.key, start, process)
        jax.block_until_ready(samples)
        jax.effects_barrier()
        times = [float(np.ravel(t)[0]) for t in self._asked] or [process.t_max]
        history = [np.asarray(x) for x in self._last] or [np.asarray(start)]
        return _Run(
            np.asarray(samples),
            nfe,
            len(self._asked),
            min(times),
            max(times),
            history[-1],
            times[-1],
            history,
        )


def _law(process: Process, t: float) -> tuple[float, float]:
    """Returns mean and variance of each coordinate of the diffused data at a time."""
    at = jnp.asarray(t, float)
    alpha, sigma = float(process.alpha(at)), float(process.sigma(at))
    return alpha * MEAN, alpha**2 * VARIANCE + sigma**2


def _once(look: Examination, recorder: _Recorder, process: Process, of: str) -> _Run:
    """Checks a run on a whole process for everything but its law; returns it."""
    n = recorder.start(process).shape[0]
    made = recorder.run(process)
    samples = look.array(f"samples{of}", made.samples, (n, DIM))
    again = recorder.run(process).samples
    look.expect(f"samples{of} with one key twice", np.array_equal(samples, again), "the same bits",
                "the same bits" if np.array_equal(samples, again) else "others")  # fmt: skip
    look.expect(f"nfe{of}", int(made.nfe) == made.calls, f"the {made.calls} evaluations made", int(made.nfe))
    low, high = process.t_min * (1 - 1e-5), process.t_max * (1 + 1e-5)
    wanted, got = f"in [{process.t_min:g}, {process.t_max:g}]", f"{made.earliest:.4g} to {made.latest:.4g}"
    within = low <= made.earliest and made.latest <= high
    look.expect(f"times{of} at which the score is asked", within, wanted, got)
    return made


def _same_whoever_scores(
    look: Examination, sampler: Sampler, recorder: _Recorder, process: Process, samples: np.ndarray, of: str
) -> None:
    """Checks that samples depend on what a score says, and not on which object says it."""
    bare = _Score(process)

    def run(key: PRNGKey, x: Array) -> Array:
        return sampler.run(key, x, lambda x, t: bare(x, t), process)[0]

    other = np.asarray(jax.jit(run)(recorder.key, recorder.start(process)))
    off, size = float(np.abs(samples - other).max()), float(np.abs(samples).max())
    look.below(f"samples{of} with the same score in another function", off, 1e-3 * (1.0 + size), "the same")


def _resolved(name: str, number: int) -> tuple[Process, float, float]:
    """Returns a process whose noise a number of steps resolves, and how far off a variance may be.

    Up and down by a share of the variance, the second; and further down by the third.
    """
    noise = min(STEP * number, WHOLE)
    slack = min(SLACK * -math.expm1(-noise / VARIANCE), MOST)
    lost = noise / number * sum(1.0 / k for k in range(1, number + 1))
    if name == "vp":
        made = PROCESSES.build(name, beta_min=noise * (1 - 1e-6), beta_max=noise)
        # Noise on a last step would hide in that of the law at a later end.
        return dataclasses.replace(made, t_end=made.t_min), slack, lost
    if name == "ddpm_linear":
        return PROCESSES.build(name, beta_first=noise / 1000, beta_last=noise / 1000), slack, lost
    # Only what stays at one level can be asked of a short chain.
    levels = {} if number >= LONG else {"sigma_min": 0.9, "sigma_max": 1.0}
    return PROCESSES.build(name, **levels), LAG, 0.0


def _fitted(x_T: np.ndarray, x: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Returns A, b and r of x = A x_T + b + r, by least squares over all coordinates."""
    centred = x_T - x_T.mean()
    a = float((centred * x).sum() / (centred**2).sum())
    b = float(x.mean() - a * x_T.mean())
    return a, b, x - a * x_T - b


def _unexplained(made: _Run) -> float:
    """Returns the spread of the samples about what the points of the last evaluations say of them.

    Not of the last alone: the history of a multistep scheme carries noise that was drawn before it.
    """
    columns = [x.astype(np.float64).ravel() for x in made.history]
    known = np.stack([*columns, np.ones_like(columns[0])], axis=1)
    y = made.samples.astype(np.float64).ravel()
    return float((y - known @ np.linalg.lstsq(known, y)[0]).std())


def _no_last_noise(look: Examination, sampler: Sampler, process: Process, made: _Run, of: str) -> None:
    """Checks that after its last evaluation a sampler adds no more noise than the law at its end has."""
    end = float(sampler.end(process))
    holds = process.t_min * (1 - 1e-5) <= end <= made.earliest * (1 + 1e-5)
    wanted = f"from t_min = {process.t_min:g} to {made.earliest:.4g}, the least time it asks the score at"
    look.expect(f"end{of}", holds, wanted, end)
    noise = _unexplained(made)
    sigma = float(process.sigma(jnp.asarray(end, float)))
    look.below(f"noise{of} after the last evaluation", noise, 1.05 * sigma + 1e-3, "sd")


def _has_the_law(
    look: Examination, process: Process, recorder: _Recorder, made: _Run, slack: float, lost: float, of: str
) -> None:
    """Checks mean and variance of the points of the last evaluation, and of the samples."""
    x_T = np.asarray(recorder.start(process), np.float64)
    first, second = _law(process, process.t_max)
    end = _law(process, min(process.t_end, made.earliest))
    # What the last step may leave out: the noise of its own, and the spread of what is unknown of x_0.
    late = jnp.asarray(made.t, float)
    left = 1.25 * float((process.sigma(late) / process.alpha(late)) ** 2)
    for what, x, law, less in (
        (f"points of the last of {made.calls} evaluations{of}", made.x, _law(process, made.t), lost),
        (f"samples{of}, {made.calls} evaluations", made.samples, end, lost + left),
    ):
        a, b, rest = _fitted(x_T, x.astype(np.float64))
        noise = float(rest.var())
        variance = a**2 * second + noise
        error = math.hypot(2.0 * a * math.sqrt(noise * second), math.sqrt(2.0) * noise) / math.sqrt(x.size)
        bound = slack * law[1] + STANDARD_ERRORS * error
        low, high = law[1] - bound - less, law[1] + bound
        look.expect(f"variance of {what}", low <= variance <= high,
                    f"{law[1]:.4g}, or from {max(low, 0.0):.4g} to {high:.4g}", variance)  # fmt: skip
        mean = a * first + b
        off = 0.5 * slack * math.sqrt(law[1]) + STANDARD_ERRORS * math.sqrt(noise / x.size)
        look.expect(f"mean of {what}", abs(mean - law[0]) <= off, f"{law[0]:.4g} within {off:.3g}", mean)
