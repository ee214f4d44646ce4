"""Where steps of diffusers differ from their papers, and why: the cause is mended, and the difference goes.

Each trace is a scheduler as it is, and the same with one thing changed from outside; what is left says
whether that thing was the cause.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import numpy as np
import public_equations as eq
from public_adapters import BETAS, STEPS, Theirs, built, theirs_from
from public_walks import DATA, Equation, Walk, one_step

UNCLIPPED = {"clip_sample": False}
POINTS = 64


def versions() -> dict[str, Any]:
    """What was measured with."""
    import torch

    import diffbench

    return {
        "diffusers": metadata.version("diffusers"),
        "torch": torch.__version__,
        "jax": metadata.version("jax"),
        "diffbench": diffbench.__version__,
    }


def rows(truth: Any, table: Any) -> Iterator[dict[str, Any]]:
    """Yields (trace, case, steps, what, value)."""
    for trace, made in (
        ("DDPM in float32", _precision), ("DDIM's stride", _stride), ("DPM-Solver++ 3", _third),
        ("DEIS 3 in float32", _logarithms), ("Karras and Lu", _rounded), ("Heun between timesteps", _between),
        ("lower orders at the end", _lower), ("PNDM's end", _end), ("initial noise", _initial),
        ("repeated end", _repeated),
    ):  # fmt: skip
        for case, steps, what, value in made(truth, table):
            yield {"trace": trace, "case": case, "steps": steps, "what": what, "value": f"{value:.3g}"}


Found = Iterator[tuple[str, int, str, float]]


def exact_products(scheduler: Any) -> None:
    """Products of 1 - beta in float64."""
    import torch

    scheduler.alphas_cumprod = torch.tensor(np.cumprod(1.0 - BETAS))


def rounded_products(scheduler: Any) -> None:
    """Products in float64, each then rounded to float32."""
    import torch

    scheduler.alphas_cumprod = torch.tensor(np.cumprod(1.0 - BETAS)).float()


def _precision(truth: Any, table: Any) -> Found:
    ddim = Theirs("DDIMScheduler", {**UNCLIPPED, "timestep_spacing": "trailing"})
    ddpm = Theirs("DDPMScheduler", UNCLIPPED, noisy=True)
    for name, theirs, equation in (("DDPM", ddpm, eq.ancestral), ("DDIM", ddim, eq.ddim)):
        for case, change in (
            ("as it is", None),
            ("products in float64, rounded to float32", rounded_products),
            ("products in float64", exact_products),
        ):
            walk = theirs_from(theirs, STEPS, truth.eps, truth.start[:POINTS], table, change=change)
            off, ask = one_step(walk, equation)
            yield f"{name}, {case}", STEPS, "one_step", off
            yield f"{name}, {case}", STEPS, "at timestep", STEPS - 1 - ask
            if theirs.noisy:
                yield f"{name}, {case}", STEPS, "one_step of the mean", without_noise(walk, equation)
    for name, steps, equation in (("ancestral", STEPS, eq.ancestral), ("ddim", STEPS - 1, eq.ddim)):
        walk, _ = truth.ours.walk(name, {"steps": steps}, truth.start[:POINTS])
        off, ask = one_step(walk, equation)
        yield f"ours, {name}", steps, "one_step", off
        yield f"ours, {name}", steps, "at timestep", STEPS - 1 - ask
        if name == "ancestral":
            yield f"ours, {name}", steps, "one_step of the mean", without_noise(walk, equation)


def missed(walk: Walk, exact: np.ndarray) -> float:
    """Returns the median distance of a walk's end from where the exact flow leads."""
    return float(np.median(np.linalg.norm(walk.x[-1] - exact, axis=1)))


def without_noise(walk: Walk, equation: Equation) -> float:
    """Returns the largest one-step error that is not along the noise: the mean's."""
    worst = 0.0
    for k, z in enumerate(walk.noises):
        off = equation(walk, k) - walk.x[k + 1]
        share = float((off * z).sum() / max((z * z).sum(), 1e-30))
        worst = max(worst, float(np.abs(off - share * z).max()))
    return worst


def _stride(truth: Any, table: Any) -> Found:
    for spacing, steps in (("linspace", 50), ("trailing", 50), ("trailing", 35)):
        theirs = Theirs("DDIMScheduler", {**UNCLIPPED, "timestep_spacing": spacing})
        walk = theirs_from(theirs, steps, truth.eps, truth.start, table)

        def carried(walk: Walk, k: int, steps: int = steps) -> np.ndarray:
            """DDIM to where timestep - 1000 // steps lies, whatever is asked next."""
            went = round(walk.levels[k].t * STEPS) - 1 - STEPS // steps
            to = table.step(went) if went >= 0 else DATA
            return eq.moved(walk.x[k], walk.eps[k], walk.levels[k], to)

        yield spacing, steps, "flow_error", missed(walk, truth.at_data)
        yield spacing, steps, "one_step to the next timestep", one_step(walk, eq.ddim)[0]
        yield spacing, steps, "one_step to timestep - 1000 // steps", one_step(walk, carried)[0]


def whole_third(scheduler: Any) -> None:
    """Gives the second difference of order 3 the weight that the integral of a parabola has."""
    import torch

    third = type(scheduler).multistep_dpm_solver_third_order_update

    def update(self: Any, outputs: Any, *args: Any, **more: Any) -> Any:
        x = third(self, outputs, *args, **more)
        i = self.step_index
        levels = [self._sigma_to_alpha_sigma_t(self.sigmas[j]) for j in (i + 1, i, i - 1, i - 2)]
        lam = [float(torch.log(a.double() / s.double())) for a, s in levels]
        nodes, m = lam[1:], outputs[::-1]
        first, before = (m[0] - m[1]) / (nodes[0] - nodes[1]), (m[1] - m[2]) / (nodes[1] - nodes[2])
        second = (first - before) / (nodes[0] - nodes[2])
        h = lam[0] - lam[1]
        along = h * eq.NODES
        bent = (h * eq.WEIGHTS * np.exp(-h * (1.0 - eq.NODES)) * along**2).sum()
        return x + float(levels[0][0]) * 0.5 * float(bent) * second

    scheduler.multistep_dpm_solver_third_order_update = types.MethodType(update, scheduler)


def _third(truth: Any, table: Any) -> Found:
    theirs = Theirs(
        "DPMSolverMultistepScheduler", {"solver_order": 3, "final_sigmas_type": "sigma_min"}, to_data=False
    )
    for case, change in (("as it is", None), ("second difference whole", whole_third)):
        for steps in (25, 50, 100, 200, 333):
            walk = theirs_from(theirs, steps, truth.eps, truth.start, table, change=change)
            yield case, steps, "flow_error", missed(walk, truth.at_knot)
            if steps == 50:
                for what, halved in (("one_step, parabola", False), ("one_step, half the bend", True)):
                    equation = eq.dpm_solver_pp([3] * steps, halved=halved)
                    yield case, steps, what, one_step(walk, equation)[0]
    for steps in (25, 50, 100, 200, 333):
        options = {"order": 3, "grid": "time", "steps": steps}
        walk, _ = truth.ours.walk("dpm_solver_pp", options, truth.start)
        yield "ours", steps, "flow_error", missed(walk, truth.at_knot)
    edm = {"sigma_min": table.step(0).r, "sigma_max": table.step(STEPS - 1).r, "sigma_data": 1.0}
    theirs = Theirs("EDMDPMSolverMultistepScheduler", {**edm, "solver_order": 3}, "edm")
    for case, change in (("EDM, as it is", None), ("EDM, second difference whole", whole_third)):
        for steps in (25, 50, 100, 200):
            walk = theirs_from(theirs, steps, truth.eps, truth.start, table, change=change)
            yield case, steps, "flow_error", missed(walk, truth.at_data)


def _lower(truth: Any, table: Any) -> Found:
    options = {"solver_order": 2, "final_sigmas_type": "sigma_min"}
    for lower in (True, False):
        theirs = Theirs("DPMSolverMultistepScheduler", {**options, "lower_order_final": lower}, to_data=False)
        walk = theirs_from(theirs, 10, truth.eps, truth.start, table)
        error = missed(walk, truth.at_knot)
        yield f"lower_order_final = {lower}", 10, "flow_error", error
    walk, _ = truth.ours.walk("dpm_solver_pp", {"grid": "time", "steps": 10}, truth.start)
    yield "ours", 10, "flow_error", missed(walk, truth.at_knot)


def _end(truth: Any, table: Any) -> Found:
    walk = theirs_from(Theirs("PNDMScheduler", {}, to_data=False), 10, truth.eps, truth.start, table)
    yield "PNDM, leading", 10, "last step moves by", float(np.abs(walk.x[-1] - walk.x[-2]).max())


def exact_sigmas(scheduler: Any) -> None:
    """The scheduler's own sigmas, but coefficients made of them in float64."""
    scheduler.sigmas = scheduler.sigmas.double()


def _logarithms(truth: Any, table: Any) -> Found:
    theirs = Theirs("DEISMultistepScheduler", {"solver_order": 3}, to_data=False)
    for case, change in (("as it is", None), ("coefficients in float64", exact_sigmas)):
        for steps in (50, 100, 333):
            walk = theirs_from(theirs, steps, truth.eps, truth.start, table, change=change)
            yield case, steps, "one_step", one_step(walk, eq.deis_log_r([3] * steps))[0]
            yield case, steps, "flow_error", missed(walk, truth.at_knot)


def _rounded(truth: Any, table: Any) -> Found:
    for grid in ("use_karras_sigmas", "use_lu_lambdas"):
        for steps in (10, 50, 100):
            theirs = Theirs("DPMSolverMultistepScheduler", {grid: True})
            timesteps = built(theirs, steps).timesteps.tolist()
            yield grid, steps, "timesteps told before", steps - len(set(timesteps))


def _between(truth: Any, table: Any) -> Found:
    for told in ("timestep", "sigma"):
        walk = theirs_from(
            Theirs("HeunDiscreteScheduler", {}, "r", told=told), 3, truth.eps, truth.start, table
        )
        yield f"told its {told}", 3, "one_step", one_step(walk, eq.heun)[0]


def _initial(truth: Any, table: Any) -> Found:
    for name in ("EulerDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler"):
        walk = theirs_from(Theirs(name, {}, "r"), 10, truth.eps, truth.start, table)
        yield name, 10, "input over noise, less 1", float(np.median(walk.x[0] / truth.start - 1.0))


def _repeated(truth: Any, table: Any) -> Found:
    for order in (2, 3):
        options = {"solver_order": order, "final_sigmas_type": "sigma_min", "use_karras_sigmas": True}
        theirs = Theirs("DPMSolverMultistepScheduler", options, to_data=False)
        for steps in (10, 20):
            walk = theirs_from(theirs, steps, truth.eps, truth.start, table)
            case = f"DPMSolverMultistep {order}, Karras, sigma_min"
            last, before = built(theirs, steps).sigmas[-1], built(theirs, steps).sigmas[-2]
            yield case, steps, "last sigma less the one before", float(last - before)
            yield case, steps, "share of samples that are no number", float(np.isnan(walk.x[-1]).mean())
