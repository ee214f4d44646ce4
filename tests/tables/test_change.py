"""Whether a number got worse: interval, size and chance, with one seed and with several."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from diffbench.tables.change import Pairs, changes


def pairs(a, b, sd=1.0, side=1.0, mean=0.0, trained=False):
    return Pairs(np.array(a, float), np.array(b, float), mean, sd, side, trained)


def one(*args, **kwargs):
    (found,) = changes([pairs(*args, **kwargs)])
    return found


def test_one_seed_is_judged_by_noise_that_grows_with_its_centre():
    """sqrt(1 + sqrt(2) z) moves by 1.96 sqrt(2): from truth to z = 9.35, from z = 1,000 to 1,153."""
    for before, now in ((0.0, 9.3525), (1000.0, 1152.9)):
        assert one([before], [now * 1.01]).verdict == "worse"
        assert one([now * 1.01], [before]).verdict == "better"
        assert one([before], [now * 0.99]).verdict == "equal"
        assert one([before], [now]).p_value == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("centre", [0.0, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("degrees", [1, 5])
def test_one_seed_of_two_equal_models_is_told_apart_once_in_twenty_at_most(centre, degrees):
    """500 pairs: 5% of them are 25, and more than 42 once in 2,000."""
    rng = np.random.default_rng(int(centre) + degrees)
    noise = rng.standard_normal((2, 500, degrees))
    noise[..., 0] += centre
    z = ((noise**2).sum(axis=-1) - degrees) / math.sqrt(2 * degrees)
    alone = [one([a], [b]).verdict for a, b in z.T]
    assert sum(verdict != "equal" for verdict in alone) <= 42


def test_one_seed_of_a_trained_row_is_worse_where_no_other_training_would_be():
    """sqrt(1 + sqrt(2) z) has to move by 1.96 sqrt(2) times 4: from truth to z = 102.6."""
    assert one([0.0], [104.0], trained=True).verdict == "worse"
    assert one([0.0], [101.0], trained=True).verdict == "equal"


def test_one_seed_without_a_floor_is_not_known():
    assert one([1.0], [2.0], sd=math.nan).verdict == "not known"
    assert one([1.0], [1.0], sd=math.nan).verdict == "equal"


def test_rounding_is_no_change():
    assert one([1.0, 2.0], [1.0 + 1e-7, 2.0 + 1e-7], sd=1e-12).note == "the same number"


def test_the_interval_is_that_of_the_paired_t_test():
    a, b = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.3, 2.2, 3.9, 4.4])
    assert one(a, b, sd=1.0).p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert one(a, b).verdict == "worse"
    assert one(a, b, side=-1.0).verdict == "better"
    assert one(a, b, sd=1.5).verdict == "equal"  # within a floor deviation
    assert one([0.0, 0.0, 0.0], [0.1, 2.0, 5.0]).verdict == "equal"  # 0 is in the interval


def test_without_a_floor_a_change_exceeds_the_spread_over_seeds():
    assert one([0.0, 1.0, 2.0], [1.2, 2.2, 3.2], sd=math.nan).verdict == "worse"
    assert one([0.0, 1.0, 2.0], [0.8, 1.8, 2.8], sd=math.nan).verdict == "equal"


def test_where_truth_is_best_farther_on_either_side_is_worse():
    assert one([1.0, 1.1, 1.2], [-3.0, -3.1, -3.2], side=math.nan, sd=0.5).verdict == "worse"
    assert one([1.0, 1.1, 1.2], [-1.0, -1.1, -1.2], side=math.nan, sd=0.5).verdict == "equal"


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_a_page_of_noise_is_red_once_in_twenty_at_most(seeds):
    """30 pages of 40 numbers of equal models, half of them off truth: of 5%, more than 5 are red once in 500."""
    rng = np.random.default_rng(seeds)
    noise = rng.standard_normal((2, 30, 40, seeds))
    noise[:, :, 20:] += 5.0
    z = (noise**2 - 1) / math.sqrt(2)
    found = [changes([pairs(a, b) for a, b in zip(*page, strict=True)]) for page in z.swapaxes(0, 1)]
    assert sum(any(change.verdict == "worse" for change in page) for page in found) <= 5
    # Without Holm's steps a gate would be red of nothing every few days.
    alone = sum(any(change.note.startswith("worse") for change in page) for page in found)
    assert alone > 5


def test_what_chance_may_have_made_is_said():
    many = [pairs([0.0] * 3, [1.2, 1.6, 1.9])] + [pairs([0.0, 1.0, 2.0], [0.5, 0.3, 2.4])] * 200
    found = changes(many)[0]
    assert (found.verdict, found.note) == ("equal", "worse by itself; chance among 201 changes")
    assert changes(many[:1])[0].verdict == "worse"


def test_numbers_that_did_not_change_take_no_room_from_those_that_did():
    many = [pairs([0.0] * 3, [2.0, 2.1, 2.2])] + [pairs([1.0] * 3, [1.0] * 3)] * 1000
    assert changes(many)[0].verdict == "worse"


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_a_page_of_trainings_is_red_once_in_twenty_at_most(seeds):
    """30 pages of 40 rows whose trainings differ by 3.6 times the floor: more than 5 are red once in 500."""
    r = 9.0 + 3.6 * np.random.default_rng(seeds).standard_normal((2, 30, 40, seeds))
    z = (r**2 - 1) / math.sqrt(2)
    found = [
        changes([pairs(a, b, trained=True) for a, b in zip(*page, strict=True)]) for page in z.swapaxes(0, 1)
    ]
    assert sum(any(change.verdict == "worse" for change in page) for page in found) <= 5


def test_shares_that_tie_are_no_closer_than_their_step():
    """1,000 rows of shares of 2,000, whose noise is 6 of them: some tie, and p is 0.001 for 4 at the most."""
    rng = np.random.default_rng(2)
    shares = np.round(30.0 + 6.0 * rng.standard_normal((2, 1000, 2))) / 2000
    found = changes([pairs(a, b, sd=1 / 2000, trained=True) for a, b in zip(*shares, strict=True)])
    assert sum(change.p_value <= 0.001 for change in found) <= 4
    assert sum((b - a == (b - a)[0]).all() for a, b in zip(*shares, strict=True)) > 10


def test_a_count_takes_seeds_and_a_number_without_noise_takes_none():
    assert one([0, 0, 0], [1, 1, 1], sd=0.0).p_value == pytest.approx(0.0515, abs=1e-3)
    assert one([0] * 5, [1] * 5, sd=0.0).verdict == "worse"
    assert one([0.25] * 2, [0.5] * 2, sd=math.nan).verdict == "worse"
    assert one([0.25] * 2, [0.5] * 2, sd=0.01, mean=0.2, trained=True).verdict == "equal"


@pytest.mark.parametrize("side", [1.0, -1.0, math.nan])
@pytest.mark.parametrize("trained", [False, True])
def test_runs_that_change_places_change_worse_for_better_and_nothing_else(side, trained):
    rng = np.random.default_rng(0)
    many = []
    for i in range(60):
        a, b = (rng.standard_normal(1 + i % 5) + 40.0 * rng.integers(-1, 2) for _ in "ab")
        many.append(pairs(a, b, sd=(1.0, math.nan, 0.0)[i % 3], side=side, trained=trained))
    there = changes(many)
    back = changes([one._replace(a=one.b, b=one.a) for one in many])
    turned = {"worse": "better", "better": "worse"}
    for change, other in zip(there, back, strict=True):
        assert other.verdict == turned.get(change.verdict, change.verdict)
        assert other.p_value == pytest.approx(change.p_value, nan_ok=True)
    assert {"worse", "better", "equal"} <= {change.verdict for change in there}
