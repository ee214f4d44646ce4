"""The ranking over datasets against what the packages and papers that it names would say.

baycomp judges the Bayesian signed-rank, scikit-posthocs (with statsmodels) Wilcoxon's p by Holm, autorank the
mean ranks. rliable cannot stand beside them: it asks for arch below 8, which does not import with pandas 3.1
(it calls a private decorator of pandas by its old arguments). So the interquartile mean, its stratified
bootstrap and the probability of improvement are held to the definitions of Agarwal et al. (2021), sections 4.1
to 4.3, written out in numpy as rliable has them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from ranked import COLUMNS, long_of

from diffbench.tables import ranking, signed_rank
from diffbench.tables.ranks import ranks

SEEDS, DATASETS = 10, ("a", "b", "c", "d", "e", "f", "g", "h")


@pytest.fixture(scope="module")
def simulated():
    """u of three rows, `[rows, datasets, seeds]`: two that are close, on datasets that differ by far."""
    rng = np.random.default_rng(7)
    level = 0.2 + 0.6 * rng.random((1, len(DATASETS), 1))
    lead = np.array([0.02, 0.0, -0.05])[:, None, None] + 0.04 * rng.standard_normal((3, len(DATASETS), 1))
    return level + lead + 0.03 * rng.standard_normal((3, len(DATASETS), SEEDS))


@pytest.fixture(scope="module")
def found(simulated):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signed_rank, "BAYESIAN", 99)  # its interval is ArviZ's, which takes seconds to import
        values = dict(zip("xyz", 1.0 - simulated, strict=True))
        return ranking.ranking(long_of(values, DATASETS), COLUMNS)


def _interquartile_mean(scores):
    """The mean of the middle half of all runs of all tasks."""
    ordered = np.sort(scores, axis=None)
    cut = len(ordered) // 4
    return ordered[cut : len(ordered) - cut].mean()


def _stratified_bootstrap(scores, draws, rng):
    """Runs drawn anew for each task by itself; scores are `[runs, tasks]`."""
    runs, tasks = scores.shape
    drawn = (scores[rng.choice(runs, scores.shape), np.arange(tasks)] for _ in range(draws))
    return np.percentile([_interquartile_mean(one) for one in drawn], [2.5, 97.5])


def _probability_of_improvement(x, y):
    """The mean over tasks of Mann and Whitney's U over the number of pairs."""
    pairs = x[:, None, :] - y[None, :, :]
    return ((pairs > 0).mean(axis=(0, 1)) + 0.5 * (pairs == 0).mean(axis=(0, 1))).mean()


def test_the_interquartile_mean_and_its_interval_are_those_of_their_paper(simulated, found):
    """Ends of 1,000 and of 2,000 draws differ by 0.03 of the width; three times that."""
    rng = np.random.default_rng(0)
    rows = found.rows.set_index("family")
    for name, u in zip("xyz", simulated, strict=True):
        assert rows.loc[name, "iqm"] == pytest.approx(_interquartile_mean(u.T), abs=1e-6)
        low, high = _stratified_bootstrap(u.T, 2000, rng)
        ours = rows.loc[name, ["low", "high"]].to_numpy(float)
        np.testing.assert_allclose(ours, [low, high], atol=0.09 * (high - low))


def test_the_probability_of_improvement_is_that_of_its_paper(simulated, found):
    at = {name: u.T for name, u in zip("xyz", simulated, strict=True)}
    assert len(found.pairs) == 3
    for one, two, ours in found.pairs[["family_1", "family_2", "improvement"]].itertuples(index=False):
        assert ours == pytest.approx(_probability_of_improvement(at[one], at[two]), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_bayesian_signed_rank_is_baycomps(seed):
    """4,000 draws on either side: means within 4 of their standard errors, shares within 4 of 0.011 each."""
    baycomp = pytest.importorskip("baycomp")
    rng = np.random.default_rng(seed)
    x = rng.random(5 + 2 * seed)
    y = x + 0.01 * rng.standard_normal(x.shape) - 0.004 * seed
    ours = signed_rank.posterior(x - y)
    # Its left is that the first has more, its right that the second has.
    theirs = baycomp.SignedRankTest.sample(x, y, signed_rank.ROPE, nsamples=4000, random_state=seed)
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / 4000)
    np.testing.assert_array_less(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)), 4 * error + 1e-12)
    shares = [np.bincount(one.argmax(axis=1), minlength=3) / 4000 for one in (ours, theirs)]
    np.testing.assert_allclose(*shares, atol=0.045)


@pytest.mark.slow
def test_wilcoxon_by_holm_is_scikit_posthocs(simulated, found):
    posthocs = pytest.importorskip("scikit_posthocs")
    u = pd.DataFrame(simulated.mean(axis=2).T, columns=list("xyz"))
    theirs = posthocs.posthoc_wilcoxon(u.melt(), val_col="value", group_col="variable", p_adjust="holm")
    for one, two, ours in found.pairs[["family_1", "family_2", "wilcoxon"]].itertuples(index=False):
        assert ours == pytest.approx(theirs.loc[one, two], abs=1e-6)
    assert found.pairs["wilcoxon"].min() < 0.05 < found.pairs["wilcoxon"].max()


@pytest.mark.slow
def test_mean_ranks_are_autoranks(simulated, found):
    autorank = pytest.importorskip("autorank")
    u = pd.DataFrame(simulated.mean(axis=2).T, columns=list("xyz"))
    theirs = autorank.autorank(u, force_mode="nonparametric").rankdf["meanrank"]
    (ours,) = ranks(found)
    assert {row[0]: mean for row, mean in zip(ours.rows, ours.mean, strict=True)} == pytest.approx(
        theirs.to_dict()
    )
