"""Where a number stands: by the specifications behind it, never by what they are called.

A place is a row of the comparison without its seed. It has an axis for each thing that rows differ in;
an axis is a label, for reading, and a specification, whose hash says what it is. Everything that joins
rows (means over seeds, exact rows beside learned ones, cells of earlier runs) goes by these hashes, or
by labels after `told_apart` gave each specification of a table one of its own.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from diffbench.spec import Json, Spec, identify

BRACKETS = TRUTH, GAUSSIAN = ("truth", "gaussian")
"""Scores of rows without a model: fresh samples of the data, and of the Gaussian of the same moments."""

GIVEN = "given"
"""Score of rows of samples that came in a file or an array: what made them nobody knows."""
SCORELESS = (*BRACKETS, GIVEN)

AXES = ("dataset", "score", "family", "budget", "sampler", "process")


class Axis(NamedTuple):
    """One thing that rows differ in.

    Attributes:
      label: What tables call it.
      id: Hash of its specification, empty where rows have none (no sampler, say).
      spec: Its specification.
    """

    label: str
    id: str
    spec: Spec


NOTHING = Axis("", "", {})


def axis(label: str, spec: Spec) -> Axis:
    """Returns a specification with what it is called; its hash is computed here, once."""
    return Axis(label, identify(spec), spec)


class Place(NamedTuple):
    """A row of the comparison without its seed; all its seeds share the record.

    Attributes:
      dataset: The data and what its rows are held to: training points, sample size, reference, floor.
      score: What the score is, and its known error.
      family: Family, network, process and replicas; the process alone for rows without a fit.
      budget: Settings of the training.
      sampler: The sampler.
      process: The noise process.
      id: Hash of all these.
    """

    dataset: Axis
    score: Axis
    family: Axis
    budget: Axis
    sampler: Axis
    process: Axis
    id: str

    @property
    def axes(self) -> dict[str, str]:
        """The hash of each axis, by its name."""
        return {name: getattr(self, name).id for name in AXES}


def place(
    dataset: Axis,
    score: Axis,
    family: Axis = NOTHING,
    budget: Axis = NOTHING,
    sampler: Axis = NOTHING,
    process: Axis = NOTHING,
) -> Place:
    """Returns the place of rows."""
    axes = (dataset, score, family, budget, sampler, process)
    return Place(*axes, identify([one.id for one in axes]))


def unversioned(spec: Any) -> Any:
    """Returns a specification without its versions and digests of plug-ins: what a newer one stands for."""
    if isinstance(spec, Mapping):
        return {
            key: value if key == "params" else unversioned(value)
            for key, value in spec.items()
            if key not in ("version", "plugin")
        }
    return spec


_FEW = 3  # differences that a label holds; of more, as many as tell


def told_apart(called: Iterable[tuple[str, str]], specs: Mapping[str, Spec]) -> dict[str, str]:
    """Returns a label for each specification that no other has.

    A specification keeps the first label it is called by. Where several have one label it is
    completed by what they differ in, with all digits.

    Args:
      called: (hash, label), the first word counts.
      specs: Specifications by hash.
    """
    first: dict[str, str] = {}
    for name, label in called:
        first.setdefault(name, label)
    alike: dict[str, list[str]] = {}
    for name, label in first.items():
        alike.setdefault(label, []).append(name)
    found: dict[str, str] = {}
    taken = {label for label, names in alike.items() if len(names) == 1}
    for label, names in alike.items():
        if len(names) == 1:
            found[names[0]] = label
            continue
        differ = _differences([specs[name] for name in names])
        for name, difference in zip(names, differ, strict=True):
            full = f"{label} ({difference})" if difference else label
            # A user may have called something so; the hash is nobody's word.
            found[name] = full if full not in taken else f"{label} ({name})"
            taken.add(found[name])
    return {name: found[name] for name in first}


def _differences(specs: list[Spec]) -> list[str]:
    """Returns for each specification what it has otherwise than the others."""
    flat = [dict(_flat(spec)) for spec in specs]
    paths = list(dict.fromkeys(itertools.chain(*flat)))
    texts = {path: [_shown(one.get(path)) for one in flat] for path in paths}
    differ = [path for path in paths if len({*texts[path]}) > 1]
    if len(differ) > _FEW:
        differ = _enough(differ, texts)
    last = [path[-1] for path in differ]
    names = [path[-1] if last.count(path[-1]) == 1 else ".".join(path[-2:]) for path in differ]
    return [
        ", ".join(f"{name}={texts[path][i]}" for name, path in zip(names, differ, strict=True))
        for i in range(len(specs))
    ]


def _enough(
    paths: list[tuple[str, ...]], texts: Mapping[tuple[str, ...], list[str]]
) -> list[tuple[str, ...]]:
    """Returns as many of the paths as tell all specifications apart, names of parts first."""
    chosen: list[tuple[str, ...]] = []
    told = 1
    for path in sorted(paths, key=lambda path: path[-1] != "name"):
        now = len({*zip(*(texts[one] for one in (*chosen, path)), strict=True)})
        if now > told:
            chosen, told = [*chosen, path], now
    return chosen


def _flat(spec: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yields every value of a specification with the keys that lead to it."""
    for key, value in spec.items():
        here = path if key == "params" else (*path, key)
        if isinstance(value, Mapping):
            yield from _flat(value, here)
        else:
            yield here, value


def _shown(value: object) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)


def base_of(column: str) -> str:
    """Returns the name that a metric gave a column, without what `told_apart` added."""
    return column.partition(" (")[0]


_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)")


@functools.lru_cache(maxsize=65536)
def natural(label: str) -> tuple[tuple[int, float, str], ...]:
    """Returns a key that sorts labels as people do: steps=5 before steps=10 before steps=100."""
    parts = _NUMBER.split(label)
    key = ((0, float(part), "") if i % 2 else (1, 0.0, part) for i, part in enumerate(parts))
    return (*key, (-1, 0.0, label))
