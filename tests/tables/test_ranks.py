"""Mean ranks over datasets: by SciPy's ranks, of rows that every dataset has, apart by Wilcoxon's p."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from diffbench.tables.comparison import ROW
from diffbench.tables.ranking import APART, PAIRED, RANKED, Ranking
from diffbench.tables.ranks import ranks

NAMES = ("a", "b", "c", "d")


def ranking(u, lacking=()):
    """Returns a ranking of rows by u, `[rows, datasets]`, without some (row, dataset)."""
    pairs, apart = [], []
    for i in range(len(u)):
        for j in range(i + 1, len(u)):
            keys = {f"{key}_{k}": value for k, row in ((1, i), (2, j)) for key, value in
                    zip(ROW[1:], (NAMES[row], "", "own"), strict=True)}  # fmt: skip
            about = {"metric": "energy", "score": "learned", **keys}
            shared = [d for d in range(u.shape[1]) if (i, d) not in lacking and (j, d) not in lacking]
            pairs.append({**about, "datasets": len(shared), "wilcoxon": 0.1 * (i + 1) + 0.01 * (j + 1)})
            apart += [{**about, "dataset": f"d{d}", "difference": u[i, d] - u[j, d]} for d in shared]
    return Ranking(
        pd.DataFrame(columns=list(RANKED)),
        pd.DataFrame(pairs, columns=list(PAIRED)),
        pd.DataFrame(apart, columns=list(APART)),
    )


U = np.round(np.random.default_rng(0).normal(size=(4, 8)), 1)


def test_mean_ranks_are_scipys_ties_one_half():
    u = U.copy()
    u[0, 0] = u[1, 0] = u[2, 0]
    (found,) = ranks(ranking(u))
    judged = stats.rankdata(-u, axis=0).mean(axis=1)
    means = dict(zip((row[0] for row in found.rows), found.mean, strict=True))
    assert means == pytest.approx(dict(zip(NAMES, judged, strict=True)), abs=1e-12)
    assert [*found.mean] == sorted(found.mean)
    assert (found.metric, found.score, found.datasets) == ("energy", "learned", 8)


def test_p_is_that_of_the_pair_whatever_their_order():
    (found,) = ranks(ranking(U))
    names = [row[0] for row in found.rows]
    np.testing.assert_array_equal(found.p, found.p.T)
    np.testing.assert_array_equal(np.diag(found.p), 1.0)
    assert found.p[names.index("b"), names.index("d")] == pytest.approx(0.24)


def test_a_row_that_lacks_a_dataset_is_not_ranked():
    (found,) = ranks(ranking(U, lacking={(1, 3)}))
    assert sorted(row[0] for row in found.rows) == ["a", "c", "d"]
    judged = stats.rankdata(-U[[0, 2, 3]], axis=0).mean(axis=1)
    assert sorted(found.mean) == pytest.approx(sorted(judged))


def test_few_datasets_or_two_rows_are_not_ranked():
    assert ranks(ranking(U[:, :6])) == []
    assert ranks(ranking(U[:2])) == []
