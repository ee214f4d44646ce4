"""What the commands do, in order: check the request, run, write tables and figures."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from diffbench import arrayfiles, checks, console, measuring, plugins
from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS, Dataset
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.programs import arithmetic
from diffbench.programs.training import Training
from diffbench.progress import Progress
from diffbench.records import drawn
from diffbench.records.store import Store, StoreError
from diffbench.registry import Registry
from diffbench.report import drawing
from diffbench.sources.base import SOURCES
from diffbench.spec import JsonObject
from diffbench.stages import harness, planning
from diffbench.stages import verify as checking
from diffbench.suites import cells as expansion
from diffbench.suites import suite as suites
from diffbench.suites.given import fitted
from diffbench.tables import agreement, rendering
from diffbench.tables import long as tables
from diffbench.workers import devices
from diffbench.workers.engine import Settings, cores

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Request:
    """A `run` as it was asked for; see `diffbench run --help`."""

    suite: str
    out: Path | None = None
    seeds: int | None = None
    full: bool = False
    settings: Settings = dataclasses.field(default_factory=Settings)
    replicas: int | None = None
    plugins: tuple[str, ...] = ()
    retry_failed: bool = False
    figures: bool = True
    style: str = drawn.SCREEN
    report: bool | None = None  # where figures are, unless it is said
    chosen: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)


def _prepared(request: Request) -> tuple[suites.Suite, list[expansion.Cell], Store]:
    """Checks a request to the last number.

    Raises:
      ValueError: One line that says what is wrong, what came and what is possible.
    """
    arithmetic.pin()
    for path in request.plugins:
        plugins.load(path)
    suite = suites.load(request.suite)
    if request.full:
        suite = suites.at_full_scale(suite)
    replicas = request.replicas
    if replicas is None and suite.replicas is None and request.settings.gpus:
        replicas = devices.REPLICAS
    suite = suites.narrow(suite, request.chosen, request.seeds, replicas, origin="command line")
    cells = expansion.expand(suite)
    return suite, cells, Store(request.out or Path("results") / suite.name)


def _on_gpus(settings: Settings, suite: suites.Suite) -> str:
    """Returns the line that says what a run on GPUs does otherwise."""
    count = len(settings.gpus)
    shown = "the GPU" if count == 1 else f"{count} GPUs"
    return f"on {shown}, {suite.replicas} seeds trained at once; JAX_PLATFORMS=cpu runs on the processor"


def _asked(request: Request, suite: suites.Suite) -> list[str]:
    """Returns the registered names of the metrics that were asked for on the command line, in order."""
    lists = [suite.metrics, *(d.get("metrics", []) for d in suite.datasets if isinstance(d, dict))]
    tables = [{"name": entry} if isinstance(entry, str) else entry for each in lists for entry in each]
    names = request.chosen.get("metrics", [])
    found = [t["name"] for name in names for t in tables if name in (t["name"], t.get("label"))]
    return list(dict.fromkeys(found))


def _workers(settings: Settings) -> int:
    """Returns how many workers a run has on this machine: as asked, else one a GPU, else one a core."""
    if settings.workers is not None:
        return settings.workers
    return len(settings.gpus) or cores()


def run(request: Request) -> int:
    """Runs a suite and returns the exit code."""
    suite, cells, store = _prepared(request)
    with Progress() as progress:
        if request.settings.gpus:
            progress.note(_on_gpus(request.settings, suite))
        tally = harness.run(
            suite.model_dump(),
            cells,
            store,
            progress,
            workers=_workers(request.settings),
            settings=request.settings,
            plugins=[str(Path(path).resolve()) for path in request.plugins],
            retry_failed=request.retry_failed,
            asked=_asked(request, suite),
        )
    made = tables.build(store)
    columns = tables.read_run(store)["columns"]
    paths = tables.write(store, made, columns)
    console.show(made, columns)
    console.say_done(tally.made, tally.kept, store.root)
    console.say_paths("tables", paths)
    # Last, for they take seconds and the tables are what was asked for.
    console.say_paths("figures", drawing.draw(store, made, request.style) if request.figures else [])
    # Of what others asked for on this folder, they hear themselves.
    mine = made.long[[name in tally.asked for name in made.measured]]
    failed = rendering.failed_cells(mine)
    console.say_failed(failed)
    if request.figures if request.report is None else request.report:
        _report(store, made)
    return 1 if failed else 0


def _report(store: Store, made: tables.Tables) -> None:
    """Makes the page of a run and says where it is; what goes wrong with it is a line."""
    from diffbench import report

    try:
        console.say(f"report: {report.write(store, made)}")
    except Exception as error:  # whatever it is, no run is lost for a page
        console.say_aside(f"no report: {type(error).__name__}: {' '.join(str(error).split())}")


@dataclasses.dataclass(frozen=True)
class Report:
    """A `report` as it was asked for; see `diffbench report --help`."""

    folders: tuple[Path, ...]
    out: Path | None = None
    figures: bool = True


def report(request: Report) -> int:
    """Makes one page of one or several runs and returns the exit code."""
    from diffbench import report
    from diffbench.report import gathered

    there = [folder.resolve() for folder in request.folders]
    twice = [folder for i, folder in enumerate(request.folders) if there[i] in there[:i]]
    if twice:
        raise ValueError(f"each RUN must be a folder of its own; got {twice[0]} twice")
    found = [gathered.gather(Store(folder)) for folder in request.folders]
    console.say(f"report: {report.save(found, request.out, request.figures)}")
    return 0


@dataclasses.dataclass(frozen=True)
class Measure:
    """A `measure` as it was asked for; see `diffbench measure --help`."""

    files: tuple[Path, ...]
    dataset: str
    metrics: tuple[str, ...] = ()
    nfe: int | None = None
    label: str | None = None
    train: Path | None = None
    against: Path | None = None
    out: Path = Path("results") / "measure"
    coordinates: str = "data"
    reference: int | None = None
    floor_draws: int = 199
    settings: Settings = dataclasses.field(default_factory=Settings)
    plugins: tuple[str, ...] = ()
    figures: bool = True
    style: str = drawn.SCREEN
    report: bool | None = None  # where figures are, unless it is said


def measure(request: Measure) -> int:
    """Measures samples that came in files and returns the exit code."""
    arithmetic.pin()
    for path in request.plugins:
        plugins.load(path)
    entry = measuring.entry_of(request.dataset)
    dataset = measuring.built(entry)
    checks.choice("--coordinates", request.coordinates, measuring.COORDINATES)
    if request.nfe is not None:
        checks.count("--nfe", request.nfe)
    given, hints = measuring.load(
        request.files, dataset, request.label, request.nfe, request.coordinates, "--coordinates standardised"
    )
    train = None
    if request.train is not None:
        train = fitted(arrayfiles.read(request.train), dataset, str(request.train))
    against = None if request.against is None else Store(request.against, frozen=True)
    if against is not None:
        tables.read_run(against)  # what is wrong with it is told before any work
    for line in hints:
        console.say_hint(line)
    asked = measuring.Request(entry, given, request.metrics, train, request.reference, request.floor_draws)
    store = Store(request.out)
    with Progress() as progress:
        found = measuring.measure(
            asked, store, progress, workers=_workers(request.settings), settings=request.settings,
            plugins=[str(Path(path).resolve()) for path in request.plugins], against=against,
        )  # fmt: skip
    every = tables.build(store)
    paths = tables.write(store, every, tables.read_run(store)["columns"])
    if against is not None:
        beside = store.root / tables.FOLDER / "beside.md"
        store.replace(beside, rendering.markdown(found.tables.long, found.columns).encode())
        paths.append(str(beside))
    console.show(found.tables, found.columns)
    for label, table in found.readings.items():
        console.show_readings(label, table, found.symptoms.get(label, []))
    console.say_done(found.tally.made, found.tally.kept, store.root)
    console.say_paths("tables", paths)
    console.say_paths("figures", drawing.draw(store, every, request.style) if request.figures else [])
    mine = found.tables.long[[name in found.tally.asked for name in found.tables.measured]]
    failed = rendering.failed_cells(mine)
    console.say_failed(failed)
    if request.figures if request.report is None else request.report:
        _report(store, every)
    return 1 if failed else 0


def dry_run(request: Request) -> int:
    """Says what a run would do and returns the exit code."""
    suite, cells, store = _prepared(request)
    # Frozen: a broken file is counted as to be made again, and left to a run to move.
    planned = planning.plan(cells, Store(store.root, frozen=True), retry_failed=request.retry_failed)
    if request.settings.gpus:
        console.say(_on_gpus(request.settings, suite))
    console.say_plan(suite.name, len(cells), planned.tasks, planned.done, store.root)
    return 0


def verify(
    folder: Path, paths: tuple[str, ...], tolerance: float, workers: int | None = 0, repair: bool = False
) -> int:
    """Checks a results folder and returns the exit code."""
    arithmetic.pin()
    for path in paths:
        plugins.load(path)
    files = [str(Path(path).resolve()) for path in paths]
    report = checking.check(folder, tolerance, workers=workers, plugins=files, repair=repair, watch=Progress)
    with contextlib.suppress(StoreError):  # where what was asked for is lost that was said already
        found = agreement.check(Store(folder, frozen=True))
        report.wrong += found.wrong
        report.files += found.files
        report.missing = found.missing
    console.say_verified(report, folder)
    return 1 if report.wrong else 0


def list_parts(paths: tuple[str, ...], load: bool, verbose: bool = False) -> None:
    """Prints every registered part."""
    arithmetic.pin()
    for path in paths:
        plugins.load(path)
    kinds: list[tuple[str, Registry[object]]] = [
        ("families", FAMILIES),
        ("datasets", DATASETS),
        ("samplers", SAMPLERS),
        ("metrics", METRICS),
        ("processes", PROCESSES),
        ("networks", NETWORKS),
        ("scores", SOURCES),
    ]
    for title, registry in kinds:
        rows: list[tuple[str, JsonObject | None, str]] = []
        for name in registry.names():
            if name in registry.loaded() or load:
                about = _about(registry, name, verbose)
                rows.append((name, registry.entry(name).defaults, about))
            else:
                rows.append((name, None, f"plug-in {registry.announced()[name]}; --load shows more"))
        console.say_parts(title, rows)
    settings = {field.name: field.default for field in dataclasses.fields(Training)}
    console.say_parts("settings", [("training", settings, "the optimiser loop")])
    console.say_suites([(name, suites.load(name).description) for name in suites.shipped()])


def _about(registry: Registry[T], name: str, verbose: bool) -> str:
    """Returns what a part is, in a line: its docstring's first, and a dataset's truths."""
    first = (registry.entry(name).build.__doc__ or "").strip().splitlines() or [""]
    about = first[0].removeprefix("Returns ").rstrip(".")
    origin = registry.entry(name).origin
    if origin is not None:
        about = f"{about}; plug-in {origin}".removeprefix("; ")
    if registry is not DATASETS:
        return about
    try:
        dataset = DATASETS.build(name)
    except ValueError as error:  # one that is nothing without a parameter, such as a file
        return f"{about} ({error})"
    truths = ["density and score" if dataset.density else "score"] if dataset.truth is not None else []
    truths += ["modes"] if dataset.modes is not None else []
    truths += ["distance"] if dataset.distance is not None else []
    known = f"truths: {', '.join(truths)}" if truths else "its points alone"
    geometry = f"; {_geometry(dataset)}" if verbose else ""
    return f"{about} ({dataset.dim}-D; {known}{geometry})"


def _geometry(dataset: Dataset) -> str:
    """Returns where a dataset lies and how long it is, data coordinates: models see (x - mean)/scale."""
    few = ", ".join(f"{value:.3g}" for value in dataset.mean[:4])
    mean = f"mean ({few}{', ...' if dataset.dim > 4 else ''})"
    lengths = f"lengths {dataset.resolution * dataset.scale:.3g} to {dataset.diameter * dataset.scale:.3g}"
    return f"{mean}, scale {dataset.scale:.4g}, {lengths}, data coordinates"
