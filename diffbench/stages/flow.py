"""The stage `flow`: where the probability flow of a source of scores leads from fixed starting points."""

from __future__ import annotations

import numpy as np

from diffbench.contracts import Flow, key_for
from diffbench.process import Process
from diffbench.programs import flow as flows
from diffbench.programs import model as models
from diffbench.programs import sampling
from diffbench.records.outcome import DIVERGED
from diffbench.records.specs import FlowSpec, MeasureSpec
from diffbench.sources.base import BoundScore
from diffbench.spec import label_of, part_of
from diffbench.stages.base import Stage
from diffbench.stages.draw import score_of
from diffbench.stages.inputs import Inputs, Made
from diffbench.suites.parts import make_dataset


def flow(spec: FlowSpec, inputs: Inputs) -> Made:
    """Follows the flow of a specification; "start" and "end", standardised."""
    dataset = make_dataset(spec["dataset"])
    inputs.need(spec.get("fit"))
    process = models.make_process(spec["process"])
    # The same points for every source of scores, and for every sampler that is held to them.
    key = key_for(0, "flow", label_of(spec["dataset"]))
    start = flows.starts(process, key, spec["points"], dataset.dim)
    found = flows.flow_map(score_of(spec, inputs, dataset), process, start, spec["t_end"])
    arrays = {"start": found.start, "end": found.end}
    lost = int((~np.isfinite(found.end)).any(axis=1).sum())
    if lost:
        reason = f"the flow of {lost} of {spec['points']} points did not end within {flows.MAX_STEPS} steps"
        return {"status": DIVERGED, "reason": reason, "nfe": found.nfe}, arrays
    return {"nfe": found.nfe}, arrays


def followed(spec: MeasureSpec, inputs: Inputs, source: BoundScore, process: Process) -> Flow | None:
    """Returns where sampler and flows of a measurement lead, None where it asks for none of that.

    Raises:
      Blocked: If a flow is not there.
    """
    if "flow" not in spec:
        return None
    inputs.need(spec["flow"], spec.get("own"))
    exact = inputs.arrays(spec["flow"])
    own = inputs.arrays(spec["own"])["end"] if "own" in spec else None
    reached = sampling.follow(part_of(spec["sampler"]), source, process, exact["start"])
    return Flow(reached, exact["end"], own)


FLOW = Stage("flow", "exact flows", flow)
