"""The verdict: what it names, what it does not, and how often it is wrong where nothing is there."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from diffbench.contracts import DATASETS, METRICS, key_for
from diffbench.metrics.floor import floor_of
from diffbench.tables.verdict import (
    LEVEL,
    NOTHING,
    Part,
    combined,
    difference_p_values,
    draw_p_values,
    verdicts,
)


def verdict(parts, span):
    """Returns what is said of a row that is read alone."""
    return verdicts([(parts, span)])[0]


def test_the_p_value_of_a_difference_is_the_tail_of_a_laplace_law():
    deviation, d = 0.3, np.array([-1.0, 0.0, 0.2, 1.0])
    law = stats.laplace(scale=deviation)  # its variance is that of two draws, 2 deviation^2
    assert law.var() == pytest.approx(2 * deviation**2)
    assert difference_p_values(d, deviation) == pytest.approx(law.sf(d))
    assert difference_p_values(d, deviation, two_sided=True) == pytest.approx(2 * law.sf(np.abs(d)))


def test_a_rank_that_can_be_no_smaller_gives_way_to_the_tail_of_chi_squared_noise():
    law, z = stats.chi2(1), np.array([0.0, 3.0, 16.0, 16.0])
    ranks = np.array([0.4, 0.02, 0.005, 0.2])
    told = draw_p_values(ranks, z)
    assert told == pytest.approx([0.4, 0.02, law.sf(1 + math.sqrt(2) * 16.0), 0.2])
    assert draw_p_values(ranks, -z, two_sided=True)[2] == pytest.approx(2 * told[2])
    assert draw_p_values(ranks, -z)[2] == 0.005


def test_the_tail_of_one_degree_is_above_that_of_any_sum_of_squares():
    one = stats.chi2.sf(1 + math.sqrt(2) * 4.0, 1)
    for degrees in (2, 5, 50):
        assert stats.chi2(degrees).sf(degrees + 4.0 * math.sqrt(2 * degrees)) < one


def test_seeds_are_combined_as_scipy_does():
    p = np.array([0.01, 0.4, 0.2])
    assert combined(p) == pytest.approx(stats.combine_pvalues(p, "fisher").pvalue)


@pytest.mark.parametrize("degrees", [1, 3, 30])
def test_differences_of_chi_squared_noise_are_within_the_level(degrees):
    # The floors of U-statistics are sums of these; one degree has the longest tails.
    law, deviation = stats.chi2(degrees), math.sqrt(2 * degrees)
    beyond = -math.sqrt(2) * deviation * math.log(2 * LEVEL) / math.sqrt(2)
    rate = integrate.quad(lambda x: law.pdf(x) * law.sf(x + beyond), 0.0, np.inf, limit=200)[0]
    assert rate < 1.1 * LEVEL


def test_parts_are_named_with_the_seeds_that_show_them_the_largest_first():
    parts = {
        "learning": Part("learning", np.array([0.2, 0.3, 0.1]), np.array([0.001, 0.01, 0.2])),
        "solver": Part("solving", np.array([1.0, 1.0, 1.0]), np.array([0.005, 0.005, 0.005])),
    }
    assert verdict(parts, 10.0) == "solving 3/3, learning 2/3"


def test_one_part_that_is_seen_does_not_lend_its_level_to_another():
    seen = Part("solving", np.ones(1), np.array([1e-6]))
    weak = Part("learning", np.ones(1), np.array([0.04]))
    assert verdict({"solver": seen, "learning": weak}, 10.0) == "solving 1/1, learning 1/1"
    both = Part("solving", np.ones(1), np.array([0.04]))
    assert verdict({"solver": both, "learning": weak}, 10.0) == NOTHING


def test_rows_that_are_read_together_are_judged_together():
    weak = {"solver": Part("solving", np.ones(1), np.array([0.02]))}
    nothing = {"solver": Part("solving", np.zeros(1), np.array([0.6]))}
    assert verdicts([(weak, 10.0)]) == ["solving 1/1"]
    assert verdicts([(weak, 10.0), (nothing, 10.0), (nothing, 10.0)]) == [NOTHING] * 3
    # What is seen for certain leaves its share of the level to the others.
    seen = {"solver": Part("solving", np.ones(1), np.array([1e-9]))}
    assert verdicts([(weak, 10.0), (seen, 10.0), (nothing, 10.0)]) == ["solving 1/1", "solving 1/1", NOTHING]


def test_what_is_too_small_to_matter_is_not_named():
    sure = {"learning": Part("learning", np.full(3, 0.004), np.full(3, 1e-9))}
    assert verdict(sure, 1.0) == NOTHING
    assert verdict(sure, 0.5) == "learning 3/3"
    assert verdict(sure, math.nan) == "learning 3/3"
    assert verdict({}, 1.0) == "not known"


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["energy", "mmd2"])
def test_truth_is_named_in_at_most_one_trial_of_twenty(metric):
    # 500 trials of three seeds: "exact" and "learned" rows are both fresh truth, of n = 200 points.
    dataset, n, trials, seeds = DATASETS.build("nine_gaussians"), 200, 500, 3
    built = METRICS.build(metric)
    column = list(built.columns)[-1]
    y = dataset.standardise(dataset.sample(key_for(0, "y"), n))
    draws = floor_of(built, dataset, y, n, 199 + 2 * seeds * trials).values[column]
    floor, rows = draws[:199], draws[199:].reshape(trials, 2, seeds)
    named = 0
    for exact, learned in rows:
        rank = (1 + (floor >= exact[:, None]).sum(axis=1)) / 200
        parts = {
            "solver": Part(
                "solving", exact - floor.mean(), draw_p_values(rank, (exact - floor.mean()) / floor.std())
            ),
            "learning": Part("learning", learned - exact, difference_p_values(learned - exact, floor.std())),
        }
        named += verdict(parts, math.nan) != NOTHING
    # Four standard errors of 500 trials above 5% would be 8.9%.
    assert named / trials < LEVEL + 2 * math.sqrt(LEVEL * (1 - LEVEL) / trials)


def test_a_model_that_went_astray_has_a_p_value_of_zero_and_no_warning():
    p_values = difference_p_values(np.full(3, 1e9), 1.0)
    assert combined(p_values) == 0.0
