"""The Bayesian signed-rank against its definition, and what few datasets cannot tell."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import stats

from diffbench.tables import signed_rank


def _by_definition(differences, rope, draws, seed):
    """Benavoli et al. (2017), section 4.2, sum by sum; the prior one is 0, its strength a half."""
    d = [0.0, *differences]
    rng = np.random.default_rng(seed)
    found = np.zeros((draws, 3))
    for k in range(draws):
        w = rng.gamma([0.5] + [1.0] * len(differences))
        w /= w.sum()
        for i in range(len(d)):
            for j in range(len(d)):
                total = d[i] + d[j]
                place = 0 if total > 2 * rope else 2 if total < -2 * rope else 1
                found[k, place] += w[i] * w[j]
    return found


def test_the_posterior_is_that_of_its_definition():
    """Means of 4,000 and of 1,500 draws, whose standard errors are below 0.006; four of them."""
    d = np.array([0.05, 0.02, -0.015, 0.004, 0.08, -0.001])
    ours = signed_rank.posterior(d, 0.01)
    theirs = _by_definition(d, 0.01, 1500, seed=1)
    np.testing.assert_allclose(ours.sum(axis=1), 1.0)
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.024)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.15)


def _pair(differences):
    return {"metric": "m", "differences": np.array(differences, float)}


@pytest.mark.slow
def test_what_is_better_equal_or_worse_is_called_so():
    better, equal, worse = signed_rank.among([_pair([x] * 8) for x in (0.1, 0.001, -0.1)])
    assert (better["better"], equal["equal"], worse["worse"]) == (1.0, 1.0, 1.0)
    assert 0.0 <= worse["chance_low"] <= worse["chance"] <= worse["chance_high"] < 0.5
    assert "differences" not in better


def test_few_datasets_import_no_arviz_and_say_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "arviz", None)
    assert signed_rank.among([_pair([0.1] * 4)]) == [{"metric": "m"}]
    assert signed_rank.silent(4) == (
        "Datasets: 4. Left out: the Bayesian signed-rank, which takes 5; Wilcoxon's test and the"
        " critical-difference diagram, which take 7 (the least p-value would be 0.12)."
    )
    assert signed_rank.silent(7) == ""


def test_wilcoxon_is_scipys_by_holm(monkeypatch):
    monkeypatch.setattr(signed_rank, "BAYESIAN", 99)
    rng = np.random.default_rng(0)
    many = [rng.normal(shift, 0.1, 8) for shift in (0.2, 0.05, 0.0)]
    p = np.array([stats.wilcoxon(d).pvalue for d in many])
    order = np.argsort(p)
    by_hand = np.maximum.accumulate(np.minimum(1.0, p[order] * [3, 2, 1]))
    ours = [one["wilcoxon"] for one in signed_rank.among([_pair(d) for d in many])]
    np.testing.assert_allclose(np.array(ours)[order], by_hand)
    assert signed_rank.among([_pair([0.0] * 8)])[0]["wilcoxon"] == 1.0
