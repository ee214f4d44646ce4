"""The contract checks: every registered part passes, and each broken one is told what it broke."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from diffbench import testing
from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS, Column, Metric, Sampler
from diffbench.families.base import Family
from diffbench.testing import ContractError, check_dataset, check_family, check_metric, check_sampler

# The rest is slow: a few parts show here that the check passes what is right.
FAST = {"ancestral", "sliced_w2"}


def names(registry):
    return [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in registry.names()]


@pytest.mark.parametrize("name", names(DATASETS))
def test_datasets_keep_the_contract(name):
    check_dataset(DATASETS.build(name))


@pytest.mark.parametrize("name", names(FAMILIES))
def test_families_keep_the_contract(name):
    check_family({"name": name, "params": {}})


@pytest.mark.slow
def test_families_keep_the_contract_with_other_parameters():
    check_family({"name": "score_sde", "params": {"weighting": "likelihood"}}, process={"name": "ve"}, dim=3)


@pytest.mark.parametrize("name", names(SAMPLERS))
def test_samplers_keep_the_contract(name):
    check_sampler(SAMPLERS.build(name))


@pytest.mark.parametrize("name", names(METRICS))
def test_metrics_keep_the_contract(name):
    check_metric(METRICS.build(name))


class Wrong:
    """A truth that is another one times a factor."""

    def __init__(self, truth, score=1.0):
        self.truth, self.factor = truth, score

    def log_prob(self, x, alpha, sigma):
        return self.truth.log_prob(x, alpha, sigma)

    def score(self, x, alpha, sigma):
        return self.factor * self.truth.score(x, alpha, sigma)


@pytest.fixture(scope="module")
def nine():
    return DATASETS.build("nine_gaussians")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: {"mean": d.mean + 0.3}, "mean: expected that of the samples, got"),
        (lambda d: {"scale": 1.3 * d.scale}, r"scale: expected that of the samples .*, got ratio 0\.7"),
        (lambda d: {"resolution": 0.0}, "resolution: expected 0 < resolution <= diameter, got 0.0 and"),
        (lambda d: {"dim": 3}, r"sample: expected shape \(4096, 3\), got shape \(4096, 2\)"),
        (
            lambda d: {"sample": Restless(d.sample)},
            "sample with one key twice: expected the same points, got",
        ),
    ],
)
def test_a_broken_dataset_is_told(nine, change, text):
    with pytest.raises(ContractError, match=text):
        check_dataset(dataclasses.replace(nine, **change(nine)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: {"truth": Wrong(d.truth, -1.0)}, "score: expected grad log_prob, got off by"),
        (lambda d: {"truth": Wrong(d.truth, jnp.nan)}, "score: expected finite numbers, got NaN or infinity"),
        (lambda d: {"modes": Heavy(d.modes)}, r"mode weights: expected a sum of 1, got (2|1\.99)"),
        (
            lambda d: {"distance": lambda x: -jnp.ones(len(x))},
            "distance: expected numbers of at least 0, got",
        ),
    ],
)
def test_a_broken_truth_is_told(nine, change, text):
    with pytest.raises(ContractError, match=text):
        check_dataset(dataclasses.replace(nine, **change(nine)))


class Heavy:
    def __init__(self, modes):
        self.weights = 2 * modes.weights


class Restless:
    def __init__(self, sample):
        self.sample, self.calls = sample, 0

    def __call__(self, key, n):
        self.calls += 1
        return self.sample(key, n) + 1e-3 * self.calls


def halfway(key, x, score, process):
    return x + 0 * score(x, jnp.asarray(1.0)), 1


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (lambda *args: (halfway(*args)[0], 5), "nfe: expected the 1 evaluations made, got 5"),
        (
            lambda *args: (halfway(*args)[0][:-1], 1),
            r"samples: expected shape \(2048, 2\), got shape \(2047, 2\)",
        ),
        (lambda *args: (jnp.nan * halfway(*args)[0], 1), "samples: expected finite numbers, got NaN"),
        (lambda *args: (halfway(*args)[0] + 1, 1), "mean of samples: expected 0 within 6 standard errors"),
        (lambda *args: (2 * halfway(*args)[0], 1), "spread of samples: expected 1 within 15%"),
    ],
)
def test_a_broken_sampler_is_told(run, text):
    with pytest.raises(ContractError, match=text):
        check_sampler(Sampler(run=run))


def test_a_good_sampler_passes():
    check_sampler(Sampler(run=halfway))


def test_a_sampler_that_fits_nothing_is_told():
    with pytest.raises(ContractError, match=r"unfit: expected a process that fits .*, got none"):
        check_sampler(Sampler(run=halfway, unfit=lambda process: "never"))


@pytest.mark.parametrize(
    ("values", "arrays", "text"),
    [
        ({"other": 1.0}, {}, r"columns: expected \['mine'\], got \['other'\]"),
        ({"mine": np.float32(1.0)}, {}, "mine: expected a float, got float32"),
        ({"mine": float("nan")}, {}, "mine: expected a finite number, got nan"),
        ({"mine": 1.0}, {"curve": [1.0]}, "curve: expected a NumPy array, got list"),
    ],
)
def test_a_broken_metric_is_told(values, arrays, text):
    metric = Metric(columns={"mine": Column()}, measure=lambda key, outcome: (values, arrays))
    with pytest.raises(ContractError, match=text):
        check_metric(metric)


def test_only_an_optional_column_may_be_nan():
    columns = {"mine": Column(optional=True)}
    check_metric(Metric(columns, measure=lambda key, outcome: ({"mine": float("nan")}, {})))
    with pytest.raises(ContractError, match="mine: expected a finite number, got inf"):
        check_metric(Metric(columns, measure=lambda key, outcome: ({"mine": float("inf")}, {})))


class TooLate(Family):
    def sample_times(self, key, n):
        return jnp.full(n, 1.5)


class Negative(Family):
    def sample_times(self, key, n):
        return jnp.full(n, 0.5)

    def weight(self, t):
        return -jnp.ones_like(t)


class Uneven(Negative):
    def weight(self, t):
        return jnp.ones_like(t)

    def score(self, x, t):
        return super().score(x, t) * (1.0 + t.ndim)


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (TooLate, r"sample_times: expected times in \[1e-05, 1\], got 1.5 to 1.5"),
        (Negative, "weight: expected numbers of at least 0, got -1.0"),
        (Uneven, r"score: expected the same for t \[\] and \[n\], got others"),
    ],
)
def test_a_broken_family_is_told(cls, text, monkeypatch):
    FAMILIES.loaded()  # the shipped ones stay
    monkeypatch.setattr(FAMILIES, "_entries", dict(FAMILIES._entries))
    name = f"test_{cls.__name__}"
    FAMILIES.register(name)(cls)
    with pytest.raises(ContractError, match=text):
        check_family({"name": name, "params": {}})


def test_contract_errors_are_value_errors():
    assert issubclass(ContractError, ValueError)
    assert testing.__doc__
