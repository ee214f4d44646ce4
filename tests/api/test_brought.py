"""Scores of anybody: every parametrisation, framework and time gives the exact score's samples."""

from __future__ import annotations

import numpy as np
import pytest

import diffbench as db
from diffbench.api import session
from diffbench.api.brought import BroughtError

# One Gaussian: its diffused score is linear, in any framework's words.
DATA = db.mixture([1.0], [[1.0, -2.0]], [0.25])


def _gaussian(standardised):
    """Mean and variance that a model sees."""
    own = DATA.own
    if standardised:
        return (np.array([1.0, -2.0]) - own.mean) / own.scale, 0.25 / own.scale**2
    return np.array([1.0, -2.0]), 0.25


def _levels(kind, told):
    """alpha and sigma of VP by what is told as the time; for JAX scalars too."""
    import jax.numpy as jnp

    if kind == "t":
        b = 0.1 * told + 0.5 * 19.9 * told**2
        return jnp.exp(-0.5 * b), jnp.sqrt(-jnp.expm1(-b))
    if kind == "sigma":
        return jnp.sqrt(1 - told**2), told
    snr = jnp.exp(told)
    return jnp.sqrt(snr / (1 + snr)), jnp.sqrt(1 / (1 + snr))


def _score(kind="t", predicts="score", standardised=True):
    mean, variance = _gaussian(standardised)

    def function(x, told):
        alpha, sigma = _levels(kind, told)
        spread = alpha**2 * variance + sigma**2
        s = -(x - alpha * mean) / spread
        eps = -sigma * s
        x0 = (x + sigma**2 * s) / alpha
        return {"score": s, "eps": eps, "x0": x0, "v": alpha * eps - sigma * x0}[predicts]

    return function


def _numpy(standardised=True):
    mean, variance = _gaussian(standardised)

    def function(x, t):
        assert isinstance(t, float)
        assert isinstance(x, np.ndarray)
        b = 0.1 * t + 0.5 * 19.9 * t**2
        alpha = np.exp(-0.5 * b)
        return -(x - alpha * mean) / (alpha**2 * variance - np.expm1(-b))

    return function


@pytest.fixture(scope="module")
def wanted():
    return db.sample(db.exact(DATA, "vp"), "ancestral", n=50, steps=20).samples


def _at(score, x, t):
    """The score of standardised points as samplers get it, uncompiled."""
    bound = score.bound()
    return np.asarray(bound.score(bound.arrays, score.process)(x, t))


def _is_exact(mine):
    import jax.numpy as jnp

    x, exact = jnp.asarray(np.random.RandomState(0).randn(20, 2), float), db.exact(DATA, "vp")
    for t in map(jnp.asarray, (0.05, 0.4, 0.95)):
        np.testing.assert_allclose(_at(mine, x, t), _at(exact, x, t), rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("predicts", ["score", "eps", "x0", "v"])
def test_every_prediction_gives_the_exact_score(predicts):
    _is_exact(
        db.score(_score(predicts=predicts), predicts=predicts, dataset=DATA, coordinates="standardised")
    )


@pytest.mark.parametrize("time", ["sigma", "log_snr"])
def test_every_word_for_the_time_gives_it_too(time):
    _is_exact(db.score(_score(time), time=time, dataset=DATA, coordinates="standardised"))


@pytest.mark.slow
def test_a_function_in_jax_gives_the_samples_of_the_exact_score(wanted):
    mine = db.score(
        _score("log_snr", "v"), time="log_snr", predicts="v", dataset=DATA, coordinates="standardised"
    )
    np.testing.assert_allclose(db.sample(mine, "ancestral", n=50, steps=20).samples, wanted, atol=2e-3)


@pytest.mark.slow
def test_numpy_is_called_back_with_a_number_and_counted(wanted):
    mine = db.score(_numpy(), framework="numpy", dataset=DATA, coordinates="standardised")
    x = db.sample(mine, "ancestral", n=50, steps=20)
    np.testing.assert_allclose(x.samples, wanted, atol=2e-3)
    assert mine.evaluations == x.nfe == 20


@pytest.mark.slow
def test_a_score_in_data_coordinates_sees_the_data_as_they_are():
    exact = db.exact(db.mixture([1.0], [[1.0, -2.0]], [0.25], standardise=False), "vp")
    mine = db.score(_numpy(standardised=False), framework="numpy", coordinates="data")
    ours = db.sample(exact, "ancestral", n=50, steps=20).samples
    theirs = db.sample(mine, "ancestral", n=50, steps=20, dataset=DATA).samples
    np.testing.assert_allclose(theirs, ours, atol=2e-3)


@pytest.mark.slow
def test_steps_of_a_table_are_told_as_their_index():
    seen = []

    def function(x, step):
        seen.append(step)
        return -x

    mine = db.score(
        function, process=db.process("ddpm_linear", steps=50), framework="numpy", time="step", dataset=DATA
    )
    db.sample(mine, "ancestral", n=20, steps=50)
    assert seen == [float(i) for i in reversed(range(50))]


@pytest.mark.slow
def test_the_score_error_of_the_exact_score_is_nothing_and_of_another_what_it_is():
    same = db.score(_score(), dataset=DATA, coordinates="standardised")
    assert db.measure(same, ["score_error"])["value"].iloc[0] < 1e-6
    nothing = db.score(lambda x, t: 0.0 * x, dataset=DATA, coordinates="standardised")
    assert abs(db.measure(nothing, ["score_error"])["value"].iloc[0] - 1.0) < 1e-3


@pytest.mark.slow
def test_the_likelihood_of_jax_is_there_and_of_numpy_refused_with_the_reason():
    few = [{"name": "kl", "points": 32}]
    same = db.score(_score(), dataset=DATA, coordinates="standardised")
    assert abs(db.measure(same, few)["value"].iloc[0]) < 0.01
    with pytest.raises(
        ValueError, match="kl needs the divergence of the score, and a function in NumPy has no"
    ):
        db.measure(db.score(_numpy(), framework="numpy", dataset=DATA), few)


def _raise(x, t):
    raise KeyError("net")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: db.score(3), TypeError, "function must be callable with"),
        (lambda: db.score(_raise, framework="tf"), ValueError, "framework must be one of jax, torch, numpy"),
        (lambda: db.score(_raise, predicts="noise"), ValueError, "predicts must be one of score, eps, x0, v, velocity"),
        (lambda: db.score(_raise, time="step"), ValueError, "needs a process with discrete times, and 'vp' has none"),
        (lambda: db.score(_raise, time="seconds"), ValueError, "time must be one of t, sigma, log_snr, step"),
        (lambda: db.score(_raise, coordinates="raw"), ValueError, "coordinates must be one of data, standardised"),
        (lambda: db.score(_raise, process="pv"), ValueError, "unknown process 'pv'"),
        (lambda: db.sample(db.score(_raise)), TypeError, "a brought score needs its dataset"),
        (lambda: db.sample(db.score(_raise, framework="numpy", dataset=DATA), "ancestral", n=9, steps=3), BroughtError,
         "your score function raised KeyError: 'net'"),
        (lambda: db.sample(db.score(_raise, dataset=DATA), "ancestral", n=9, steps=3), Exception, "net"),
        (lambda: db.sample(db.score(lambda x, t: x[:, :1], framework="numpy", dataset=DATA), "ancestral", n=9, steps=3),
         BroughtError, r"your score function must return one vector for each point, \[9, 2\]; got \[9, 1\]"),
        (lambda: db.score(_raise, process=3), TypeError, "process must be a name, a process of diffbench.process or a"),
        (lambda: db.score(_raise, dataset=np.zeros((9, 2))), TypeError, "dataset must be .*; got ndarray; points of your"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_and_told_as_whose_it_is(call, error, said, refused):
    refused(call, error, said)


def _lines(x, t):
    raise RuntimeError("one\n two\n\tthree")


def _yielding(x, t):
    yield x


@pytest.mark.parametrize(
    ("function", "framework", "said"),
    [
        (
            lambda x, t: None,
            "numpy",
            r"must return an array, one vector for each point, \[4, 2\]; got NoneType",
        ),
        (_yielding, "numpy", "must return an array, .*; got generator"),
        (lambda x, t: x.T, "numpy", r"must .*; got \[2, 4\]; it may be the other way round"),
        (lambda x, t: 1j * x, "numpy", "must return real numbers; got complex64"),
        (lambda x, t: x > 0, "numpy", "must return real numbers; got bool"),
        (lambda x: x, "numpy", "raised TypeError: .* takes 1 positional argument"),
        (_lines, "numpy", "raised RuntimeError: one two three"),
        (lambda x, t: None, "jax", r"must return an array of JAX, .*; got NoneType"),
        (lambda x, t: (x, x), "jax", "must return an array of JAX, .*; got tuple"),
        (lambda x, t: x[:, :1], "jax", r"must return one vector for each point, \[4, 2\]; got \[4, 1\]"),
        (lambda x, t: 1j * x, "jax", "must return real numbers; got complex64"),
        (
            lambda x, t: x if t > 0.5 else -x,
            "jax",
            "raised Tracer.*: .*; framework = 'jax' compiles it with traced arrays: use jax.numpy alone, or say",
        ),
        (
            lambda x, t: np.asarray(x),
            "jax",
            "raised Tracer.*: .*; framework = 'jax' compiles it with traced arrays",
        ),
    ],
)
def test_what_a_function_does_wrong_is_told_with_what_it_must_return(function, framework, said):
    import jax

    mine = db.score(function, framework=framework, dataset=DATA)
    process = db.process("vp").built
    x, t = np.ones((4, 2), np.float32), np.float32(0.5)

    def ask():
        with mine.watched():
            if framework == "numpy":
                mine.function.here(x, t)
            else:
                jax.eval_shape(lambda x, t: mine.function(x, t, process), x, t)

    with pytest.raises(BroughtError, match=f"your score function {said}") as caught:
        ask()
    assert "\n" not in str(caught.value)


def _asked_here(function, t=0.5):
    """What a sampler's callback does, without a sampler."""
    mine = db.score(function, framework="numpy", dataset=DATA)
    with mine.watched():
        found = mine.function.here(np.ones((4, 2)), np.asarray(t))
        raise session.Failed("the draw", "diverged", f"{np.isnan(found).sum()} numbers are not finite")


def test_who_stops_a_function_stops_what_asked_for_it():
    def stop(x, t):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _asked_here(stop)


def test_a_score_that_goes_astray_is_told_with_where():
    with pytest.raises(session.Failed) as caught:
        _asked_here(lambda x, t: x * np.nan, 0.25)
    assert str(caught.value) == (
        "the draw ended as diverged: 8 numbers are not finite; your score function first returned what is not"
        " finite at t = 0.25"
    )
    assert caught.value.status == "diverged"


def test_a_framework_that_is_not_there_is_told_at_once(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="needs PyTorch, which is not installed: pip install torch"):
        db.score(lambda x, t: x, framework="torch")


@pytest.mark.slow
def test_a_suite_that_names_a_brought_score_has_rows_that_say_what_to_do(tmp_path):
    suite = {
        "datasets": ["circle"], "families": ["ddpm"], "scores": ["brought"], "samples": 20, "metrics": ["energy"],
        "seeds": 1, "floor_draws": 3, "samplers": [{"name": "ancestral", "steps": 3}],
    }  # fmt: skip
    rows = db.run(suite, out=tmp_path, workers=0, progress=False).frame
    assert rows[rows["score"] == "brought"]["reason"].str.contains("give it by diffbench.score").all()
