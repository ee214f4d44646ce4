"""What each part gave when its version was last raised: a changed result needs a new version.

Results are stored under hashes that hold the version of every part, so a part that gives other numbers under
an old version would mix them with stored ones. `golden/digests.json` keeps a few moments of a small output of
each part. After a change that is meant, raise the part's `version` and write the digests anew:

    python tests/test_golden.py --update
"""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_suite import WITHOUT_DEFAULTS

from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS, Flow, Outcome
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.programs import model as models
from diffbench.programs import sampling, training
from diffbench.sources import exact

DIGESTS = Path(__file__).parent / "golden" / "digests.json"
# Above what other processors and releases of JAX change, below what a change of method does.
RELATIVE, ABSOLUTE = 1e-3, 1e-3
NETWORK = {"name": "mlp", "params": {"widths": [8, 8], "embedding_width": 4}}
# Few steps, for speed and since rounding grows along a chain.
FEW = {
    "ancestral": {"steps": 5},
    "annealed_langevin": {"steps_per_level": 2},
    "ddim": {"steps": 5},
    "deis": {"steps": 5},
    "dpm_solver_pp": {"steps": 5},
    "edm": {"steps": 5},
    "euler_maruyama": {"steps": 5},
    "predictor_corrector": {"steps": 5},
    "probability_flow": {"solver": "heun", "steps": 5},
    "bpd": {"points": 8},
    "denoising": {"points": 8, "shown": 2},
    "kl": {"points": 32},
    "mixing": {"steps": 50},
    "mode_tv": {"null_samples": 2**12},
    "nll": {"points": 32},
    "unipc": {"steps": 5},
    "score_error": {"points": 3, "samples": 128},
    "trajectory_error": {"points": 32, "frames": 4},
}


def points(n=64, dim=2):
    return jnp.asarray(np.random.RandomState(0).standard_normal((n, dim)), float)


def moments(x):
    """Returns a few numbers that tell one array from another and hardly feel rounding."""
    x = np.asarray(x, np.float64)
    flat = x.reshape(len(x), -1)[:, :3]
    return [*flat.mean(axis=0), *flat.std(axis=0), np.abs(x).mean(), *flat[:2].ravel()]


def dataset(name):
    built = DATASETS.build(name)
    x = built.sample(jax.random.key(0), 64)

    @jax.jit
    def diffused(x):
        x, alpha, sigma = (x - built.mean) / built.scale, jnp.asarray(0.8), jnp.asarray(0.5)
        return built.truth.log_prob(x, alpha, sigma), built.truth.score(x, alpha, sigma)

    facts = [built.dim, *np.atleast_1d(built.mean)[:3], built.scale, built.resolution, built.diameter]
    return built.version, [*facts, *moments(x), *(v for a in diffused(x) for v in moments(a))]


def noise(name):
    built = PROCESSES.build(name)
    t = jnp.asarray([built.t_min, 0.1, 0.4, 0.7, 1.0])
    found = jax.jit(lambda p, t: (p.log_alpha(t), p.log_sigma(t), p.drift(t), p.diffusion(t)))(built, t)
    grid = [0] if built.grid is None else [built.grid.size, *np.asarray(built.grid)[:2]]
    return built.version, [*np.concatenate(found), built.t_min, built.t_end, *grid]


def network(name):
    init = models.initialise({"name": name, "params": {}}, jax.random.key(0), 2)
    return NETWORKS.version_of(name), [
        v for _, array in sorted(_leaves(init)) for v in moments(np.atleast_2d(array))[:7]
    ]


def family(name):
    cls = FAMILIES.entry(name).build
    noise = dict(cls.default_process)
    built = PROCESSES.build(noise.pop("name"), **noise)
    start = models.initialise(NETWORK, jax.random.key(0), 2)
    loss = jax.jit(models.model_of({"name": name, "params": {}}, NETWORK).loss, static_argnums=4)
    return cls.version, moments(loss(start, jax.random.key(1), points(), built, True))


def sampler(name):
    built = SAMPLERS.build(name, **FEW.get(name, {}))
    noise = next(p for p in map(PROCESSES.build, ("vp", "ncsn", "ve")) if built.unfit(p) is None)
    x = noise.sigma(jnp.asarray(noise.t_max)) * points()

    def score(x, t):
        return -x / (0.25 * noise.alpha(t) ** 2 + noise.sigma(t) ** 2)

    samples, nfe = jax.jit(lambda x: built.run(jax.random.key(0), x, score, noise))(x)
    return built.version, [int(nfe), *moments(samples)]


def metric(name):
    built = METRICS.build(name, **FEW.get(name, {}))
    data, vp = (
        DATASETS.build("circle" if {"manifold", "intrinsic"} & {*built.needs} else "nine_gaussians"),
        PROCESSES.build("vp"),
    )
    if "grey" in built.needs:
        data = DATASETS.build("random_field", size=4)
    y, x, train = (data.standardise(data.sample(jax.random.key(k), 64)) for k in (0, 1, 2))

    def score(x, t):
        return 0.9 * data.score(x, vp.alpha(t), vp.sigma(t))

    # Shifted samples and a scaled score: no difference is then a near-cancelling one.
    x = x + 0.3
    prepared = built.prepare(y, data) if built.prepare else None
    values, arrays = built.measure(
        jax.random.key(2), Outcome(x, y, train, score, vp, data, prepared, Flow(x, y, train))
    )
    if built.finish is not None:
        # A narrow floor about 0 where the value is read against its mean, not its spread alone.
        draws = (
            (lambda v: (0 * v, 0 * v + 0.01)) if built.floor == "two_sided" else (lambda v: (v, 2 * v + 1))
        )
        values = built.finish(values, arrays, {k: np.stack(draws(v)) for k, v in arrays.items()})
    return built.version, [values[column] for column in built.columns]


def fit(name):
    settings = training.Training(steps=4, batch=16, warm_up=0)
    spec, vp = {"name": name, "params": {}}, PROCESSES.build("vp")
    result = training.fit(spec, NETWORK, settings, vp, points(), jax.random.key(0), jax.random.key(1))
    weights = [value.mean() for _, value in sorted(_leaves(result.ema))]
    return training.VERSION, [*result.loss, *weights]


def draw(name):
    spec = {"name": name, "params": SAMPLERS.complete(name, {"steps": 2})}
    source = exact.score_of(DATASETS.build("nine_gaussians").truth)
    drawn = sampling.sample(spec, source, PROCESSES.build("vp"), jax.random.key(0), 64, 2)
    return sampling.VERSION, [drawn.nfe, *moments(drawn.samples)]


def _leaves(params):
    return [(f"{module}/{name}", np.asarray(v)) for module, vs in params.items() for name, v in vs.items()]


KINDS = {
    "dataset": (dataset, [name for name in DATASETS.loaded() if name not in WITHOUT_DEFAULTS]),
    "process": (noise, PROCESSES.loaded()),
    "network": (network, NETWORKS.loaded()),
    "family": (family, FAMILIES.loaded()),
    "sampler": (sampler, SAMPLERS.loaded()),
    "metric": (metric, METRICS.loaded()),
    "training": (fit, ("score_sde",)),
    "sampling": (draw, ("ancestral",)),
}
PARTS = [(kind, name) for kind, (_, names) in KINDS.items() for name in names]
AGAIN = "run `python tests/test_golden.py --update` and commit golden/digests.json"


def digest(kind, name):
    """Returns the version of a part and the numbers it gives."""
    version, values = KINDS[kind][0](name)
    return {"version": version, "values": [float(f"{float(value):.6g}") for value in values]}


def verdict(kind, name, stored, now):
    """Returns what is wrong with a part's digest, or None."""
    if stored is None:
        return f"{kind} {name!r} has no digest: {AGAIN}"
    old, new = np.array(stored["values"]), np.array(now["values"])
    same = old.shape == new.shape and np.allclose(new, old, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    if stored["version"] != now["version"]:
        return f"{kind} {name!r} is of version {now['version']}, its digest of {stored['version']}: {AGAIN}"
    if same:
        return None
    return (
        f"{kind} {name!r} gives other numbers under the same version {now['version']}: undo the change, or raise"
        f" its version, then {AGAIN}\nwas {old.tolist()}\nis  {new.tolist()}"
    )


def stored():
    return json.loads(DIGESTS.read_text()) if DIGESTS.exists() else {}


# Datasets and metrics compile a program or more each: too much for the fast tests.
FAST = ("process", "sampler")


@pytest.mark.parametrize(
    ("kind", "name"),
    [part if part[0] in FAST else pytest.param(*part, marks=pytest.mark.slow) for part in PARTS],
)
def test_a_changed_result_has_a_new_version(kind, name):
    wrong = verdict(kind, name, stored().get(kind, {}).get(name), digest(kind, name))
    assert wrong is None, wrong


def test_no_digest_is_of_a_part_that_is_gone():
    assert {(kind, name) for kind, of in stored().items() for name in of} <= set(PARTS), AGAIN


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (None, "has no digest"),
        ({"version": 2, "values": [1.0, 5.0]}, "is of version 1, its digest of 2"),
        ({"version": 1, "values": [1.0]}, "raise its version"),
        ({"version": 1, "values": [1.01, 5.0]}, "raise its version"),
    ],
)
def test_what_is_wrong_is_said(before, text):
    assert text in verdict("sampler", "x", before, {"version": 1, "values": [1.0, 5.0]})


def test_rounding_is_forgiven():
    before = {"version": 1, "values": [1.0004, 0.0]}
    assert verdict("sampler", "x", before, {"version": 1, "values": [1.0, 1e-4]}) is None


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    made = {}
    for kind, name in PARTS:
        made.setdefault(kind, {})[name] = digest(kind, name)
    DIGESTS.parent.mkdir(exist_ok=True)
    DIGESTS.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
