"""The figures of a run as a page holds them: WebP in the page itself, by dataset.

Figures are there as PNG files. A page holds each as lossy WebP, a sixth of the size at the same pixels, read
by every browser; what would make the page too large stands as a link to its file. The size of each is said
before it is decoded, so that nothing moves while a page loads.
"""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from diffbench.records import drawn
from diffbench.report.gathered import Gathered

QUALITY, METHOD = 74, 2
BUDGET = 8_000_000
"""Bytes of all pictures of a page."""
LARGEST = 40_000_000
"""Bytes of a file that is looked at, and pixels of a picture."""

# What a file's name begins with, and what the picture shows; in the order of a section.
KINDS = {
    "density": "Samples: truth, exact score, learned score",
    "images": "Image samples",
    "score_field": "Score field, exact and learned",
    "denoising": "Estimates of clean images",
    "loss": "Loss while training",
    "score_error": "Error of the score over noise levels",
    "quality_nfe": "Quality against score evaluations",
    "error_split": "What the error is made of",
    "mixing": "Mixing of Langevin chains",
    "memorisation": "Samples and training points",
    "nearest": "Samples beside their nearest training points",
    "solvers": "Error of solvers against the exact flow",
    "regret": "Regret of solvers",
    "seen": "What sees the error",
    "strays": "Stray samples",
}


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
      name: Name of its file, without the suffix.
      title: What it shows.
      data: It as a data URI, empty where the page has no room for it.
      width: Pixels.
      height: Pixels.
    """

    name: str
    title: str
    data: str
    width: int
    height: int


def pictures(found: Gathered, budget: int = BUDGET) -> dict[str, list[Picture]]:
    """Returns the figures of a run by dataset; those of several datasets under "".

    Args:
      found: The run.
      budget: Bytes that they may have.
    """
    folder = found.root / drawn.FOLDER
    listed = sorted(name for name in drawn.read(found.store).files if name.endswith(".png"))
    placed: dict[str, list[tuple[int, str, str, str]]] = {}
    for name in listed:
        kind, dataset, rest = _sorted(Path(name).stem, found.datasets)
        title = " ".join(part for part in (KINDS.get(kind, kind), rest and f"({rest})") if part)
        order = list(KINDS).index(kind) if kind in KINDS else len(KINDS)
        placed.setdefault(dataset, []).append((order, name, title, kind))
    made: dict[str, list[Picture]] = {}
    # The first picture of every section before the second of any: sections share the room.
    for dataset, name, title in _in_turns({d: sorted(each) for d, each in placed.items()}):
        picture = _read(folder / name, title)
        if picture is not None:
            budget -= len(picture.data)
            made.setdefault(dataset, []).append(
                picture if budget >= 0 else dataclasses.replace(picture, data="")
            )
    return made


def _in_turns(placed: dict[str, list[tuple[int, str, str, str]]]) -> Iterator[tuple[str, str, str]]:
    for turn in range(max(map(len, placed.values()), default=0)):
        for dataset, each in placed.items():
            if turn < len(each):
                yield dataset, each[turn][1], each[turn][2]


def _sorted(stem: str, datasets: Sequence[str]) -> tuple[str, str, str]:
    """Returns the kind of a figure, its dataset, and what else its name says."""
    from diffbench.figures.base import plain

    kinds = (
        k for k in sorted(KINDS, key=len, reverse=True) if stem == k or stem.startswith((f"{k}_", f"{k}-"))
    )
    kind = next(kinds, "")
    for dataset in sorted(datasets, key=len, reverse=True):
        called = plain(f"{kind}_{dataset}")
        if kind and (stem == called or stem.startswith((f"{called}_", f"{called}-"))):
            return kind, dataset, stem[len(called) :].strip("_-")
    return (kind, "", stem[len(kind) :].strip("_-")) if kind else (stem, "", "")


def _read(path: Path, title: str) -> Picture | None:
    """Returns a picture of a file; None where it is gone or none."""
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size > LARGEST:
            return None
        with Image.open(path) as image:
            if image.width * image.height > LARGEST:
                return None
            buffer = io.BytesIO()
            image.convert("RGB").save(buffer, "WEBP", quality=QUALITY, method=METHOD)
            size = image.width, image.height
    except (OSError, UnidentifiedImageError, ValueError):
        return None
    data = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Picture(path.stem, title, data, *size)
