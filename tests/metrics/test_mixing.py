"""Langevin chains at one noise level: ArviZ's numbers against their formulas, and where chains mix."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.metrics import mixing
from diffbench.metrics.mixing import LEVELS, diagnose, largest_rhat, starts
from diffbench.process import PROCESSES
from diffbench.programs import model as models
from diffbench.programs import scores
from diffbench.sources.exact import score_of as exact_score

KEY = key_for(0, "mixing test")


def random(seed):
    return np.random.RandomState(seed)


def split_rhat(draws):
    """Gelman et al. (2013), section 11.4, on chains cut in halves: `[chains, steps]`."""
    n = draws.shape[1] // 2
    halves = np.concatenate([draws[:, :n], draws[:, -n:]]).astype(np.float64)
    within = halves.var(axis=1, ddof=1).mean()
    between = n * halves.mean(axis=1).var(ddof=1)
    with np.errstate(divide="ignore"):
        return math.sqrt(((n - 1) / n * within + between / n) / within) if within else math.inf


def two_state(rng, chains, steps, leave):
    """A symmetric chain of two modes, which leaves with a given probability at each step."""
    first = rng.randint(2, size=(chains, 1))
    moved = rng.uniform(size=(chains, steps)) < leave
    return (first + moved.cumsum(axis=1)) % 2


@pytest.fixture(scope="module")
def measured(nine, outcome):
    """Returns the values and arrays of the exact score of nine_gaussians on a process."""
    found = {}

    def measure(name):
        if name not in found:
            process = PROCESSES.build(name)
            score = scores.evaluator(exact_score(nine.truth), process)
            found[name] = METRICS.build("mixing").measure(
                KEY, outcome(nine, None, score=score, process=process)
            )
        return found[name]

    return measure


@pytest.mark.slow
@pytest.mark.parametrize("leave", [0.5, 0.05, 0.005])
def test_the_worst_rhat_is_split_rhat_by_its_formula(leave):
    modes = two_state(random(1), 4, 1001, leave)
    modes[0, :100] = 2  # a third mode that one chain sees
    expected = max(split_rhat(modes == mode) for mode in range(3))
    assert diagnose(modes)[1] == pytest.approx(expected, rel=1e-9)


def test_independent_draws_count_in_full():
    shares = [0.2, 0.3, 0.5]
    modes = random(2).choice(3, size=(4, 1000), p=shares)
    ess, rhat, mcse = diagnose(modes)
    assert ess == pytest.approx(4000, rel=0.15)
    assert rhat == pytest.approx(1.0, abs=0.005)
    # The standard error of a share is sqrt(p (1 - p)/n), largest for p = 1/2.
    assert mcse == pytest.approx(math.sqrt(0.25 / 4000), rel=0.1)


@pytest.mark.parametrize("leave", [0.25, 0.05])
def test_a_two_state_chain_has_its_known_sample_size(leave):
    # Its autocorrelation is r^k with r = 1 - 2 leave: n (1 - r)/(1 + r) draws.
    r = 1 - 2 * leave
    ess, _, mcse = diagnose(two_state(random(3), 4, 20_000, leave))
    expected = 80_000 * (1 - r) / (1 + r)
    assert ess == pytest.approx(expected, rel=0.15)
    assert mcse == pytest.approx(0.5 / math.sqrt(expected), rel=0.1)


def test_chains_that_never_move_count_once_each_and_have_the_largest_rhat():
    modes = np.repeat([[3], [5], [5], [0]], 1000, axis=1)
    ess, rhat, mcse = diagnose(modes)
    assert ess == pytest.approx(4, rel=0.05)
    # Mode 5 holds half the chains: sqrt(1/4 / 4) and the correction for few draws.
    assert mcse == pytest.approx(0.25, rel=0.05)
    assert rhat == largest_rhat(4, 1000)
    assert split_rhat(modes == 5) == math.inf


@pytest.mark.parametrize(("chains", "steps"), [(2, 10), (4, 1000), (3, 101)])
def test_no_finite_rhat_is_above_the_bound_and_one_comes_near(chains, steps):
    rng = random(4)
    drawn = [rng.uniform(size=(chains, steps)) < p for p in (0.5, 0.1, 0.01) for _ in range(50)]
    # Half of the half chains in the mode and one visit in another.
    worst = np.zeros((2 * chains, steps // 2), int)
    worst[:chains] = 1
    worst[0, 0] = 0
    near = split_rhat(np.concatenate([worst[::2], worst[1::2]], axis=1))
    finite = [r for r in map(split_rhat, drawn) if math.isfinite(r)]
    assert max(*finite, near) <= largest_rhat(chains, steps)
    assert near > 0.8 * largest_rhat(chains, steps)


def test_a_constant_or_broken_chain_has_no_number():
    assert np.isnan(diagnose(np.full((4, 100), 2))).all()
    modes = random(5).randint(3, size=(4, 100))
    assert np.isfinite(diagnose(modes)).all()
    modes[1, -1] = -1
    assert np.isnan(diagnose(modes)).all()


@pytest.mark.slow
def test_exact_chains_mix_at_high_noise_and_are_stuck_at_low(measured):
    values, arrays = measured("vp")
    assert values["rhat_high_noise"] < 1.03
    assert values["ess_high_noise"] > 300
    assert 4 < values["ess_mid_noise"] < 0.3 * values["ess_high_noise"]
    assert values["ess_low_noise"] == pytest.approx(4, rel=0.05)
    assert values["rhat_low_noise"] == largest_rhat(4, 1000)
    modes = arrays["mixing_modes"]
    moves = (np.diff(modes) != 0).mean(axis=(1, 2))
    assert moves[0] < 0.01 < 0.05 < moves[1] < 0.3 < moves[2]
    assert len(np.unique(modes[0, :, 0])) == 4
    assert len(np.unique(modes[2])) == 9


@pytest.mark.slow
def test_columns_and_arrays_belong_together(measured):
    values, arrays = measured("vp")
    assert arrays["mixing_modes"].shape == (3, 4, 1000)
    assert arrays["mixing_modes"].dtype == np.int16
    np.testing.assert_array_equal(arrays["mixing_log_snr"], [6.0, 2.0, -2.0])
    columns = METRICS.build("mixing").columns
    assert list(values) == list(columns)
    for level, modes in zip(LEVELS, arrays["mixing_modes"], strict=True):
        got = [values[f"{kind}_{level}"] for kind in ("ess", "rhat", "mcse")]
        np.testing.assert_array_equal(got, diagnose(modes))
    assert {columns[f"{kind}_mid_noise"].better for kind in ("rhat", "mcse")} == {"lower"}
    assert columns["ess_mid_noise"].better == "higher"


@pytest.mark.slow
def test_one_chain_comes_out_of_every_process(measured):
    # In x/alpha, VP and VE take the same steps; only rounding tells them apart.
    vp, ve = (measured(name)[1]["mixing_modes"] for name in ("vp", "ve"))
    assert (vp == ve).mean() > 0.99


@jax.tree_util.register_pytree_node_class
class Shell:
    """Two "modes": within a radius, and beyond it."""

    def __init__(self, radius):
        self.radius = radius

    @property
    def weights(self):
        return jnp.array([0.5, 0.5])

    def responsibilities(self, x):
        beyond = (jnp.abs(x) > self.radius).any(axis=1)
        return jnp.stack([~beyond, beyond], axis=1).astype(float)

    def tree_flatten(self):
        return (self.radius,), None

    @classmethod
    def tree_unflatten(cls, _, children):
        return cls(*children)


@pytest.mark.slow
def test_the_stationary_variance_over_a_gaussian(outcome):
    # x/alpha is N(0, v), v = 1 + s^2 with s = sigma/alpha; steps of 0.2 s^2 make it
    # v/(1 - 0.1 s^2/v), 11% more where the noise is all.
    gaussian, process = DATASETS.build("gaussian_mixture", dim=1, modes=1), PROCESSES.build("vp")
    s2 = math.exp(2.0)
    v = 1 + s2
    radius = 2 * math.sqrt(v)
    held = dataclasses.replace(gaussian, modes=Shell(jnp.asarray(radius)))
    metric = METRICS.build("mixing", chains=64, steps=2000)
    score = scores.evaluator(exact_score(gaussian.truth), process)
    values, arrays = metric.measure(KEY, outcome(held, None, score=score, process=process))
    beyond = (arrays["mixing_modes"][2, :, 200:] == 1).mean()
    expected = 2 * stats.norm.sf(radius / math.sqrt(v / (1 - 0.1 * s2 / v)))
    exact = 2 * stats.norm.sf(2.0)
    error = values["mcse_high_noise"]
    assert abs(beyond - expected) < 4 * error
    assert abs(beyond - exact) > 5 * error


@pytest.mark.slow
def test_starts_lie_apart_and_are_the_same_for_every_score(nine):
    x = starts(nine, 4)
    np.testing.assert_array_equal(x, starts(nine, 4))
    # The four corners of the grid of modes.
    corners = np.array([[-2, -2], [-2, 2], [2, -2], [2, 2]])
    near = np.linalg.norm(np.asarray(nine.restore(x))[:, None] - corners, axis=2)
    assert sorted(near.argmin(axis=1)) == [0, 1, 2, 3]
    rare = starts(DATASETS.build("imbalanced"), 4)
    modes = DATASETS.build("imbalanced").modes.responsibilities(rare).argmax(axis=1)
    assert sorted(modes.tolist()) == [0, 1, 2, 3]


@pytest.mark.slow
def test_another_model_of_the_same_kind_compiles_nothing_new(nine, outcome):
    family, network = {"name": "score_sde", "params": {}}, {"name": "mlp", "params": {"widths": [8, 8]}}
    metric = METRICS.build("mixing", steps=10)
    process = PROCESSES.build("vp")

    def measure(seed):
        params = models.initialise(network, key_for(seed, "init"), 2)
        score = scores.evaluator(scores.of_model(family, network, params), process)
        return metric.measure(KEY, outcome(nine, None, score=score, process=process))[1]["mixing_modes"]

    first = measure(0)
    compiled = mixing._visited._cache_size()
    assert not np.array_equal(first, measure(1))
    assert mixing._visited._cache_size() == compiled


@pytest.mark.slow
def test_a_plain_function_will_do_and_where_it_is_not_finite_that_level_is_nan(nine, outcome, measured):
    process = PROCESSES.build("vp")

    def broken(x, t):
        # NaN at the level of most noise, t = 0.46.
        return nine.score(x, process.alpha(t), process.sigma(t)) * jnp.where(t > 0.3, math.nan, 1.0)

    values, arrays = METRICS.build("mixing").measure(KEY, outcome(nine, None, score=broken, process=process))
    assert {column for column, value in values.items() if math.isnan(value)} == {
        column for column in values if column.endswith("high_noise")
    }
    assert (arrays["mixing_modes"][2] == -1).all()
    # The rest is what the same score gives as a source.
    assert (arrays["mixing_modes"][:2] == measured("vp")[1]["mixing_modes"][:2]).mean() > 0.98


@pytest.mark.slow
@pytest.mark.parametrize(
    ("process", "smallest_sigma", "level"),
    [
        ({"sigma_min": 0.1}, 0.0, "low_noise"),
        ({"sigma_max": 2.0}, 0.0, "high_noise"),
        ({}, 0.1, "low_noise"),
    ],
)
def test_a_level_out_of_reach_is_nan(nine, outcome, process, smallest_sigma, level):
    dataset, process = (
        dataclasses.replace(nine, smallest_sigma=smallest_sigma),
        PROCESSES.build("ve", **process),
    )
    score = scores.evaluator(exact_score(nine.truth), process)
    values, arrays = METRICS.build("mixing").measure(
        KEY, outcome(dataset, None, score=score, process=process)
    )
    assert {column for column, value in values.items() if math.isnan(value)} == {
        f"{kind}_{level}" for kind in ("ess", "rhat", "mcse")
    }
    assert [LEVELS[i] for i in range(3) if (arrays["mixing_modes"][i] < 0).any()] == [level]


def test_what_is_wrong_is_named(nine, outcome):
    build = METRICS.build
    with pytest.raises(
        ValueError, match=r"least noise first.*got low_noise = 6, mid_noise = 7, high_noise = -2"
    ):
        build("mixing", mid_noise=7.0)
    with pytest.raises(ValueError, match=r"must be finite log_snr.*high_noise = -inf"):
        build("mixing", high_noise=-math.inf)
    with pytest.raises(ValueError, match="chains must be at least 2; got 1"):
        build("mixing", chains=1)
    with pytest.raises(ValueError, match="steps must be at least 10; got 9"):
        build("mixing", steps=9)
    with pytest.raises(ValueError, match="step must be positive and finite; got 0"):
        build("mixing", step=0.0)
    with pytest.raises(ValueError, match="it needs a score, and this row has none"):
        build("mixing").measure(KEY, outcome(nine, None))
    circle, process = DATASETS.build("circle"), PROCESSES.build("vp")
    with pytest.raises(ValueError, match="it needs modes, and dataset 'circle' has none"):
        build("mixing").measure(KEY, outcome(circle, None, score=lambda x, t: -x, process=process))
