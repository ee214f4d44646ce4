"""A score in PyTorch is as good as one of ours: same samples, same table; `nox -s torch` runs this."""

from __future__ import annotations

import math

import numpy as np
import pytest

import diffbench as db

torch = pytest.importorskip("torch")
# PyTorch's own forward differentiation names what PyTorch retires.
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit:DeprecationWarning")

NETWORK = {"widths": [16, 16], "blocks": "plain", "activation": "relu", "embedding": "concatenate"}


def _levels(t):
    """VP's alpha and sigma, in plain Python: `beta` 0.1 to 20."""
    b = 0.1 * t + 0.5 * 19.9 * t * t
    return math.exp(-0.5 * b), math.sqrt(-math.expm1(-b))


class Net(torch.nn.Module):
    """The MLP of a fit, with its weights."""

    def __init__(self, params):
        super().__init__()
        by_name = {path.split("/")[-1]: values for path, values in params.items()}
        self.layers = torch.nn.ModuleList()
        for name in ("stem", "layer_1", "head"):
            w, b = (torch.tensor(np.asarray(by_name[name][key])) for key in ("w", "b"))
            layer = torch.nn.Linear(*w.shape)
            layer.weight, layer.bias = torch.nn.Parameter(w.T.contiguous()), torch.nn.Parameter(b)
            self.layers.append(layer)

    def forward(self, x, t):
        alpha, sigma = _levels(t)
        told = torch.tensor([t - 0.5, math.cos(2 * math.pi * t)], dtype=x.dtype).expand(len(x), 2)
        h = torch.cat([x / math.sqrt(alpha**2 + sigma**2), told], dim=1)
        for layer in self.layers[:-1]:
            h = torch.relu(layer(h))
        return self.layers[-1](h)


@pytest.fixture(scope="module")
def pair():
    fit = db.fit("score_sde", "nine_gaussians", steps=200, batch=64, network=NETWORK, seed=0)
    mine = db.score(
        Net(fit.params), process="vp", dataset="nine_gaussians", framework="torch", predicts="eps",
        coordinates="standardised",
    )  # fmt: skip
    return fit, mine


@pytest.mark.parametrize(
    ("sampler", "options"),
    [("ancestral", {"steps": 50}), ("probability_flow", {"solver": "heun", "steps": 20})],
)
def test_the_same_weights_give_the_same_samples(pair, sampler, options):
    fit, mine = pair
    ours = db.sample(fit, sampler, n=500, **options)
    theirs = db.sample(mine, sampler, n=500, **options)
    assert theirs.nfe == ours.nfe
    np.testing.assert_allclose(theirs.samples, ours.samples, atol=1e-4 * np.abs(ours.samples).max())


def test_the_same_weights_give_the_same_table(pair):
    fit, mine = pair
    ours, theirs = (
        db.measure(
            db.sample(one, "ancestral", n=500, steps=50), ["energy", "mode_tv", "score_error"], floor_draws=19
        )
        for one in pair
    )
    assert list(ours["metric"]) == list(theirs["metric"])
    np.testing.assert_allclose(theirs["value"], ours["value"], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(theirs["z"], ours["z"], rtol=1e-2, atol=1e-2)


def test_the_divergence_is_by_torch_and_gives_the_same_likelihood(pair):
    options = [{"name": "kl", "points": 64}]
    ours, theirs = (db.measure(one, options) for one in pair)
    np.testing.assert_allclose(theirs["value"], ours["value"], rtol=1e-3)


def test_weights_that_changed_are_drawn_anew(pair):
    _, mine = pair
    before = db.sample(mine, "ancestral", n=20, steps=5).samples
    bias = mine.function.call.layers[-1].bias
    kept = bias.detach().clone()
    with torch.no_grad():
        bias += 1.0
    after = db.sample(mine, "ancestral", n=20, steps=5).samples
    with torch.no_grad():
        bias.copy_(kept)
    assert np.abs(before - after).max() > 0.01
    np.testing.assert_array_equal(before, db.sample(mine, "ancestral", n=20, steps=5).samples)


def test_what_torch_raises_is_told_as_theirs():
    wrong = db.score(torch.nn.Linear(3, 2), process="vp", dataset="nine_gaussians", framework="torch")
    with pytest.raises(RuntimeError, match="your score function raised TypeError"):
        db.sample(wrong, "ancestral", n=20, steps=5)
    other = db.score(
        lambda x, t: x @ torch.ones(3, 3), process="vp", dataset="nine_gaussians", framework="torch"
    )
    with pytest.raises(RuntimeError, match=r"your score function raised RuntimeError: mat1 and mat2"):
        db.sample(other, "ancestral", n=20, steps=5)
