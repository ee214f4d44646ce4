"""A sampler: from the prior to samples, by a score of which it knows nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from diffbench.contracts.arrays import Array, PRNGKey, Score
from diffbench.process import Process


class Step(NamedTuple):
    """One move of a sampler from time t to s.

    Attributes:
      x: The new points, `[n, D]`.
      mean: The same without the noise of this step: what a last step returns.
    """

    x: Array
    mean: Array


class Walk(NamedTuple):
    """A run whose number of steps is an argument: samplers that differ in nothing else share a program.

    Attributes:
      run: (key, x_T `[n, D]`, score, process, steps `[]`) -> x_0 `[n, D]`.
      steps: The sampler's own: its parameter `steps`, on which nothing else depends but `most`.
      most: The most steps that the program may be asked for.
      nfe: The score evaluations spent on each sample.
    """

    run: Callable[[PRNGKey, Array, Score, Process, Array | int], Array]
    steps: int
    most: int
    nfe: int


@dataclasses.dataclass(frozen=True)
class Sampler:
    """A way from the prior to samples; it sees a process and a score, nothing else.

    Attributes:
      run: (key, x_T `[n, D]`, score, process) -> (x_0 `[n, D]`, nfe), nfe the score
        evaluations spent on each sample. Samples of a solve that did not end are NaN.
      unfit: process -> why this sampler cannot run on it, or None.
      end: process -> the time down to which it may ask the score; where a process ends by
        default unless the sampler says otherwise.
      unflown: Why samples are not the points to which the probability flow leads from x_T at `end`,
        but for the solver's error; None where they are.
      walk: The same run with its number of steps as an argument, or None.
      version: Changed whenever the samples change.
    """

    run: Callable[[PRNGKey, Array, Score, Process], tuple[Array, Array | int]]
    unfit: Callable[[Process], str | None] = lambda process: None
    end: Callable[[Process], float] = lambda process: process.t_end
    unflown: str | None = "it does not say that it follows the probability flow"
    walk: Walk | None = None
    version: int = 1
