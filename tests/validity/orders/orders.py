"""Errors of the variance of Gaussian data by number of steps: the papers' steps, in float64.

For data N(0, VARIANCE) and its exact score every step is linear, so the variance after N steps
is known without sampling. Walks start from p_T and not from the prior: what is left over is the
step's doing.
"""

from typing import NamedTuple

import numpy as np
import papers

VARIANCE, END = 0.25, 0.1


class Case(NamedTuple):
    """A sampler's order on a process.

    Attributes:
      sampler: Its registered name.
      params: Its parameters but for the number of steps and the end.
      process: The process's registered name.
      order: Expected ratio of the errors at N and at 2N.
      steps: The coarsest N; it is doubled three times.
      own_table: Whether the process is a table of as many steps, and the walk its whole chain.
    """

    sampler: str
    params: dict
    process: str
    order: int
    steps: int = 500
    own_table: bool = False


CASES = (
    *(Case("euler_maruyama", {}, process, 2) for process in ("vp", "sub_vp", "ddpm_linear")),
    # Its two terms of first order all but cancel for VE, so the third shows for long.
    Case("euler_maruyama", {}, "ve", 2, steps=32_000),
    *(
        Case("ancestral", {"variance": variance}, process, 2)
        for variance in ("small", "large")
        for process in ("vp", "sub_vp", "ve")
    ),
    *(Case("ancestral", {"variance": "small"}, p, 2, 1000, True) for p in ("ddpm_linear", "ddpm_cosine")),
    *(
        Case("probability_flow", {"solver": "heun"}, process, 4)
        for process in ("vp", "sub_vp", "ve", "ddpm_linear")
    ),
)


def params_of(case, steps):
    """Returns the process's parameters at a number of steps."""
    return {"steps": steps} if case.own_table else {}


def times_of(case, steps):
    """Returns the times of a walk, `[steps + 1]`, descending."""
    if case.own_table:
        return np.arange(steps, -1, -1) / steps
    if case.sampler == "ancestral":
        return np.append(np.linspace(1.0, END, steps), 0.0)
    return np.linspace(1.0, END, steps + 1)


def step_of(case, facts):
    """Returns the paper's step."""
    steps = {
        "euler_maruyama": lambda: papers.euler_maruyama(facts),
        "ancestral": lambda: papers.kingma(facts, case.params["variance"]),
        "probability_flow": lambda: papers.heun(facts),
    }
    return steps[case.sampler]()


def variance(case, steps, data=VARIANCE):
    """Returns the variance after a number of steps."""
    facts = papers.facts_of(case.process, params_of(case, steps))
    return papers.variance_after(step_of(case, facts), facts, data, times_of(case, steps))


def wanted(case, data=VARIANCE):
    """Returns the variance after infinitely many steps."""
    if case.own_table:
        return data
    alpha, sigma, _, _ = papers.facts_of(case.process, {})(END)
    at_the_end = alpha**2 * data + sigma**2
    # Ancestral sampling goes on to the data by E[x_0 | x_t], without noise.
    return float(alpha**2 * data**2 / at_the_end if case.sampler == "ancestral" else at_the_end)


def errors(case):
    """Returns numbers of steps, each twice the one before, and the errors of the variance there."""
    steps = [case.steps * 2**i for i in range(4)]
    return steps, np.array([variance(case, n) for n in steps]) - wanted(case)
