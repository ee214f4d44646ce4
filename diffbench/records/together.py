"""What several runs on one folder come to: rows that are equal are one row, those that differ are two.

Runs call things as their suites do, so labels of two runs, and of one, may clash. Here every place and
every metric of a table gets a label of its own, so that whatever reads the table may go by labels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from diffbench.records.places import AXES, natural, told_apart, unversioned
from diffbench.records.seal import SCHEMA
from diffbench.spec import Json, JsonObject, Spec, identify

Entry = Json
Cell = JsonObject


def together(entries: Sequence[Entry]) -> JsonObject:
    """Returns what runs come to, in the form of one run.

    What was asked for stays, metric by metric. A newer run has the word on what things are called and on
    what its suite says; and a row, or a metric of a row, that differs from a newer one in versions alone
    (of parts, of plug-ins' files) is superseded and gone. Cells sort by dataset as suites have them,
    then by score, family, budget, sampler and seed, numbers in labels as numbers.

    Args:
      entries: The runs, the newest first.
    """
    newest = entries[0]
    specs = {name: spec for entry in reversed(entries) for name, spec in entry["specs"].items()}
    places = {name: axes for entry in reversed(entries) for name, axes in entry["places"].items()}
    metrics = {identify(spec): spec for entry in reversed(entries) for spec in entry["metrics"].values()}
    cells = _joined(entries, places, specs, metrics)
    used = {place for place, _ in cells}
    labels = _labels(entries, places, specs, used)
    found: dict[tuple[str, int], Cell] = {}
    names = _metric_labels(entries, metrics, cells.values())
    for key, cell in cells.items():
        measures = {names[metric]: record for metric, record in cell["measures"].items()}
        found[key] = {**cell, **labels[key[0]], "measures": measures}
    order = _order(entries, labels)
    rows = sorted(found.values(), key=lambda cell: (order[cell["dataset"]], *_sorting(cell)))
    columns = _columns(entries, names)
    made = {
        **newest,
        "schema": SCHEMA,
        "columns": {label: columns[label] for label in sorted(columns)},
        "metrics": {names[name]: metrics[name] for name in metrics if name in names},
        "places": {name: places[name] for name in places if name in used},
        "specs": specs,
        "truths": _truths(entries, names),
        "cells": rows,
    }
    if "leading" in newest:
        mine = made["metrics"]
        made["leading"] = [
            label for lead in newest["leading"] for label in mine if lead in (label, mine[label].get("name"))
        ]
    return made


def _joined(
    entries: Sequence[Entry],
    places: Mapping[str, Mapping[str, str]],
    specs: Mapping[str, Spec],
    metrics: Mapping[str, Spec],
) -> dict[tuple[str, int], Cell]:
    """Returns each cell once, by place and seed, with its measurements by the hash of their metric."""
    older = {name: identify(unversioned(spec)) for name, spec in specs.items()}
    lasting = {name: identify([older.get(axes[axis], "") for axis in AXES]) for name, axes in places.items()}
    ageless = {name: identify(unversioned(spec)) for name, spec in metrics.items()}
    stands: dict[str, str] = {}  # of places that differ in versions alone, the newest
    read_by: dict[tuple[str, str], str] = {}  # and of the metrics of a place
    found: dict[tuple[str, int], Cell] = {}
    aged = len({*ageless.values()}) < len(ageless)
    for entry in entries:
        ids = {label: identify(spec) for label, spec in entry["metrics"].items()}
        for cell in entry["cells"]:
            place = cell["place"]
            if stands.setdefault(lasting[place], place) != place:
                continue
            measures = {
                ids[label]: record
                for label, record in cell["measures"].items()
                if not aged or read_by.setdefault((place, ageless[ids[label]]), ids[label]) == ids[label]
            }
            if cell["measures"] and not measures:
                continue
            known = found.get((place, cell["seed"]))
            if known is None:
                found[place, cell["seed"]] = {**cell, "measures": measures}
            else:
                known["measures"] = {**measures, **known["measures"]}
    return found


def _labels(
    entries: Sequence[Entry],
    places: Mapping[str, Mapping[str, str]],
    specs: Mapping[str, Spec],
    used: set[str],
) -> dict[str, dict[str, str]]:
    """Returns the labels of each place, so that on each axis every specification has one of its own."""
    called: dict[str, dict[str, str]] = {axis: {} for axis in AXES}
    seen: set[tuple[int, str]] = set()
    for i, entry in enumerate(entries):
        for cell in entry["cells"]:
            place = cell["place"]
            if place not in used or (i, place) in seen:
                continue
            seen.add((i, place))
            axes = places[place]
            for axis in AXES:
                # Rows without a fit are called by their process.
                known = called["process" if axes[axis] == axes["process"] else axis]
                known.setdefault(axes[axis], cell[axis])
    labels = {axis: told_apart(known.items(), {**specs, "": {}}) for axis, known in called.items()}
    return {
        name: {axis: labels["process" if of == axes["process"] else axis][of] for axis, of in axes.items()}
        for name, axes in places.items()
        if name in used
    }


def _metric_labels(
    entries: Sequence[Entry], metrics: Mapping[str, Spec], cells: Iterable[Cell]
) -> dict[str, str]:
    """Returns a label of its own for every metric that some cell has."""
    used = set(itertools.chain.from_iterable(cell["measures"] for cell in cells))
    newest_first = (identify(spec) for entry in entries for spec in entry["metrics"].values())
    return told_apart(((name, metrics[name]["name"]) for name in newest_first if name in used), metrics)


def _columns(entries: Sequence[Entry], names: Mapping[str, str]) -> dict[str, JsonObject]:
    """Returns the columns of each metric; where two metrics have one name their columns have too."""
    found: dict[str, JsonObject] = {}
    for entry in entries:
        for label, spec in entry["metrics"].items():
            name = names.get(identify(spec))
            if name is None or name in found:
                continue
            more = name.removeprefix(spec["name"])
            plain = {about.get("column", column): about for column, about in entry["columns"][label].items()}
            found[name] = {
                f"{column}{more}": {**about, "column": column} if more else
                {key: value for key, value in about.items() if key != "column"}
                for column, about in plain.items()
            }  # fmt: skip
    return found


def _truths(entries: Sequence[Entry], names: Mapping[str, str]) -> dict[str, JsonObject]:
    """Returns the references and floors of each dataset, floors by what metrics are called now."""
    found: dict[str, JsonObject] = {}
    for entry in entries:
        for dataset, truth in entry["truths"].items():
            known = found.setdefault(dataset, {"reference": truth["reference"], "floors": {}})
            for label, floor in truth["floors"].items():
                name = names.get(identify(entry["metrics"][label]))
                if name is not None:
                    known["floors"].setdefault(name, floor)
    return found


def _order(entries: Sequence[Entry], labels: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """Returns where each dataset stands: as in the newest suite, those of older ones among them."""
    order: list[str] = []
    for entry in entries:
        mine = [labels[cell["place"]]["dataset"] for cell in entry["cells"] if cell["place"] in labels]
        new: list[str] = []
        for dataset in dict.fromkeys(mine):
            if dataset in order:
                at = order.index(dataset)
                order[at:at] = new
                new = []
            else:
                new.append(dataset)
        order += new
    return {dataset: i for i, dataset in enumerate(order)}


def _sorting(cell: Cell) -> tuple[object, ...]:
    of = ("family", "budget", "sampler")
    return (cell["score"], *(natural(cell[axis]) for axis in of), cell["seed"])
