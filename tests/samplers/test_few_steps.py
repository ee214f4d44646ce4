"""Few-step samplers: what they refuse, which of them follow the flow, and that every parameter counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import SAMPLERS
from diffbench.process import PROCESSES

NAMES = ("ddim", "deis", "dpm_solver_pp", "edm", "unipc")


@pytest.mark.parametrize(
    ("name", "params", "error", "text"),
    [
        *((name, {"steps": 0}, ValueError, "steps must be at least 1; got 0") for name in NAMES),
        *((name, {"denoise": 1}, TypeError, "denoise must be true or false; got 1") for name in NAMES),
        *((name, {"grid": "even"}, ValueError, "grid must be one of .*, or a list of times; got 'even'") for name in NAMES),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_are_refused(name, params, error, text):
    with pytest.raises(error, match=text):
        SAMPLERS.build(name, **params)


def test_more_steps_than_a_table_has_are_one_line():
    table = PROCESSES.build("ddpm_linear", steps=30)
    for name in NAMES:
        assert SAMPLERS.build(name, steps=29).unfit(table) is None
        assert SAMPLERS.build(name, steps=30).unfit(table) == (
            "steps = 30 is more than the 30 of process 'ddpm_linear', which has 29 steps between them"
        )


# One other value of every parameter, with what it needs to count.
OTHERS = {
    "ddim": [{"eta": 0.5}],
    "deis": [{"order": 2}],
    "dpm_solver_pp": [{"order": 3}, {"sde": True}],
    "edm": [
        {"churn": 5.0},
        {"churn": 5.0, "s_min": 1.0},
        {"churn": 5.0, "s_max": 2.0},
        {"churn": 5.0, "s_noise": 1.5},
    ],
    "unipc": [{"order": 3}],
}
COMMON = [
    {"steps": 5},
    {"grid": "kl_optimal"},
    {"grid": "karras", "rho": 3.0},
    {"t_end": 0.05},
    {"denoise": True},
]


def test_the_other_values_are_of_every_parameter():
    for name in NAMES:
        assert {key for params in (*COMMON, *OTHERS[name]) for key in params} == {*SAMPLERS.complete(name)}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_changes_the_samples(name):
    process = PROCESSES.build("vp")
    x = jax.random.normal(jax.random.key(0), (4, 2))

    def score(x, t):
        return (jnp.tanh(process.alpha(t) * x) - x) / (process.alpha(t) ** 2 * 0.2 + process.sigma(t) ** 2)

    @jax.jit
    def every(x):
        built = [SAMPLERS.build(name, **{"steps": 4, **params}) for params in ({}, *COMMON, *OTHERS[name])]
        return [one.run(jax.random.key(1), x, score, process)[0] for one in built]

    made = [np.asarray(one) for one in every(x)]
    for i, one in enumerate(made):
        assert np.isfinite(one).all()
        for j, other in enumerate(made[:i]):
            assert np.abs(one - other).max() > 1e-4, (i, j)


def test_a_sampler_says_whether_it_follows_the_flow():
    follows = [
        *(SAMPLERS.build(name) for name in NAMES),
        *(
            SAMPLERS.build("probability_flow", solver=solver)
            for solver in ("tsit5", "dopri5", "heun", "euler")
        ),
    ]
    assert all(sampler.unflown is None for sampler in follows)
    noisy = [
        SAMPLERS.build("ddim", eta=0.1),
        SAMPLERS.build("dpm_solver_pp", sde=True),
        SAMPLERS.build("edm", churn=1.0),
        *map(SAMPLERS.build, ("ancestral", "annealed_langevin", "euler_maruyama", "predictor_corrector")),
    ]
    assert {sampler.unflown for sampler in noisy} == {"it draws noise of its own"}
    for name in NAMES:
        assert SAMPLERS.build(name, denoise=True).unflown == (
            "its last step leaves the flow for the data (denoise = true)"
        )
