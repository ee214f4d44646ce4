"""What two runs were made with, where that differs: versions of parts and files, commits, packages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from diffbench.records.places import AXES
from diffbench.records.store import Store
from diffbench.spec import Json

Edition = tuple[object, object]
"""(version, digest of the plug-in file), None where there is none."""

MOST = 64
"""Draws whose records are asked what made them: a run is made by few programs."""
# What decides numbers. Processors and threads are no editions of anything.
MADE_BY = (
    "diffbench", "jax", "jaxlib", "dm-haiku", "distrax", "optax", "diffrax", "numpy", "scipy", "python",
    "device",
)  # fmt: skip


def of_part(spec: object, kind: str) -> dict[str, Edition]:
    """Returns the edition of each part in a specification, by its kind and name.

    Args:
      spec: A specification, or what stands in one.
      kind: What it is of, such as "sampler".
    """
    if not isinstance(spec, Mapping):
        return {}
    found = {}
    if "version" in spec or "plugin" in spec:
        name = f"{kind} {spec['name']}" if "name" in spec else kind
        found[name] = (spec.get("version"), spec.get("plugin"))
    for key, value in spec.items():
        if key != "params":
            found.update(of_part(value, str(key)))
    return found


_KINDS = {"budget": "training"}


def differing(run_a: Json, run_b: Json, places: Iterable[tuple[str, str]]) -> list[str]:
    """Returns a line for each part whose version or file differs between rows that are paired.

    Args:
      run_a: What the first folder's runs come to.
      run_b: The same of the second.
      places: Pairs of places, one of each.
    """
    pairs: dict[tuple[str, Edition, Edition], None] = {}
    for place_a, place_b in places:
        for axis in AXES:
            ids = run_a["places"][place_a][axis], run_b["places"][place_b][axis]
            if ids[0] != ids[1]:
                kind = _KINDS.get(axis, axis)
                specs = run_a["specs"].get(ids[0], {}), run_b["specs"].get(ids[1], {})
                pairs |= dict.fromkeys(_apart(*(of_part(spec, kind) for spec in specs)))
    metrics = [list(run.get("metrics", {}).values()) for run in (run_a, run_b)]
    pairs |= dict.fromkeys(_apart(*(_by_name(specs) for specs in metrics)))
    return [_line(*pair) for pair in sorted(pairs, key=str)]


def _by_name(metrics: Iterable[Json]) -> dict[str, Edition]:
    found: dict[str, Edition] = {}
    for spec in metrics:
        found.update(of_part(spec, "metric"))
    return found


def _apart(a: Mapping[str, Edition], b: Mapping[str, Edition]) -> Iterator[tuple[str, Edition, Edition]]:
    for name in a.keys() & b.keys():
        if a[name] != b[name]:
            yield name, a[name], b[name]


def _line(name: str, a: Edition, b: Edition) -> str:
    said = [f"version {a[0]}, then {b[0]}"] if a[0] != b[0] else []
    if a[1] != b[1]:
        files = (str(one[1])[:8] if one[1] else "none" for one in (a, b))
        said.append("its code differs ({}, then {})".format(*files))
    return f"{name}: {', '.join(said)}"


def programs(a: tuple[Store, Json], b: tuple[Store, Json]) -> list[str]:
    """Returns a line for each package, and for the commit, that made one run and not the other.

    Args:
      a: The first folder, and what its runs come to.
      b: The second.
    """
    made = [_made_by(store, run["cells"]) for store, run in (a, b)]
    if not all(made):
        return []
    lines = []
    for key in (*MADE_BY, "commit"):
        first, second = (sorted({_shown(one, key) for one in each}) for each in made)
        if first != second:
            lines.append(f"{key}: {' and '.join(first)}, then {' and '.join(second)}")
        elif key == "commit" and any(text.endswith(CHANGED) for text in first):
            lines.append(f"commit: {' and '.join(first)} in both, so their code may differ")
    return lines


CHANGED = " with changes"


def _shown(made: Json, key: str) -> str:
    if key == "commit":
        commit = made.get("commit")
        return f"{str(commit)[:8]}{CHANGED if made.get('dirty') else ''}" if commit else "none"
    return str(made.get(key, "not known"))


def _made_by(store: Store, cells: Sequence[Json]) -> list[Json]:
    """Returns what made the draws of a run, each once, as far as `MOST` of them tell."""
    names = list(dict.fromkeys(cell["draw_id"] for cell in cells if cell.get("draw_id")))
    found = []
    for name in names[:: max(1, len(names) // MOST)]:
        record = store.read("draw", name)
        made = (record or {}).get("provenance")
        if made and made not in found:
            found.append(made)
    return found
