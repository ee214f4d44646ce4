"""Which samplers are put under the instrument, how each is used, and the equation that it should obey."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import public_equations as eq
from public_adapters import STEPS, Table, Theirs
from public_walks import Equation

MANY = 15  # from so many steps on, the multistep schedulers keep their order to the end


class Row(NamedTuple):
    """A sampler of diffusers, and the equation that its steps should obey.

    Attributes:
      theirs: How it is used.
      equation: Its number of steps -> the equation.
      steps: Evaluations to spend -> its number of steps.
    """

    theirs: Theirs
    equation: Callable[[int], Equation]
    steps: Callable[[int], int] = lambda budget: budget


def dpm_orders(order: int, to_data: bool) -> Callable[[int], list[int]]:
    """Orders of a multistep scheduler of n steps: lower ones last where n is small or the end is the data."""

    def orders(n: int) -> list[int]:
        found = [order] * n
        if n < MANY and n > 1:
            found[-2] = min(order, 2)
        if n < MANY or to_data:
            found[-1] = 1
        return found

    return orders


def unipc_orders(order: int) -> Callable[[int], list[int]]:
    """Orders of UniPC of n steps, lower at the end."""
    return lambda n: [min(order, n - k) for k in range(n)]


def dpm(order: int, *, sde: bool = False, to_data: bool = False, name: str = "DPMSolverMultistepScheduler",
        **options: Any) -> Row:  # fmt: skip
    """A scheduler of DPM-Solver++."""
    orders, edm = dpm_orders(order, to_data), name.startswith("EDM")
    told, space = options.pop("told", "timestep"), "edm" if edm else "vp"
    options |= {"solver_order": order, "final_sigmas_type": "zero" if to_data else "sigma_min"}
    if sde:
        options |= {"algorithm_type": "sde-dpmsolver++"}
    theirs = Theirs(name, options, space, to_data, told, noisy=sde)
    return Row(theirs, lambda n: eq.dpm_solver_pp(orders(n), sde=sde))


def by_steps(equation: Equation) -> Callable[[int], Equation]:
    """An equation that is the same for any number of steps."""
    return lambda n: equation


def flowing(table: Table) -> dict[str, Row]:
    """Deterministic schedulers by the name that they have on the page."""
    edm = {"sigma_min": table.step(0).r, "sigma_max": table.step(STEPS - 1).r, "sigma_data": 1.0}
    same: dict[str, Any] = {"clip_sample": False}
    lu: dict[str, Any] = {"to_data": True, "use_lu_lambdas": True}
    karras: dict[str, Any] = {"to_data": True, "use_karras_sigmas": True}
    at_knot = {"final_sigmas_type": "sigma_min"}

    def sigmas(name: str, equation: Equation, **more: Any) -> Row:
        return Row(Theirs(name, {}, "r"), by_steps(equation), **more)

    def pndm(equation: Equation, spacing: str, skip: bool) -> Row:
        # Trailing steps lead to the data; the default stays at the first knot.
        options = {
            "skip_prk_steps": skip,
            "timestep_spacing": spacing,
            "set_alpha_to_one": spacing != "leading",
        }
        return Row(Theirs("PNDMScheduler", options, to_data=spacing != "leading"), by_steps(equation))

    def deis(order: int) -> Row:
        orders = dpm_orders(order, False)
        theirs = Theirs("DEISMultistepScheduler", {"solver_order": order}, to_data=False)
        return Row(theirs, lambda n: eq.deis_log_r(orders(n)))

    def unipc(order: int) -> Row:
        orders = unipc_orders(order)
        theirs = Theirs("UniPCMultistepScheduler", {"solver_order": order, **at_knot}, to_data=False)
        return Row(theirs, lambda n: eq.unipc(orders(n)))

    def half(budget: int) -> int:
        return (budget + 1) // 2

    ddim = {spacing: Theirs("DDIMScheduler", {**same, "timestep_spacing": spacing}) for spacing in
            ("leading", "trailing", "linspace")}  # fmt: skip
    return {
        **{f"DDIM, {spacing}": Row(theirs, by_steps(eq.ddim)) for spacing, theirs in ddim.items()},
        "DPMSolverMultistep 1": dpm(1),
        "DPMSolverMultistep 2": dpm(2),
        "DPMSolverMultistep 3": dpm(3),
        "DPMSolverMultistep 2, Lu's grid": dpm(2, **lu),
        "DPMSolverMultistep 2, Lu's grid, told sigma": dpm(2, **lu, told="sigma"),
        "DPMSolverMultistep 2, Karras": dpm(2, **karras),
        "DPMSolverMultistep 2, Karras, told sigma": dpm(2, **karras, told="sigma"),
        "UniPCMultistep 2": unipc(2),
        "UniPCMultistep 3": unipc(3),
        "DEISMultistep 2": deis(2),
        "DEISMultistep 3": deis(3),
        "EulerDiscrete": sigmas("EulerDiscreteScheduler", eq.ddim),
        "HeunDiscrete": sigmas("HeunDiscreteScheduler", eq.heun, steps=half),
        "LMSDiscrete": sigmas("LMSDiscreteScheduler", eq.adams),
        "PNDM, leading": pndm(eq.prk, "leading", False),
        "PNDM, trailing": pndm(eq.prk, "trailing", False),
        "PNDM without Runge-Kutta, leading": pndm(eq.plms, "leading", True),
        "PNDM without Runge-Kutta, trailing": pndm(eq.plms, "trailing", True),
        "EDMEuler": Row(Theirs("EDMEulerScheduler", edm, "edm"), by_steps(eq.ddim)),
        "EDMDPMSolverMultistep 2": dpm(2, to_data=True, name="EDMDPMSolverMultistepScheduler", **edm),
        "EDMDPMSolverMultistep 3": dpm(3, to_data=True, name="EDMDPMSolverMultistepScheduler", **edm),
    }


def drawing() -> dict[str, Row]:
    """Stochastic schedulers."""
    same = {"clip_sample": False}
    ddim = Theirs("DDIMScheduler", {**same, "timestep_spacing": "trailing"}, step={"eta": 1.0}, noisy=True)
    rows = {
        f"DDPM, {spacing}": Theirs("DDPMScheduler", {**same, "timestep_spacing": spacing}, noisy=True)
        for spacing in ("leading", "trailing", "linspace")
    }
    return {
        **{name: Row(theirs, by_steps(eq.ancestral)) for name, theirs in rows.items()},
        "DDIM, eta 1, trailing": Row(ddim, by_steps(eq.ancestral)),
        "DPMSolverMultistep 2, SDE": dpm(2, sde=True),
    }


class OursOf(NamedTuple):
    """One of our samplers.

    Attributes:
      name: As it is registered.
      options: But for its steps.
      equation: Its number of steps -> the equation.
      steps: Evaluations to spend -> its number of steps.
    """

    name: str
    options: dict[str, Any]
    equation: Callable[[int], Equation]
    steps: Callable[[int], int] = lambda budget: budget


def ours_flowing(table: Table) -> dict[str, OursOf]:
    """Ours that follow the flow, by the name on the page."""

    def data(budget: int) -> int:
        return budget - 1

    def dpm_pp(order: int) -> Callable[[int], Equation]:
        return lambda n: eq.dpm_solver_pp([order] * n, line=order == 3)

    def to_data(n: int) -> Equation:
        return eq.dpm_solver_pp([2] * n + [1])

    even, end = {"grid": "time"}, {"denoise": True}
    found = {
        "ddim": OursOf("ddim", even, by_steps(eq.ddim)),
        "ddim, to the data": OursOf("ddim", {**even, **end}, by_steps(eq.ddim), data),
        "edm, to the data": OursOf("edm", {**even, **end}, by_steps(eq.heun), lambda b: (b - 1) // 2),
    }
    for order in (2, 3):
        found[f"dpm_solver_pp {order}"] = OursOf("dpm_solver_pp", {"order": order, **even}, dpm_pp(order))
    for grid in ("log_snr", "karras"):
        options = {"order": 2, "grid": grid, **end}
        found[f"dpm_solver_pp 2, {grid}, to the data"] = OursOf("dpm_solver_pp", options, to_data, data)
    for order in (2, 3):
        kept = {"order": order, **even}
        found[f"unipc {order}"] = OursOf("unipc", kept, lambda n, o=order: eq.unipc([o] * n))
    for order in (2, 3):
        kept = {"order": order, **even}
        found[f"deis {order}"] = OursOf("deis", kept, lambda n, o=order: eq.deis_t([o] * n, table.rates))
    return found


def ours_drawing() -> dict[str, OursOf]:
    """Ours that draw noise."""
    sde = {"order": 2, "sde": True, "grid": "time"}
    return {
        "ancestral": OursOf("ancestral", {}, by_steps(eq.ancestral)),
        "ddim, eta 1": OursOf("ddim", {"eta": 1.0}, by_steps(eq.ancestral)),
        "dpm_solver_pp 2, sde": OursOf("dpm_solver_pp", sde, lambda n: eq.dpm_solver_pp([2] * n, sde=True)),
    }
