"""Orders of the few-step solvers against the exact flow map of nine Gaussians, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.contracts import DATASETS, SAMPLERS, key_for
from diffbench.process import PROCESSES
from diffbench.programs import flow
from diffbench.sources import exact

pytestmark = pytest.mark.slow

STEPS = (200, 400, 800)
ORDERS = [
    ("ddim", {}, 1),
    ("dpm_solver_pp", {"order": 1}, 1),
    ("dpm_solver_pp", {"order": 2}, 2),
    ("dpm_solver_pp", {"order": 3}, 3),
    ("deis", {"order": 2, "grid": "log_snr"}, 2),
    ("deis", {"order": 3, "grid": "log_snr"}, 3),
    ("edm", {"grid": "log_snr"}, 2),
    # The corrector raises its order by one (Zhao et al. 2023, theorem 3.1).
    ("unipc", {"order": 2}, 3),
]


@pytest.fixture(scope="module")
def nine():
    dataset, process = DATASETS.build("nine_gaussians"), PROCESSES.build("vp")
    start = flow.starts(process, key_for(0, "flow"), 64, 2)
    return dataset, process, flow.flow_map(exact.score_of(dataset.truth), process, start, process.t_end)


@pytest.mark.parametrize(("name", "params", "order"), ORDERS, ids=str)
def test_the_error_falls_by_the_order(nine, name, params, order):
    dataset, process, found = nine
    with jax.enable_x64(True):
        truth, noise = (
            jax.tree.map(lambda a: jnp.asarray(a, float), tree) for tree in (dataset.truth, process)
        )

        @jax.jit
        def run(x, truth, noise, steps):
            def score(x, t):
                return truth.score(x, noise.alpha(t), noise.sigma(t))

            return walk.run(jax.random.key(0), x, score, noise, steps)

        walk = SAMPLERS.build(name, steps=STEPS[-1], **{"grid": "log_snr", **params}).walk
        start = jnp.asarray(found.start, float)
        errors = [
            np.median(np.linalg.norm(np.asarray(run(start, truth, noise, n)) - found.end, axis=1))
            for n in STEPS
        ]
    assert np.log2(errors[-2] / errors[-1]) == pytest.approx(order, abs=0.1), errors


def test_euler_and_heun_over_time_are_of_orders_one_and_two(nine):
    dataset, process, found = nine
    for solver, order in (("euler", 1), ("heun", 2)):
        errors = []
        for steps in (400, 800):
            with jax.enable_x64(True):
                truth, noise = (
                    jax.tree.map(lambda a: jnp.asarray(a, float), tree) for tree in (dataset.truth, process)
                )
                sampler = SAMPLERS.build("probability_flow", solver=solver, steps=steps, grid="log_snr")

                @jax.jit
                def run(x, truth, noise, sampler=sampler):
                    return sampler.run(
                        jax.random.key(0),
                        x,
                        lambda x, t: truth.score(x, noise.alpha(t), noise.sigma(t)),
                        noise,
                    )[0]

                reached = np.asarray(run(jnp.asarray(found.start, float), truth, noise))
            errors.append(np.median(np.linalg.norm(reached - found.end, axis=1)))
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1), errors
