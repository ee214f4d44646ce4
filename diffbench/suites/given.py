"""Rows of samples that came in files or arrays, whatever made them: as much of a suite as they need.

Such a row is what its numbers are: its specification holds their digests. Samples are kept in an order
that a fixed key shuffles, for a file may be sorted and some metrics take a part.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from diffbench.contracts import DATASETS, METRICS, Dataset, key_for
from diffbench.records import places
from diffbench.records.places import GIVEN
from diffbench.records.specs import DrawSpec
from diffbench.spec import Spec
from diffbench.suites import parts, rows
from diffbench.suites.building import build
from diffbench.suites.cells import Cell
from diffbench.suites.items import Entry
from diffbench.suites.suite import Suite, SuiteError, items, parse

VERSION = 1
"""Of how samples are kept: their order."""
LEAST = 10
"""Samples below which nothing is told from truth."""
# Factor of scale beyond which a file is likely to be in other coordinates.
_OFF = 3.0


@dataclasses.dataclass(frozen=True)
class Given:
    """Samples of one model.

    Attributes:
      label: What tables call it.
      samples: By seed, `[n, D]`, data coordinates; n is the same for all.
      nfe: Score evaluations of each sample, as the user says, or None.
    """

    label: str
    samples: Mapping[int, np.ndarray]
    nfe: int | None = None

    @property
    def n(self) -> int:
        """Samples of each seed."""
        return len(next(iter(self.samples.values())))


class Kept(NamedTuple):
    """What is to be stored: the specification of a draw, and its samples."""

    spec: DrawSpec
    samples: np.ndarray


def fitted(x: np.ndarray, dataset: Dataset, what: str) -> np.ndarray:
    """Returns samples as `[n, D]`, held against a dataset.

    Args:
      x: Samples, `[n, D]`, or `[n, H, W, C]` where the data are images; `[n]` where D is 1.
      dataset: The dataset.
      what: Where they came from, for the message.

    Raises:
      ValueError: If the shape is another, they are too few, not finite, or all one point.
    """
    dim, shape = dataset.dim, tuple(getattr(dataset, "shape", None) or ())
    wanted = f"[n, {dim}]" + (f" or [n, {', '.join(map(str, shape))}]" if shape else "")
    flat = x.reshape(len(x), -1) if x.ndim > 1 and x.shape[1:] == shape else x
    if flat.ndim == 1 and dim == 1:
        flat = flat[:, None]
    if flat.ndim != 2 or flat.shape[1] != dim:
        turned = "; it may be the other way round" if x.ndim == 2 and x.shape[0] == dim else ""
        raise ValueError(
            f"{what}: samples of {dataset.name} must have shape {wanted}; got {list(x.shape)}{turned}"
        )
    if len(flat) < LEAST:
        raise ValueError(f"{what}: expected at least {LEAST} samples; got {len(flat)}")
    bad = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    if bad.size:
        raise ValueError(
            f"{what}: expected finite numbers; got {bad.size} of {len(flat)} samples that are not (first: row"
            f" {bad[0]})"
        )
    if (flat == flat[0]).all():
        raise ValueError(f"{what}: expected samples that differ; got {len(flat)} times one point")
    return flat


def hint(x: np.ndarray, dataset: Dataset, remedy: str = "x * scale + mean") -> str | None:
    """Returns what to look at where samples lie elsewhere than the data, or None.

    Args:
      x: Samples, data coordinates, `[n, D]`.
      dataset: The dataset, with its own mean and scale.
      remedy: What standardised samples need, in the words of who gave them.
    """
    mean = np.asarray(x, np.float64).mean(axis=0)
    spread = float(np.sqrt(np.asarray(x, np.float64).var(axis=0).mean()))
    away = float(np.abs(mean - dataset.mean).max())
    if away <= _OFF * dataset.scale and 1 / _OFF <= spread / dataset.scale <= _OFF:
        return None
    theirs = f"{_shown(dataset.mean)} and {dataset.scale:.3g}"
    about = f"mean {_shown(mean)} and spread {spread:.3g} where the data has {theirs}"
    unit = np.abs(mean).max() < 0.5 and 0.5 < spread < 2.0
    return f"they have {about}; " + (
        f"standardised samples need {remedy}" if unit else "are they in data coordinates?"
    )


def _shown(mean: np.ndarray) -> str:
    few = [f"{value:.3g}" for value in np.asarray(mean)[:4]]
    return f"({', '.join(few)}{', ...' if len(mean) > 4 else ''})"


def suite_of(
    dataset: Entry,
    n: int,
    seeds: Sequence[int],
    metrics: Sequence[Entry],
    *,
    reference: int | None = None,
    floor_draws: int = 199,
    standardise: bool = True,
) -> Suite:
    """Returns the suite that rows of given samples are measured by.

    Args:
      dataset: An entry of a suite's datasets: a name, or a table.
      n: Samples of each seed.
      seeds: Seeds.
      metrics: Entries of a suite's metrics; those of `DEFAULT` that fit by default.
      reference: Points of the reference; n by default.
      floor_draws: Truth draws of the floor.
      standardise: Whether distances are in standardised coordinates.
    """
    content = {
        "datasets": [dataset],
        "families": [],
        "seeds": list(seeds),
        "samples": n,
        "reference": reference,
        "floor_draws": floor_draws,
        "standardise": standardise,
        **({"metrics": list(metrics)} if metrics else {}),
    }
    return parse(content, "measure", "measure")


DEFAULT = ("energy", "mmd2", "sliced_w2", "mode_tv", "manifold_distance", "intrinsic", "detection_n")
"""What samples are judged by where nobody says it: what takes seconds, and each way of erring once."""


def chosen(dataset: Entry, train: int = 0) -> list[str]:
    """Returns the metrics of `DEFAULT` that fit a dataset, and `memorisation` where there is training data.

    Args:
      dataset: An entry of a suite's datasets.
      train: Training points.
    """
    (item,) = items([dataset], "datasets", reserved=("train_size", "metrics"))
    built = build(DATASETS, "datasets", item)
    points = {"train": train}
    wanted = (*DEFAULT, "memorisation") if train else DEFAULT
    return [name for name in wanted if parts.lacks(METRICS.build(name), built, points) is None]


def judging(metrics: Sequence[Entry]) -> None:
    """Raises where a metric that was asked for by name judges a score, which samples have not.

    Raises:
      SuiteError: If one does, with what may be asked instead.
    """
    for entry in metrics:
        name = entry if isinstance(entry, str) else entry.get("name")
        if name in METRICS.names() and "samples" not in METRICS.build(str(name)).needs:
            fit = [one for one in METRICS.loaded() if "samples" in METRICS.build(one).needs]
            raise SuiteError(
                f"metrics: {name} judges a score, and samples alone have none; of samples: {', '.join(fit)}"
            )


def rows_of(
    suite: Suite, given: Sequence[Given], train: np.ndarray | None = None
) -> tuple[list[Cell], list[Kept]]:
    """Returns the cells of given samples, of truth and of the Gaussian, and what must be stored for them.

    Args:
      suite: As of `suite_of`: one dataset, n samples and the seeds of all rows; where there are training
        points, the dataset's entry has their number as `train_size`.
      given: Samples of models, n of each seed.
      train: Training points of the model, data coordinates, `[k, D]`, or None.

    Raises:
      SuiteError: If the request is wrong, or two models share a label.
    """
    labels = [one.label for one in given]
    for label in labels:
        if labels.count(label) > 1:
            raise SuiteError(f"samples: {label!r} is there twice; give it once, or call one file otherwise")
    (data,) = parts.datasets_of(suite)
    section = rows.section_of(data, suite)
    kept: list[Kept] = []
    common = dict(section.common)
    if train is not None:
        common["train"] = _draw(data.spec, train, 0)
        kept.append(Kept(common["train"], train))
    seeds = list(suite.seeds) if not isinstance(suite.seeds, int) else list(range(suite.seeds))
    cells = [Cell(**cell, **common) for cell in rows.brackets(section, seeds)]
    for one in given:
        more = {} if one.nfe is None else {"nfe": one.nfe}
        drawn = {seed: _draw(data.spec, x, seed, one.nfe) for seed, x in one.samples.items()}
        about = {"samples": {str(seed): spec["sha256"] for seed, spec in drawn.items()}, **more}
        about |= {"train": common["train"]["sha256"]} if train is not None else {}
        place = places.place(
            section.axis, places.axis(GIVEN, {"score": GIVEN}), places.axis(one.label, about)
        )
        for seed, spec in drawn.items():
            cells.append(Cell(place=place, seed=seed, fit=None, draw=spec, **common))
            kept.append(Kept(spec, shuffled(one.samples[seed])))
    return cells, kept


def _draw(dataset: Spec, x: np.ndarray, seed: int, nfe: int | None = None) -> DrawSpec:
    """Returns the specification under which samples are kept."""
    spec: DrawSpec = {
        "stage": "draw",
        "dataset": dataset,
        "score": GIVEN,
        "sha256": digest(x),
        "n": len(x),
        "seed": seed,
        "version": VERSION,
    }
    if nfe is not None:
        spec["nfe"] = nfe
    return spec


def digest(x: np.ndarray) -> str:
    """Returns the digest of samples: of their type, shape and numbers, in their order."""
    about = f"{x.dtype.str}{list(x.shape)}".encode()
    return hashlib.sha256(about + np.ascontiguousarray(x).tobytes()).hexdigest()[:16]


def shuffled(x: np.ndarray) -> np.ndarray:
    """Returns samples in an order that depends on their number alone."""
    return x[np.asarray(jax.random.permutation(key_for(0, "shuffled", len(x)), len(x)))]
