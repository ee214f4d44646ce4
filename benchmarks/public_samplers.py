"""Public samplers under the instrument: diffusers' schedulers on exact scores, ours beside them.

python benchmarks/public_samplers.py           # measures; writes results/reference/public_samplers, the page
python benchmarks/public_samplers.py --show    # measures and prints; writes nothing

All on DDPM's linear table of 1,000 betas, from the same starting points. A deterministic sampler is held to
the exact flow map at the end that it reaches, a stochastic one to the moments of the data; each step of
either to its paper's equation in float64 (`public_equations`). `nox -s public_samplers` has what it needs.
"""

from __future__ import annotations

import csv
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from public_adapters import STEPS, Eps, Ours, Table, theirs_from
from public_rows import drawing, flowing, ours_drawing, ours_flowing
from public_walks import Equation, Walk, one_step

FOLDER = Path(__file__).resolve().parents[1] / "results" / "reference" / "public_samplers"
DATASETS = ("nine_gaussians", "two_moons")
# Each divides 1,000, as strides over a table must to be of one length.
BUDGETS = (5, 8, 10, 20, 25, 40, 50, 100)
FEWER = (5, 10, 20, 50, 100)  # all but the first dataset, and what draws noise
POINTS, DRAWS = 256, 2000


class Truth(NamedTuple):
    """A dataset under the instrument.

    Attributes:
      name: Of the dataset.
      eps: (x, alpha, sigma) -> the exact eps, float32.
      ours: Our samplers on it.
      start: Points at t = 1, `[POINTS, 2]`, float32.
      more: More of them, for samplers with noise, `[DRAWS, 2]`.
      at_knot: Where the flow leads from `start` at the first knot, `[POINTS, 2]`, float64.
      at_data: The same without any noise.
      resolution: Farther than this is astray.
    """

    name: str
    eps: Eps
    ours: Ours
    start: np.ndarray
    more: np.ndarray
    at_knot: np.ndarray
    at_data: np.ndarray
    resolution: float


def truth_of(name: str, table: Table) -> Truth:
    """Returns a dataset with its exact score and flow."""
    import jax
    import jax.numpy as jnp

    from diffbench.contracts import DATASETS as REGISTRY
    from diffbench.process import PROCESSES
    from diffbench.programs import flow

    data, process = REGISTRY.build(name), PROCESSES.build("ddpm_linear")
    compiled = jax.jit(lambda truth, x, a, s: -s * truth.score(x, a, s))

    def eps(x: np.ndarray, alpha: float, sigma: float) -> np.ndarray:
        # A timestep at the data has no noise to estimate; none of those here asks there.
        return np.asarray(compiled(data.truth, jnp.asarray(x, jnp.float32), alpha, sigma))

    start = flow.starts(process, jax.random.key(0), POINTS, 2)
    more = flow.starts(process, jax.random.key(1), DRAWS, 2)
    at_knot, at_data = ends(data.truth, start, table)
    return Truth(
        name, eps, Ours(data.truth, process, table), start, more, at_knot, at_data, float(data.resolution)
    )


def ends(truth: Any, start: np.ndarray, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Returns where the exact flow leads at the first knot and at the data, each `[n, D]`, float64.

    In y = x/alpha over r = sigma/alpha the flow of any process with alpha^2 + sigma^2 = 1 is that of the
    process "edm"; there it is smooth, where the table joined by cubics is not.
    """
    import jax

    from diffbench.process import PROCESSES
    from diffbench.programs import flow
    from diffbench.sources import exact

    first, last, least = table.step(STEPS - 1), table.step(0), 1e-3
    with jax.enable_x64(True):
        process = PROCESSES.build("edm", sigma_min=least, sigma_max=first.r)
        bound = exact.score_of(truth)
        y = start.astype(np.float64) / first.alpha
        knot = flow.flow_map(bound, process, y, last.r / first.r).end
        near = flow.flow_map(bound, process, y, least / first.r).end
        score = np.asarray(bound.score(jax.tree.map(_wide, truth), process)(near, least / first.r))
    # The rest by the trapezoid of dy/dr = eps, which is 0 at r = 0: what is left is of order 1e-9.
    return last.alpha * knot, near + 0.5 * least**2 * score


def _wide(leaf: Any) -> Any:
    import jax.numpy as jnp

    real = jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
    return jnp.asarray(leaf, jnp.float64) if real else leaf


def judged(truth: Truth, walk: Walk) -> dict[str, float]:
    """Returns how far a walk's end is from where the exact flow leads."""
    exact = truth.at_data if walk.levels[-1].sigma == 0.0 else truth.at_knot
    error = np.linalg.norm(walk.x[-1] - exact, axis=1)
    return {
        "flow_error": float(np.median(error)),
        "flow_rms": float(np.sqrt(np.mean(error**2))),
        "astray": float(np.mean(~(error <= truth.resolution))),
    }


def moments(walk: Walk) -> dict[str, float]:
    """Returns the spread of samples over that of the data, and the z of their mean; both have 1 and 0."""
    x = walk.x[-1]
    away = ((x - x.mean(axis=0)) ** 2).sum(axis=1) / x.shape[1]
    z = x.mean(axis=0) / (x.std(axis=0) / math.sqrt(len(x)))
    return {
        "spread": float(away.mean()),
        "spread_se": float(away.std() / math.sqrt(len(x))),
        "mean_z": float(np.abs(z).max()),
    }


def rows(truth: Truth, table: Table, noisy: bool) -> Iterator[dict[str, Any]]:
    """Yields a row for each sampler and number of evaluations."""
    budgets = BUDGETS if truth.name == DATASETS[0] and not noisy else FEWER
    start, judge = (truth.more, moments) if noisy else (truth.start, lambda walk: judged(truth, walk))
    for name, row in (drawing() if noisy else flowing(table)).items():
        for budget in budgets:
            steps = row.steps(budget)
            walk = theirs_from(row.theirs, steps, truth.eps, start, table)
            yield _row(truth, "diffusers", name, budget, steps, walk, row.equation(steps), judge(walk))
    for name, own in (ours_drawing() if noisy else ours_flowing(table)).items():
        for budget in budgets:
            steps = own.steps(budget)
            walk, declared = truth.ours.walk(own.name, {**own.options, "steps": steps}, start)
            yield _row(truth, "diffbench", name, budget, declared, walk, own.equation(steps), judge(walk))


def _row(
    truth: Truth, whose: str, name: str, budget: int, declared: int, walk: Walk, equation: Equation,
    values: dict[str, float],
) -> dict[str, Any]:  # fmt: skip
    off, ask = one_step(walk, equation)
    end = "data" if walk.levels[-1].sigma == 0.0 else "knot"
    about = {"dataset": truth.name, "whose": whose, "sampler": name, "end": end, "budget": budget}
    about |= {"declared": declared, "counted": walk.nfe}
    return (
        about | {key: f"{value:.4g}" for key, value in values.items()} | {"one_step": f"{off:.2g}", "at": ask}
    )


def write(name: str, made: list[dict[str, Any]]) -> None:
    """Writes one file of results."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(made[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(made)


def main(arguments: list[str]) -> None:
    """Measures all, and writes it unless told to show it."""
    if arguments not in ([], ["--show"]):
        raise SystemExit(f"public_samplers takes nothing or --show; got {' '.join(arguments)}")
    import public_traces
    import torch

    torch.set_num_threads(1)
    began, table = time.monotonic(), Table()
    made: dict[str, list[dict[str, Any]]] = {"flow": [], "moments": [], "traces": []}
    truths = [truth_of(name, table) for name in DATASETS]
    print(f"exact flows: {time.monotonic() - began:.0f} s", flush=True)
    for truth in truths:
        for name, noisy in (("flow", False), ("moments", True)):
            for row in rows(truth, table, noisy):
                made[name].append(row)
                if arguments:
                    print(*row.values(), flush=True)
            print(f"{truth.name}, {name}: {time.monotonic() - began:.0f} s", flush=True)
    made["versions"] = [public_traces.versions()]
    if not arguments:
        for name in ("flow", "moments", "versions"):
            write(name, made[name])
    for row in public_traces.rows(truths[0], table):
        made["traces"].append(row)
        print(*row.values(), flush=True)
    if not arguments:
        write("traces", made["traces"])
        sys.path.append(str(Path(__file__).resolve().parents[1] / "results"))
        import public_table

        public_table.main([])
    print(f"{time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
