"""The figures of a run as a page holds them: WebP in the page itself, by dataset, films beside their stills.

Figures are there as PNG files. A page holds each as WebP, a sixth of the size at the same pixels, read by
every browser; what would make the page too large stands as a link to its file. The size of each is said
before it is decoded, so that nothing moves while a page loads. Films have the room that stills leave.
"""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from diffbench.records import drawn
from diffbench.report.gathered import Gathered

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")

QUALITY, METHOD = 74, 2
COLOURS, EFFORT = 32, 30
"""Of a picture that is kept without loss: lines and dots take half the bytes so."""
BUDGET = 8_000_000
"""Bytes of all pictures of a page."""
LARGEST = 40_000_000
"""Bytes of a file that is looked at, and pixels of a picture."""
FILM, FRAMES = ".webp", 400_000
"""The file of a film beside its still, and the most bytes it may have in a page."""

# What a file's name begins with, and what the picture shows; in the order of a section.
KINDS = {
    "density": "Samples: truth, exact score, learned score",
    "images": "Image samples",
    "trajectory": "From noise to data",
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
      film: The same moving, as a data URI; empty where there is none or no room for it.
    """

    name: str
    title: str
    data: str
    width: int
    height: int
    film: str = ""


def pictures(found: Gathered, budget: int = BUDGET) -> dict[str, list[Picture]]:
    """Returns the figures of a run by dataset; those of several datasets under "".

    Args:
      found: The run.
      budget: Bytes that they may have.
    """
    folder, files = found.root / drawn.FOLDER, drawn.read(found.store).files
    listed = sorted(name for name in files if name.endswith(".png"))
    placed: dict[str, list[tuple[int, str, str, str]]] = {}
    for name in listed:
        kind, dataset, rest = _sorted(Path(name).stem, found.datasets)
        title = " ".join(part for part in (KINDS.get(kind, kind), rest and f"({rest})") if part)
        order = list(KINDS).index(kind) if kind in KINDS else len(KINDS)
        placed.setdefault(dataset, []).append((order, name, title, kind))
    made: dict[str, list[Picture]] = {}
    # The first picture of every section before the second of any: sections share the room.
    for dataset, (_, name, title, _) in _in_turns({d: sorted(each) for d, each in placed.items()}):
        picture = _read(folder / name, title)
        if picture is not None:
            budget -= len(picture.data)
            made.setdefault(dataset, []).append(
                picture if budget >= 0 else dataclasses.replace(picture, data="")
            )
    # Films last, and likewise in turns.
    moving = {
        d: [i for i, still in enumerate(each) if still.data and f"{still.name}{FILM}" in files]
        for d, each in made.items()
    }
    for dataset, i in _in_turns(moving):
        still = made[dataset][i]
        film = _film(folder / f"{still.name}{FILM}")
        if 0 < len(film) <= budget:
            budget -= len(film)
            made[dataset][i] = dataclasses.replace(still, film=film)
    return made


def _in_turns(placed: Mapping[str, Sequence[T]]) -> Iterator[tuple[str, T]]:
    """Yields the first of every section, then the second, and so on, each with its section."""
    for turn in range(max(map(len, placed.values()), default=0)):
        for dataset, each in placed.items():
            if turn < len(each):
                yield dataset, each[turn]


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
            whole = image.convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError):
        return None
    few = whole.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).convert("RGB")
    # What is smaller: densities are so with loss, and arrows, dots and lines without.
    data = min(
        _webp(whole, quality=QUALITY, method=METHOD),
        _webp(few, lossless=True, quality=EFFORT, method=METHOD),
        key=len,
    )
    return Picture(path.stem, title, _uri(data), *whole.size)


def _webp(image: Image.Image, **how: float) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", **how)
    return buffer.getvalue()


def _film(path: Path) -> str:
    """Returns a film of a file as a data URI, empty where it is gone, large or none."""
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size > FRAMES:
            return ""
        data = path.read_bytes()
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            fits = image.width * image.height <= LARGEST
    except (OSError, UnidentifiedImageError, ValueError):
        return ""
    return _uri(data) if fits else ""


def _uri(webp: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(webp).decode()
