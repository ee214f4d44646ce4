"""What a run must do: from cells to the tasks that the store lacks, in order.

Every stage is stored under the hash of the specification it depends on. A new metric only
measures stored samples, a new sampler reuses stored fits, and what is there is never made again.
"""

from __future__ import annotations

import dataclasses
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from diffbench.contracts import METRICS, SAMPLERS, Metric
from diffbench.process import PROCESSES
from diffbench.programs.flow import VERSION as FLOW_VERSION
from diffbench.programs.sampling import compiled_for
from diffbench.records import places
from diffbench.records.places import SCORELESS, Place
from diffbench.records.reader import Reader, many
from diffbench.records.specs import FloorSpec, FlowSpec, MeasureSpec, PoolSpec, ReferenceSpec, score_of
from diffbench.records.store import Store, is_final
from diffbench.sources.exact import NAME as EXACT
from diffbench.spec import Json, JsonObject, Names, Spec, identify
from diffbench.stages import replicas
from diffbench.stages.work import STAGES
from diffbench.suites.cells import Cell
from diffbench.suites.following import unfollowed
from diffbench.suites.parts import make_dataset
from diffbench.workers.payload import Payload
from diffbench.workers.tasks import Task

S = TypeVar("S")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run must do and what it has already.

    Attributes:
      tasks: Open tasks, most urgent first.
      done: Number of tasks whose records are there.
      rows: The cells with the names of their records, as `run.json` keeps them.
      places: What the rows are, by the hash that they name.
      metrics: Specifications of the metrics, by what rows call them.
      truths: By the hash of a row's dataset, the names of its "reference" and of the "floors"
        of its metrics.
    """

    tasks: list[Task]
    done: int
    rows: list[JsonObject]
    places: dict[str, Place] = dataclasses.field(default_factory=dict)
    metrics: dict[str, Spec] = dataclasses.field(default_factory=dict)
    truths: dict[str, JsonObject] = dataclasses.field(default_factory=dict)


@many()
def plan(
    cells: Sequence[Cell], store: Store, plugins: Sequence[str] = (), retry_failed: bool = False
) -> Plan:
    """Returns the tasks that the cells need and the store lacks.

    Args:
      cells: Cells of a suite.
      store: The results folder.
      plugins: Plug-in files that workers must load.
      retry_failed: Whether records of tasks that failed count as missing; not those that
        diverged, for they would again.
    """
    needs: dict[str, _Need] = {}
    names, judging = Names(), _Judging()
    root = str(store.root.resolve())

    def need(spec: Spec, after: Iterable[str], program: object, stage: str | None = None) -> str:
        """Returns the name of what is needed; `stage` is whose program it is, if not its own stage's."""
        name = names.identify(spec)
        if name not in needs:
            needs[name] = _Need(spec["stage"], spec, tuple(after), [stage or spec["stage"], program])
        return name

    def task(name: str) -> Task:
        """Returns the task of what is to be done: of a finished sweep nearly nothing is."""
        stage, spec, after, program = needs[name]
        payload = Payload(name, spec, root, tuple(plugins)).to_json()
        return Task(name, stage, payload, after, sys.intern(names.identify(program)))

    rows = []
    labels, metrics = _called(cells)
    truths: dict[str, JsonObject] = {}
    for cell in cells:
        row: JsonObject = {axis: getattr(cell.place, axis).label for axis in places.AXES}
        row["place"], row["seed"] = cell.place.id, cell.seed
        row["n_samples"], row["fit_id"], after = cell.draw["n"], None, []
        if cell.fit is not None:
            fit = cell.fit
            program: list[object] = [fit["family"], fit["network"], fit["training"], fit["train_size"]]
            row["fit_id"] = need(fit, (), [*program, fit.get("replicas", 1)])
            after.append(row["fit_id"])
        program = [cell.kind, judging.compiled_for(cell), cell.draw["n"]]
        if cell.fit is not None:
            program += [cell.fit["family"], cell.fit["network"]]
        row["draw_id"] = need(cell.draw, after, program)
        row["reference_id"] = need(judging.reference(cell), (), "reference")
        row["measures"] = {}
        truth = truths.setdefault(cell.place.dataset.id, {"reference": row["reference_id"], "floors": {}})
        for metric, label in zip(cell.metrics, labels[id(cell.metrics)], strict=True):
            spec = judging.measure(cell, metric)
            if spec is None:
                continue
            waits = [row["reference_id"], *after]
            if "draw" in spec:
                waits.append(row["draw_id"])
            if spec.get("floor") is not None:
                truth["floors"][label] = need(spec["floor"], (row["reference_id"],), metric)
                waits.append(truth["floors"][label])
            for flow in ("flow", "own"):
                if flow in spec:
                    waits.append(need(spec[flow], after if flow == "own" else (), flow))
            # To follow the flow is to sample: who has drawn holds the program.
            row["measures"][label] = (
                need(spec, waits, program, "draw") if "flow" in spec else need(spec, waits, metric)
            )
        rows.append(row)
    have = _settled(needs, store, retry_failed)
    urgency = {stage: i for i, stage in enumerate(STAGES)}
    todo = [task(name) for name in needs if name not in have]
    # A record of a failed task still stands for it: what waited for it is not tried.
    todo = sorted(_turned(replicas.grouped(todo)), key=lambda task: urgency[task.stage])
    return Plan(todo, len(have), rows, {cell.place.id: cell.place for cell in cells}, metrics, truths)


def _called(cells: Sequence[Cell]) -> tuple[dict[int, list[str]], dict[str, Spec]]:
    """Returns what rows call their metrics: by the list of a cell, and each with its specification."""
    lists = {id(cell.metrics): cell.metrics for cell in cells}  # cells of a dataset share theirs
    names = {key: [identify(metric) for metric in metrics] for key, metrics in lists.items()}
    specs = {name: spec for key in lists for name, spec in zip(names[key], lists[key], strict=True)}
    labels = places.told_apart(((name, spec["name"]) for name, spec in specs.items()), specs)
    by_list = {key: [labels[name] for name in found] for key, found in names.items()}
    return by_list, {labels[name]: spec for name, spec in specs.items()}


def _turned(tasks: list[Task]) -> list[Task]:
    """Returns tasks from some place on, then those before it.

    Runs at once on one folder begin at places of their own and so share the work; neighbours,
    which share programs, stay neighbours.
    """
    start = secrets.randbelow(len(tasks)) if tasks else 0
    return [*tasks[start:], *tasks[:start]]


class _Need(NamedTuple):
    """What makes a record that the cells need; see `Task`."""

    stage: str
    spec: Spec
    after: tuple[str, ...]
    program: object


def _settled(needs: Mapping[str, _Need], store: Store, retry_failed: bool) -> set[str]:
    """Returns the names of the tasks that are not to be done: by their outcome, or a failure that stands.

    A failure that was inherited stands as long as its cause does, and that is a failure that stands.
    """
    reader = Reader(store)
    settled, failures = set(), {}
    for name, need in needs.items():
        record = reader.once(need.stage, name)
        if is_final(record):
            settled.add(name)
        elif record is not None and not retry_failed:
            failures[name] = record

    def stands(record: Json | None) -> bool:
        if record is None or is_final(record):
            return False
        cause = record.get("inherited")
        if not cause:
            return True
        if cause["name"] in needs:
            return stands(failures.get(cause["name"]))
        return stands(reader.once(cause["stage"], cause["name"]))

    return settled | {name for name, record in failures.items() if stands(record)}


class _Judging:
    """Specifications of what cells are judged by and against; those that cells share are one object."""

    def __init__(self) -> None:
        self._metrics: dict[int, Metric] = {}
        self._shared: dict[tuple[object, ...], Any] = {}
        self._ends: dict[tuple[str, ...], float | None] = {}
        self._compiled: dict[str, Spec] = {}

    def _once(self, key: tuple[object, ...], spec: S) -> S:
        # A key is of one stage, for stages keep different things in it.
        shared: S = self._shared.setdefault(key, spec)
        return shared

    def compiled_for(self, cell: Cell) -> Spec | None:
        """Returns the sampler of which the program of a cell is, None for a bracket."""
        sampler = cell.draw.get("sampler")
        if sampler is None:
            return None
        if cell.place.sampler.id not in self._compiled:
            self._compiled[cell.place.sampler.id] = compiled_for(sampler)
        return self._compiled[cell.place.sampler.id]

    def reference(self, cell: Cell) -> ReferenceSpec:
        """Returns the specification of the truth's reference sample of a cell."""
        spec: ReferenceSpec = {"stage": "reference", "dataset": cell.data, "m": cell.reference}
        return self._once((id(cell.data), cell.reference), spec)

    def _floor(self, cell: Cell, metric: Spec, built: Metric) -> FloorSpec:
        n = cell.draw["n"]
        spec: FloorSpec = {
            "stage": "floor",
            "metric": metric,
            "reference": self.reference(cell),
            # Where both sides are truth they are as long as the shorter of samples and reference.
            "n": min(n, cell.reference) if built.floor == "two_sided" else n,
            "draws": cell.floor_draws,
        }
        return self._once((id(metric), id(cell.data), cell.reference, spec["n"], spec["draws"]), spec)

    def _flows(self, cell: Cell, metric: Spec) -> tuple[FlowSpec, FlowSpec | None] | None:
        """Returns the flow of the exact score for a cell, and that of another score; None without."""
        end = self._end(cell)
        if end is None:
            return None
        draw, points = cell.draw, int(metric["params"]["points"])

        def of(source: Json) -> FlowSpec:
            made: Any = {**source, "stage": "flow", "dataset": cell.data, "process": draw["process"],
                         "t_end": end, "points": points, "version": FLOW_VERSION}  # fmt: skip
            flow: FlowSpec = made
            return flow

        key = ("flow", id(cell.data), identify([draw["process"], end, points]))
        exact = self._once(key, of({"score": EXACT}))
        if cell.kind == EXACT:
            return exact, None
        source = score_of(draw)
        # A fit has a seed of its own, and a training set that of the draw.
        seeded = "train_size" in source
        return exact, of(source if seeded else {k: v for k, v in source.items() if k != "seed"})

    def _end(self, cell: Cell) -> float | None:
        """Returns where the sampler of a cell ends, None where it cannot be held to the exact flow."""
        sampler = cell.draw["sampler"]
        key = cell.place.dataset.id, cell.place.sampler.id, cell.place.process.id
        if key not in self._ends:
            process = PROCESSES.from_spec(cell.draw["process"])
            reason = unfollowed(sampler, process, make_dataset(cell.data))
            self._ends[key] = None if reason else float(SAMPLERS.from_spec(sampler).end(process))
        return self._ends[key]

    def measure(self, cell: Cell, metric: Spec) -> MeasureSpec | None:
        """Returns the specification of a measurement, or None where it has no meaning.

        A metric that needs no samples judges the score: draws from one score share it.
        """
        built = self._metrics.get(id(metric))
        if built is None:
            built = self._metrics[id(metric)] = METRICS.from_spec(metric)
        needs = built.needs
        if cell.kind in built.skips:
            return None
        spec: MeasureSpec = {"stage": "measure", "metric": metric, "reference": self.reference(cell)}
        if "samples" in needs:
            if "score" in needs and cell.kind in SCORELESS:
                return None
            spec["draw"] = cell.draw
        elif cell.kind in SCORELESS:
            return None
        else:
            spec["source"] = score_of(cell.draw)
        if "flow" in needs:
            flows = self._flows(cell, metric)
            if flows is None:
                return None
            spec["sampler"], spec["flow"] = cell.draw["sampler"], flows[0]
            if flows[1] is not None:
                spec["own"] = flows[1]
        if "train" in needs:
            pool: PoolSpec = {"dataset": cell.data, "train_size": cell.train_size, "seed": cell.seed}
            spec["train"] = cell.train or pool
        if built.floor is not None:
            spec["floor"] = self._floor(cell, metric, built)
        return spec
