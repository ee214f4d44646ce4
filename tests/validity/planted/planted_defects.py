"""The twelve known defects, each beside its sound twin, with the check and the metrics that catch it.

Effects are sized to be seen at n = 2,000; the z of what is seen grows with n. Where all metrics are blind on
standardised data and exact scores, a second setting shows the defect if there is one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import planted_checks as checks
import planted_learning as learning
import planted_processes as processes
import planted_samplers as planted
from planted_record import NINE, NINE_RAW, Defect, Setting, Trial, Variant, exact

from diffbench.contracts import SAMPLERS, Dataset, Sampler, Score
from diffbench.families.score_sde import ScoreSDE
from diffbench.process import PROCESSES, Process

THIN = Setting("circle", (("thickness", 0.01),), metrics=("energy", "mmd2", "sliced_w2", "manifold_distance"))

EVERY = ("energy", "mmd2", "mmd2_local", "sliced_w2", "mode_tv")

ScoreOf = Callable[[Dataset, Process], Score]


@functools.cache
def variant(
    process: Callable[[], Process], sampler: Callable[[], Sampler], score: ScoreOf = exact
) -> Variant:
    """Returns a variant; one object for one choice, so that twins which many defects share are judged once."""
    return Variant(process(), sampler(), score)


def vp() -> Process:
    return PROCESSES.build("vp")


def table() -> Process:
    return PROCESSES.build("ddpm_linear")


def levels() -> Process:
    return PROCESSES.build("ncsn")


def ancestral() -> Sampler:
    return SAMPLERS.build("ancestral")


def langevin(steps_per_level: int = planted.SETTLED) -> Sampler:
    return SAMPLERS.build("annealed_langevin", steps_per_level=steps_per_level)


def reverse_sde(**params: float) -> Sampler:
    return SAMPLERS.build("euler_maruyama", **params)


def flow() -> Sampler:
    """The probability-flow ODE adds no noise, so it forgets nothing of where it started."""
    return SAMPLERS.build("probability_flow", solver="heun", steps=200)


def off_by_one() -> Sampler:
    return planted.ho_chain(first=1, last=1)


def unrooted() -> Sampler:
    return planted.ho_chain(spread=lambda variance: variance)


LEARNED = learning.learned_score(learning.every_row, learning.averaged)
UNSEEN = learning.learned_score(learning.as_many_batches_as_a_batch_has_rows, learning.averaged)
RAW_WEIGHTS = learning.learned_score(learning.every_row, learning.last)


def of(*parts: Callable) -> Callable[[], Variant]:
    return functools.partial(variant, *parts)


def prior_trials(sound: Callable[[], Process], broken: Callable[[], Process]) -> tuple[Trial, ...]:
    seen = Trial(
        NINE_RAW, of(sound, flow), of(broken, flow), seen_by=("energy", "mmd2"), note="probability flow"
    )
    return seen, Trial(NINE, of(sound, flow), of(broken, flow), note="probability flow")


DEFECTS = (
    Defect(
        1,
        "the loss has sigma² where sigma belongs",
        checks.LEAST,
        lambda: ScoreSDE,
        lambda: learning.SquaredSigma,
        (
            Trial(
                NINE,
                of(vp, reverse_sde),
                of(vp, reverse_sde, learning.minimiser_of_squared_sigma),
                seen_by=EVERY,
                note="Euler-Maruyama, the loss's minimiser",
            ),
        ),
    ),
    Defect(
        2,
        "VP with beta from 0.001 to 3: alpha(1) = 0.47",
        checks.PRIOR_RAW,
        of(vp, flow),
        of(processes.gentle_vp, flow),
        prior_trials(vp, processes.gentle_vp),
    ),
    Defect(
        3,
        "DDPM with 100 betas from 1e-3 to 0.02: alphas_bar ends at 0.35",
        checks.PRIOR_RAW,
        of(table, flow),
        of(processes.short_table, flow),
        prior_trials(table, processes.short_table),
    ),
    Defect(
        4,
        "the ancestral loop is off by one at both ends",
        checks.CHAIN,
        ancestral,
        off_by_one,
        (Trial(NINE, of(table, ancestral), of(table, off_by_one), note="ancestral"),),
    ),
    Defect(
        5,
        "ancestral noise scaled by the variance instead of its root",
        checks.CHAIN,
        ancestral,
        unrooted,
        (Trial(NINE, of(table, ancestral), of(table, unrooted), seen_by=EVERY, note="ancestral"),),
    ),
    Defect(
        6,
        "noise on the last step",
        checks.REVERSE,
        lambda: reverse_sde,
        lambda: planted.noise_on_the_last_step,
        (
            Trial(
                THIN,
                of(vp, planted.euler_maruyama),
                of(vp, planted.noise_on_the_last_step),
                seen_by=("manifold_distance",),
                note="Euler-Maruyama",
            ),
            Trial(
                NINE,
                of(vp, planted.euler_maruyama),
                of(vp, planted.noise_on_the_last_step),
                note="Euler-Maruyama",
            ),
        ),
    ),
    Defect(
        7,
        "Langevin steps grow as sigma_i/sigma_L, not as its square",
        checks.LANGEVIN,
        lambda: langevin,
        lambda: planted.linear_langevin,
        (
            Trial(
                NINE,
                of(levels, langevin),
                of(levels, planted.linear_langevin),
                seen_by=EVERY,
                note="annealed Langevin, 50 steps a level",
            ),
        ),
    ),
    Defect(
        8,
        "t_min = 1e-8 with sigma = sqrt(1 - exp(-B)): 0 in float32",
        checks.SIGMA,
        vp,
        processes.vanishing_sigma,
        (
            Trial(
                NINE,
                of(vp, reverse_sde),
                of(processes.vanishing_sigma, reverse_sde),
                note="Euler-Maruyama, which never asks at its last time",
            ),
        ),
    ),
    Defect(
        9,
        "as many minibatches as a batch has rows: most data is never seen",
        checks.ROWS,
        lambda: learning.every_row,
        lambda: learning.as_many_batches_as_a_batch_has_rows,
        (
            Trial(
                learning.EASY,
                of(vp, learning.solver, LEARNED),
                of(vp, learning.solver, UNSEEN),
                note=f"a linear network, {learning.BATCH**2 / learning.POOL:.0%} of the data seen",
            ),
        ),
    ),
    Defect(
        10,
        "the sign of the score in the reverse SDE",
        checks.REVERSE,
        lambda: reverse_sde,
        lambda: planted.wrong_sign,
        (
            Trial(
                NINE,
                of(vp, reverse_sde),
                of(vp, planted.wrong_sign),
                seen_by=EVERY,
                note="Euler-Maruyama",
            ),
        ),
    ),
    Defect(
        11,
        "NCSN started from N(0, I) though its largest level is 6",
        checks.PRIOR,
        of(levels, langevin),
        of(processes.standard_start, langevin),
        (
            Trial(
                NINE,
                of(levels, flow),
                of(processes.standard_start, flow),
                seen_by=EVERY,
                note="probability flow",
            ),
            Trial(
                NINE,
                of(levels, langevin),
                of(processes.standard_start, langevin),
                note="annealed Langevin, 50 steps a level",
            ),
        ),
    ),
    Defect(
        12,
        "samples drawn with raw weights where their average is asked",
        checks.WEIGHTS,
        lambda: learning.averaged,
        lambda: learning.last,
        (
            Trial(
                learning.EASY,
                of(vp, learning.solver, LEARNED),
                of(vp, learning.solver, RAW_WEIGHTS),
                seen_by=("energy", "mmd2"),
                note="a linear network, constant learning rate",
            ),
        ),
    ),
)
