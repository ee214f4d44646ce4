"""The ranking as people read it: what is bold, what is left out and why, labels as text."""

from ranked import COLUMNS, long_of

from diffbench.tables import ranking, ranking_page


def test_the_page_has_the_best_in_bold_and_says_what_is_left_out_and_what_is_too_few():
    clear = {"x": [[0.1, 0.11, 0.12]] * 2, "y": [[0.3, 0.31, 0.33]] * 2}
    page = ranking_page.markdown(ranking.ranking(long_of(clear), COLUMNS))
    assert "| x | own | **0.890** |" in page
    assert "Datasets: 2. Left out: the Bayesian signed-rank" in page
    assert "anti-conservative: 10 seeds would keep their word, and some rows have 3" in page


def test_a_ranking_is_the_same_made_again_and_labels_stay_text():
    long = long_of({"x|y": [[0.1, 0.2], [0.3, 0.5]], "<b>": [[0.2, 0.4], [0.3, 0.5]]})
    pages = {ranking_page.markdown(ranking.ranking(long, COLUMNS)) for _ in range(2)}
    (page,) = pages
    assert "x&#124;y" in page
    assert "\\<b>" in page
