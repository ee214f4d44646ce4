"""Samplers on exact scores: evaluations counted from the host, mixtures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS, SAMPLERS
from diffbench.process import PROCESSES
from diffbench.programs import sampling
from diffbench.sources.exact import score_of as exact_score

FEW_STEPS = [
    ("ddim", {}),
    ("ddim", {"eta": 0.5}),
    ("deis", {}),
    ("dpm_solver_pp", {}),
    ("dpm_solver_pp", {"sde": True}),
    ("edm", {"churn": 2.0}),
    ("unipc", {"order": 3}),
]
COUNTED = [
    ("ancestral", {"steps": 7}, "vp"),
    ("ancestral", {"steps": 7}, "ddpm_linear"),
    ("annealed_langevin", {"steps_per_level": 2, "levels": 4}, "ve"),
    ("annealed_langevin", {"steps_per_level": 1, "denoise": False}, "ncsn"),
    ("euler_maruyama", {"steps": 7}, "vp"),
    ("predictor_corrector", {"steps": 5}, "vp"),
    ("predictor_corrector", {"steps": 5, "corrections": 3}, "ve"),
    ("probability_flow", {"solver": "heun", "steps": 6}, "vp"),
    ("probability_flow", {"solver": "euler", "steps": 6}, "vp"),
    *(
        (name, {"steps": steps, "denoise": denoise, **more}, process)
        for name, more in FEW_STEPS
        for steps, denoise, process in ((1, False, "vp"), (6, True, "ddpm_linear"))
    ),
    ("probability_flow", {}, "vp"),
    ("probability_flow", {"rtol": 1e-3, "atol": 1e-3}, "ve"),
    ("probability_flow", {"solver": "dopri5"}, "vp"),
    ("probability_flow", {"solver": "dopri5", "max_steps": 25}, "vp"),
]


def test_every_sampler_is_counted():
    assert {name for name, _, _ in COUNTED} == set(SAMPLERS.names())


# Each sampler at its defaults is counted by check_sampler too; one with rejected steps and one
# with corrections are enough for the fast tests.
FAST = (
    COUNTED[6],
    ("unipc", {"steps": 6, "denoise": True, "order": 3}, "ddpm_linear"),
    ("probability_flow", {}, "vp"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "params", "process"),
    [case if case in FAST else pytest.param(*case, marks=pytest.mark.slow) for case in COUNTED],
    ids=str,
)
def test_nfe_is_what_the_score_was_asked(name, params, process):
    dataset, noise = DATASETS.build("nine_gaussians"), PROCESSES.build(process)
    sampler, times = SAMPLERS.build(name, **params), []
    x = float(noise.prior(2).stddev()[0]) * np.random.RandomState(0).standard_normal((16, 2))

    def score(x, t):
        jax.debug.callback(lambda t: times.append(float(t)), t, ordered=True)
        # Nine modes are stiff enough for an adaptive solver to reject steps.
        adaptive = name == "probability_flow"
        return (
            dataset.score(x, noise.alpha(t), noise.sigma(t)) if adaptive else -x / (1 + noise.sigma(t) ** 2)
        )

    _, nfe = jax.jit(lambda x: sampler.run(jax.random.key(1), x, score, noise))(jnp.asarray(x, float))
    jax.effects_barrier()
    assert int(nfe) == len(times)
    # The stages of an attempted step go forward, so going back shows a step that was rejected.
    rejected = int((np.diff(times) > 0).sum())
    fixed = params.get("solver") in ("heun", "euler")
    # Churn goes up to a noisier time before each step.
    assert (rejected > 0) == (
        (name == "probability_flow" and not fixed)
        or params.get("churn", 0.0) * (params.get("steps", 0) > 1) > 0
    )


MIXTURES = [
    ("ancestral", {}, "vp"),
    ("ancestral", {}, "sub_vp"),
    ("ancestral", {}, "ddpm_linear"),
    ("ancestral", {"variance": "large"}, "ddpm_linear"),
    ("annealed_langevin", {}, "ncsn"),
    ("euler_maruyama", {}, "vp"),
    ("euler_maruyama", {}, "sub_vp"),
    ("euler_maruyama", {}, "ve"),
    ("predictor_corrector", {}, "vp"),
    ("predictor_corrector", {}, "sub_vp"),
    ("predictor_corrector", {}, "ve"),
    ("probability_flow", {}, "vp"),
    ("probability_flow", {}, "ve"),
    ("probability_flow", {"solver": "heun"}, "sub_vp"),
    ("probability_flow", {"solver": "euler", "steps": 500}, "vp"),
    ("ddim", {"steps": 200}, "vp"),
    ("ddim", {"steps": 500, "eta": 1.0}, "ddpm_linear"),
    ("deis", {"steps": 50}, "sub_vp"),
    ("dpm_solver_pp", {"steps": 50}, "ve"),
    ("dpm_solver_pp", {"steps": 200, "sde": True}, "vp"),
    ("edm", {"steps": 50, "churn": 5.0}, "ve"),
    ("unipc", {"steps": 50}, "ddpm_linear"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "params", "process"), MIXTURES, ids=str)
def test_nine_gaussians_come_back_at_default_steps(name, params, process):
    dataset, n = DATASETS.build("nine_gaussians"), 10_000
    sampler = {"name": name, "params": SAMPLERS.complete(name, params)}
    noise = PROCESSES.build(process)
    drawn = sampling.sample(sampler, exact_score(dataset.truth), noise, jax.random.key(2), n, 2)
    samples = np.asarray(drawn.samples, np.float64)
    law = dataset.truth.law
    means = (np.asarray(law.means, np.float64) - dataset.mean) / dataset.scale
    weights = np.exp(np.asarray(law.log_weights, np.float64))
    variance = weights @ np.asarray(law.variances, np.float64) / dataset.scale**2
    covariance = (weights[:, None] * means).T @ means + variance * np.eye(2)
    # 14 cases of 2 numbers beyond 5 standard errors: false alarm in 2e-5 of seeds.
    assert (np.abs(samples.mean(0)) < 5 * samples.std(0) / n**0.5).all()
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.1)


def test_every_sampler_is_tried_on_a_mixture():
    assert {name for name, _, _ in MIXTURES} == set(SAMPLERS.names())
