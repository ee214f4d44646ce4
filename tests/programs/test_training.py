"""The optimiser loop: bits that do not depend on its chunks, its averages, what it compiles and refuses."""

import logging
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffbench.families.base import Family
from diffbench.process import PROCESSES
from diffbench.programs import cache, training
from diffbench.programs import model as models
from diffbench.programs.training import State, Training, fit, fit_replicas, settings_of

FAMILY = {"name": "score_sde", "params": {}}
NETWORK = {"name": "mlp", "params": {"widths": [8, 8], "embedding_width": 6}}
SETTINGS = Training(steps=21, batch=32, learning_rate=1e-2, warm_up=2, ema=0.6)
POOL = jnp.asarray(np.random.RandomState(0).standard_normal((64, 2)), float)


def fitted(pool=POOL, seed=0, chunk=7, process=None, **options):
    process = PROCESSES.build("vp", **(process or {}))
    keys = jax.random.key(seed), jax.random.key(seed + 100)
    return fit(FAMILY, NETWORK, SETTINGS, process, pool, *keys, chunk=chunk, **options)


def same_bits(a, b):
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


@pytest.fixture(scope="module")
def whole():
    return fitted()


@pytest.mark.slow
def test_a_fit_learns_and_reports(whole):
    assert whole.failed_at is None
    assert whole.loss.shape == (SETTINGS.steps,)
    assert np.isfinite(whole.loss).all()
    assert whole.loss[-5:].mean() < whole.loss[:5].mean()
    assert not same_bits(whole.raw, whole.ema)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_chunk_changes_no_bit(whole, chunk):
    other = fitted(chunk=chunk)
    assert same_bits(other.raw, whole.raw)
    assert same_bits(other.ema, whole.ema)
    assert np.array_equal(other.loss, whole.loss)


@pytest.mark.slow
def test_progress_is_told_between_chunks():
    told = []
    result = fitted(progress=lambda *args: told.append(args))
    assert [(done, steps) for done, steps, _ in told] == [(7, 21), (14, 21), (21, 21)]
    assert [loss for _, _, loss in told] == [pytest.approx(result.loss[i]) for i in (6, 13, 20)]


def test_seeds_and_data_matter(whole):
    assert not same_bits(fitted(seed=1).raw, whole.raw)
    assert not same_bits(fitted(pool=POOL + 1).raw, whole.raw)
    assert not same_bits(fitted(process={"beta_max": 10.0}).raw, whole.raw)


def test_nothing_is_compiled_for_another_dataset_seed_or_constant(whole, caplog, monkeypatch):
    before = cache.built(), cache.compiled(training.KIND)

    def never(*args):
        raise AssertionError("the loss was traced again, or called from Python")

    monkeypatch.setattr(Family, "loss", never)
    pool = POOL - 3
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        fitted(pool=pool, seed=5, process={"beta_min": 1, "beta_max": 7})
    assert (cache.built(), cache.compiled(training.KIND)) == before
    assert [record.getMessage() for record in caplog.records if "Compiling" in record.getMessage()] == []


def test_compiling_would_be_seen(caplog):
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        jax.jit(lambda x: x + 1)(jnp.ones(17)).block_until_ready()
    assert any("Compiling" in record.getMessage() for record in caplog.records)


@pytest.mark.slow
def test_ema_is_its_formula(whole):
    one_step = training.program_of(FAMILY, NETWORK, SETTINGS, 1, False)  # that of chunks of 1
    process = PROCESSES.build("vp")
    start = models.initialise(NETWORK, jax.random.key(0), 2)
    state = State(start, start, SETTINGS.optimiser().init(start))
    average = jax.tree.map(lambda a: np.asarray(a, np.float64), start)
    for k in range(SETTINGS.steps):
        state, _ = one_step(state, jax.random.key(100), jnp.asarray(k), POOL, process)
        decay = min(SETTINGS.ema, (1 + k) / (10 + k))
        average = jax.tree.map(lambda a, p, d=decay: d * a + (1 - d) * np.asarray(p), average, state.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), average, whole.ema)
    assert same_bits(state.params, whole.raw)


@pytest.fixture(scope="module")
def replicas(whole):
    pools = [POOL, POOL.at[9].set(jnp.nan)]
    keys_init, keys_steps = [jax.random.key(0)] * 2, [jax.random.key(100)] * 2
    vp = PROCESSES.build("vp")
    good = fit_replicas(
        FAMILY, NETWORK, SETTINGS, vp, [POOL, POOL - 3], [jax.random.key(k) for k in (0, 1)],
        [jax.random.key(k) for k in (100, 101)], chunk=21,
    )  # fmt: skip
    return good, fit_replicas(FAMILY, NETWORK, SETTINGS, vp, pools, keys_init, keys_steps, chunk=21)


@pytest.mark.slow
def test_replicas_are_single_fits(replicas, whole):
    singles = [whole, fitted(pool=POOL - 3, seed=1)]
    assert len(replicas[0]) == 2
    for one, single in zip(replicas[0], singles, strict=True):
        np.testing.assert_allclose(one.loss, single.loss, rtol=1e-3)
        for name in ("raw", "ema"):
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4),
                getattr(one, name),
                getattr(single, name),
            )


@pytest.mark.slow
def test_one_replica_that_fails_leaves_the_others_theirs(replicas, whole):
    good, bad = replicas[1]
    assert good.failed_at is None
    np.testing.assert_allclose(good.loss, whole.loss, rtol=1e-3)
    assert bad.failed_at == np.flatnonzero(~np.isfinite(bad.loss))[0]


def test_a_loss_that_is_not_finite_is_recorded_and_stops_the_fit(whole):
    # One row in 64 is bad: the first minibatch that draws it is not the first step.
    failures = [fitted(pool=POOL.at[row].set(jnp.nan)) for row in range(8)]
    for failure in failures:
        assert np.isfinite(failure.loss[: failure.failed_at]).all()
        assert not np.isfinite(failure.loss[failure.failed_at :]).any()
        assert len(failure.loss) == 7 * (failure.failed_at // 7 + 1)
        np.testing.assert_array_equal(failure.loss[: failure.failed_at], whole.loss[: failure.failed_at])
    assert len({failure.failed_at for failure in failures}) > 1
    assert min(len(failure.loss) for failure in failures) < SETTINGS.steps


def test_every_row_of_the_pool_is_visited():
    # 672 draws of 64 rows miss one of them in 0.2% of seeds. With this seed a row waits until step 14:
    # were minibatches to come again from chunk to chunk, it would never be seen.
    failed = [fitted(pool=POOL.at[row].set(jnp.nan), seed=3).failed_at for row in range(64)]
    assert None not in failed
    assert max(failed) == 14


@pytest.mark.parametrize(("steps", "warm_up", "used"), [(100, 10, 10), (100, 500, 10), (5, 500, 0)])
@pytest.mark.parametrize("decay", ["cosine", "constant"])
def test_the_learning_rate_warms_up_and_decays(steps, warm_up, used, decay):
    settings = Training(steps=steps, warm_up=warm_up, decay=decay, learning_rate=0.3, weight_decay=0.0)
    optimiser = settings.optimiser()
    update = jax.jit(optimiser.update)
    params = jnp.zeros(1)
    state, rates = optimiser.init(params), []
    for _ in range(steps):
        # On a constant gradient, Adam moves by the learning rate itself.
        change, state = update(jnp.full(1, 0.5), state, params)
        rates.append(-float(change[0]))
    k = np.arange(steps)
    after = 0.15 * (1 + np.cos(np.pi * (k - used) / (steps - used))) if decay == "cosine" else 0.3 + 0.0 * k
    np.testing.assert_allclose(rates, np.where(k < used, 0.3 * k / max(used, 1), after), rtol=1e-4, atol=1e-6)


def test_gradients_are_clipped_and_weights_decay():
    settings = Training(steps=5, warm_up=0, decay="constant", learning_rate=0.1, weight_decay=0.5, clip=1.0)
    optimiser = settings.optimiser()
    params = jnp.asarray([2.0, -2.0])
    state = optimiser.init(params)
    change, after = optimiser.update(jnp.asarray([3e6, 4e6]), state, params)
    np.testing.assert_allclose(change, -0.1 * (1 + 0.5 * np.array([2.0, -2.0])), atol=1e-5)
    first_moment = jax.tree.leaves(after)[1]
    np.testing.assert_allclose(first_moment, 0.1 * np.array([0.6, 0.8]), rtol=1e-4)


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1; got 0"),
        ({"steps": 10.0}, TypeError, "steps must be a whole number; got 10.0"),
        ({"batch": 0}, ValueError, "batch must be at least 1; got 0"),
        ({"warm_up": -1}, ValueError, "warm_up must be at least 0; got -1"),
        ({"decay": "linear"}, ValueError, "decay must be one of cosine, constant; got 'linear'"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be positive and finite; got 0.0"),
        ({"learning_rate": "1"}, TypeError, "learning_rate must be a number; got '1'"),
        ({"clip": math.inf}, ValueError, "clip must be positive and finite; got inf"),
        ({"ema": 1.0}, ValueError, r"ema must be in \[0, 1\); got 1.0"),
        ({"ema": True}, ValueError, r"ema must be in \[0, 1\); got True"),
        ({"weight_decay": -0.1}, ValueError, r"weight_decay must be in \[0, 1\); got -0.1"),
        ({"weight_decay": "x"}, ValueError, r"weight_decay must be in \[0, 1\); got 'x'"),
        (
            {"epochs": 3},
            ValueError,
            "training takes no 'epochs'; it takes: steps, batch, learning_rate, warm_up",
        ),
    ],
    ids=str,
)
def test_wrong_settings_are_refused(values, error, text):
    with pytest.raises(error, match=text):
        settings_of(values)


def test_good_settings_pass():
    assert settings_of({"steps": 3, "ema": 0}) == Training(steps=3, ema=0)


def test_an_empty_chunk_is_refused():
    with pytest.raises(ValueError, match="chunk must be at least 1; got 0"):
        fitted(chunk=0)


@pytest.mark.slow
def test_a_short_fit_learns_the_score_of_a_gaussian():
    random = np.random.RandomState(1)
    mean, sd = np.array([0.8, -0.5]), 0.4
    pool = jnp.asarray(mean + sd * random.standard_normal((4096, 2)), float)
    network = {"name": "mlp", "params": {"widths": [32, 32], "embedding_width": 16}}
    vp = PROCESSES.build("vp")
    # The likelihood of a long run is not needed: a few hundred steps see the whole field.
    result = fit(
        FAMILY, network, Training(steps=600, batch=256, learning_rate=5e-3), vp, pool,
        jax.random.key(0), jax.random.key(1), chunk=600,
    )  # fmt: skip
    score = jax.jit(models.model_of(FAMILY, network).score)
    for t in (0.05, 0.3, 0.8):
        b = 0.1 * t + 19.9 * t**2 / 2
        alpha, variance = math.exp(-b / 2), math.exp(-b) * sd**2 - math.expm1(-b)
        x = alpha * mean + math.sqrt(variance) * random.standard_normal((500, 2))
        learned = np.asarray(score(result.ema, jnp.asarray(x, float), jnp.asarray(t), vp))
        exact = -(x - alpha * mean) / variance
        assert ((learned - exact) ** 2).mean() < 0.02 * (exact**2).mean(), t
