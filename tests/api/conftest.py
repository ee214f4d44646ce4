"""A suite by the command line's own way, and the same scores by the library."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tiny_suite import as_toml

import diffbench as db

SUITE = {
    "name": "bits",
    "datasets": [{"name": "nine_gaussians", "train_size": 64}],
    "families": ["score_sde"],
    "samplers": [{"name": "ancestral", "steps": 5}],
    "scores": ["learned", "exact", "empirical", {"name": "perturbed", "of": "exact", "size": 0.5}],
    "metrics": ["energy", "score_error"],
    "seeds": [1],
    "samples": 64,
    "floor_draws": 9,
    "network": {"widths": [8, 8], "embedding_width": 8},
    "training": {"steps": 20, "batch": 16},
}


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """Results of the suite by the command line's own way, and the same scores by the library."""
    folder = tmp_path_factory.mktemp("bits")
    (folder / "bits.toml").write_text(as_toml(SUITE))
    results = db.run(folder / "bits.toml", out=folder / "out", workers=0, progress=False)
    data = db.dataset("nine_gaussians")
    exact = db.exact(data, "vp")
    fit = db.fit("score_sde", data, seed=1, steps=20, batch=16, network=SUITE["network"], train_size=64)
    scores = {
        "learned": fit,
        "exact": exact,
        "empirical": db.empirical(data, "vp", size=64, seed=1),
        "perturbed": db.perturbed(exact, size=0.5),
    }
    return results, scores


@pytest.fixture(scope="session")
def drawn():
    """Returns a function: a score -> the samples that the suite draws of it, by the library."""

    def draw_of(score):
        seed = {} if score.kind in ("learned", "empirical") else {"seed": 1}
        return db.sample(score, "ancestral", n=64, steps=5, **seed)

    return draw_of


@pytest.fixture
def refused() -> Callable[[Callable[[], object], type[Exception], str], None]:
    """Returns what holds a call to an error of one line that says something."""

    def hold(call: Callable[[], object], error: type[Exception], said: str) -> None:
        with pytest.raises(error, match=said) as caught:
            call()
        assert "\n" not in str(caught.value)

    return hold
