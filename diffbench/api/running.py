"""Runs from a program: what the command line's `run` does, with parts as names or as objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from diffbench import plugins as plugin_files
from diffbench.api import arguments, asking, session
from diffbench.api.data import Data
from diffbench.api.noise import Noise
from diffbench.api.own import brought_parts, name_of
from diffbench.api.results import Results
from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS
from diffbench.process import PROCESSES
from diffbench.progress import Progress
from diffbench.records.store import Store
from diffbench.registry import Registry
from diffbench.spec import Json, JsonObject
from diffbench.stages import harness
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand
from diffbench.suites.items import Entry
from diffbench.tables import long as tables
from diffbench.workers.engine import Settings, cores

Part = str | Json | Data | Noise | Callable[..., object]
Parts = Part | Sequence[Part] | None
"""Names, tables of a suite, objects of the library, or builders of the user's own."""

_LISTS: Mapping[str, Registry[object]] = {
    "datasets": DATASETS,
    "families": FAMILIES,
    "samplers": SAMPLERS,
    "metrics": METRICS,
}


def run(
    suite: str | Path | Json | suites.Suite = "quick",
    /,
    *,
    datasets: Parts = None,
    families: Parts = None,
    samplers: Parts = None,
    metrics: Parts = None,
    seeds: int | None = None,
    out: Path | str | None = None,
    workers: int | None = None,
    plugins: Sequence[str] = (),
    full: bool = False,
    retry_failed: bool = False,
    progress: bool = True,
    **settings: object,
) -> Results:
    """Runs a comparison, as the command line does; what is done already is kept.

    Args:
      suite: A shipped suite's name, the path of a TOML file, or a suite as a dictionary.
      datasets: Only these: names, tables, or datasets of `diffbench.dataset`.
      families: Only these: names, tables, or classes that are registered.
      samplers: Only these: names, tables, or functions that are registered.
      metrics: Only these: names, tables, or functions that are registered.
      seeds: Number of seeds, counted from 0.
      out: Results folder; results/<suite> by default.
      workers: Worker processes; one a core by default, 0 for none. Parts that this program or notebook
        registered itself are not known to workers, so with them there are none.
      plugins: Python files that register parts; workers load them too.
      full: The full scale of a suite that is scaled down by default.
      retry_failed: Whether to try again what failed.
      progress: Whether to show how far it is.
      **settings: Further keys of the suite, such as `samples=500`, `training={"steps": 100}`.

    Raises:
      ValueError: If the request is wrong; the message is one line.

    Example:
      results = diffbench.run("quick", families=["ddpm"], seeds=5)
      results.comparison
    """
    workers = None if workers is None else arguments.whole("workers", workers)
    seeds = int(seeds) if isinstance(seeds, np.integer) else seeds
    plugins = (plugins,) if isinstance(plugins, str) else plugins
    for path in plugins:
        plugin_files.load(str(path))
    asked = _asked(suite)
    if full:
        asked = suites.at_full_scale(asked)
    chosen: dict[str, list[str]] = {}
    replaced: JsonObject = arguments.plain(settings)
    given = {"datasets": datasets, "families": families, "samplers": samplers, "metrics": metrics}
    for key, value in given.items():
        entries = [_entry(_LISTS[key], one) for one in asking.in_list(key, value)]
        if entries and all(isinstance(one, str) for one in entries):
            chosen[key] = [str(one) for one in entries]
        elif entries:
            replaced[key] = entries
    content = {**asked.model_dump(), **replaced}
    content |= {
        key: {**asked.model_dump()[key], **arguments.table(key, replaced[key], such_as)}
        for key, such_as in (("training", '{"steps": 100}'), ("network", '{"widths": [64, 64]}'))
        if key in replaced
    }
    asked = suites.narrow(suites.parse(content, "run", asked.name), chosen, seeds)
    return _run(asked, Path(out or Path("results") / asked.name), workers, plugins, retry_failed, progress)


@session.pinned
def _run(
    suite: suites.Suite,
    out: Path,
    workers: int | None,
    plugins: Sequence[str],
    retry_failed: bool,
    progress: bool,
) -> Results:
    cells = expand(suite)
    own = brought_parts(suite.model_dump(), {**_LISTS, "processes": PROCESSES})
    if own and workers:
        raise ValueError(
            f"workers must be 0 with {', '.join(own)}, which this program registered: workers would not"
            " find it; put it in a file and give plugins=['FILE.py']"
        )
    count = 0 if own else workers
    store = Store(out)
    options: JsonObject = {
        "workers": cores() if count is None else count,
        "settings": Settings(workers=count),
        "plugins": [str(Path(path).resolve()) for path in plugins],
        "retry_failed": retry_failed,
    }
    if progress:
        with Progress() as shown:
            harness.run(suite.model_dump(), cells, store, shown, **options)
    else:
        harness.run(suite.model_dump(), cells, store, None, **options)
    made = tables.build(store)
    tables.write(store, made, tables.read_run(store)["columns"])
    return Results(out)


def _asked(suite: object) -> suites.Suite:
    if isinstance(suite, suites.Suite):
        return suite
    if isinstance(suite, Mapping):
        return suites.parse(suite, "suite", "notebook")
    if not isinstance(suite, str | Path):
        raise TypeError(f"suite must be a name, a path or a dictionary; got {type(suite).__name__}")
    return suites.load(str(suite))


def _entry(registry: Registry[object], part: object) -> Entry:
    if isinstance(part, Data | Noise):
        return dict(part.entry)
    if isinstance(part, Mapping):
        return {
            **part,
            **({"process": dict(part["process"].entry)} if isinstance(part.get("process"), Noise) else {}),
        }
    return part if isinstance(part, str) else name_of(registry, part)
