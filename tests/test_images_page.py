"""The page of images is what the committed runs make, and says what they say."""

import images_page as made
import publish
import pytest


def test_the_page_is_made_from_the_committed_results():
    text = made.PAGE.read_text(encoding="utf-8")
    assert made.page(text) == text
    assert all(f"\n{begin}\n\n| score |" in text for begin, _ in map(made.marks, made.RUNS))


def test_every_picture_of_the_page_is_there():
    text = made.PAGE.read_text(encoding="utf-8")
    for called in made.PICTURES.values():
        assert f"({called}.png)" in text
        assert (made.PAGE.parent / f"{called}.png").is_file()


@pytest.mark.parametrize("column", ["energy", "frechet", "frechet_leading"])
def test_exact_rows_are_at_the_floor(column):
    long, _ = publish.read("images")
    exact = long[(long["score"] == "exact") & (long["metric"] == column)]
    assert len(exact) == 6
    # The mean over rows, for z of a single one is no Gaussian; and no row far from it.
    assert abs(exact["z"].mean()) < 2
    assert exact["z"].max() < 3


def test_exact_scores_have_the_laws_bits_to_a_hundredth():
    long, _ = publish.read("images")
    exact = long[(long["score"] == "exact") & (long["metric"] == "bpd_excess")]["value"].dropna()
    assert len(exact)
    assert exact.abs().max() < 0.01


def test_runs_of_other_suites_are_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"suite": {"name": "quick"}}')
    with pytest.raises(SystemExit, match="runs of images and score_sde_tutorial; got one of quick"):
        made.take_over(tmp_path)
