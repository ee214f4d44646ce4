"""The way from noise to data as a moving picture: an animated WebP beside each strip, of the same shape.

What stands still is drawn once; for each frame the points alone are drawn over it, which takes milliseconds.
Lossless and in few colours: dots on paper are half as large so, and sharp.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from PIL import Image

from diffbench.figures.base import DOUBLE, GREY, HEADING, canvas, place, write_at
from diffbench.figures.records import Run
from diffbench.figures.trajectory import Paths, layout, paths

SUFFIX = ".webp"
DPI = 100
_COLOURS = 16
_EFFORT, _METHOD = 50, 2  # twice the time saves a hundredth
# Milliseconds of the first frame, of the others, and of the last.
FIRST, EACH, LAST = 600, 100, 2500
_LEFT, _GAP, _TOP, _BELOW, _AXIS = 0.1, 0.12, 0.2, 0.34, 0.55  # inches


def films(run: Run) -> Iterator[tuple[str, bytes]]:
    """Yields what each strip is called, and its moving picture as a WebP file."""
    for found in paths(run):
        yield found.name, _encoded(list(_frames(found)))


def _frames(found: Paths) -> Iterator[Image.Image]:
    """Yields the frames: both paths side by side, and how far they are apart."""
    drawing, moving, (curve, marker) = _stage(found)
    drawing.draw()
    still = drawing.copy_from_bbox(drawing.figure.bbox)
    for k in range(len(found.log_snr)):
        drawing.restore_region(still)
        for (axes, artist), (_, path, _) in zip(moving, found.rows, strict=True):
            found.look.put(artist, path[k])
            axes.draw_artist(artist)
        marker.set_data(found.log_snr[k : k + 1], found.apart[k : k + 1])
        curve.draw_artist(marker)
        yield Image.fromarray(np.asarray(drawing.buffer_rgba())[..., :3].copy())


def _stage(found: Paths) -> tuple[FigureCanvasAgg, list[tuple[Axes, Artist]], tuple[Axes, Line2D]]:
    """Returns all that stands still, and what moves: the points of both paths, and a mark on the curve."""
    _, height, (title, above), _ = layout(found)
    side = height - above - _TOP - _BELOW
    figure = canvas(DOUBLE, height)
    figure.set_dpi(DPI)
    write_at(figure, _LEFT, 0.06, title, va="top", **HEADING)
    moving = []
    for i, (name, _, colour) in enumerate(found.rows):
        axes = place(figure, _LEFT + i * (side + _GAP), above + _TOP, side, side)
        axes.set_title(f"{name} score", fontsize=8.5)
        artist = found.look.begin(axes, colour, side)
        artist.set_animated(True)
        moving.append((axes, artist))
    left = _LEFT + 2 * (side + _GAP) + _AXIS
    axes = place(figure, left, above + _TOP, DOUBLE - left - 0.12, side)
    axes.plot(found.log_snr, found.apart, color=GREY)
    most = float(np.max(found.apart, initial=0.0, where=np.isfinite(found.apart)))
    axes.set(xlabel="log SNR: noise to data", ylim=(0, 1.08 * most or 1.0))
    axes.set_title("root mean square distance")
    axes.spines[["top", "right"]].set_visible(False)
    (marker,) = axes.plot([], [], "o", color=found.rows[1][2], animated=True, clip_on=False)
    return FigureCanvasAgg(figure), moving, (axes, marker)


def _encoded(frames: list[Image.Image]) -> bytes:
    """Returns frames as one file that goes on for ever, until it is stopped."""
    # One palette for all, of a frame in which all is there.
    palette = frames[len(frames) // 2].quantize(_COLOURS, dither=Image.Dither.NONE)
    frames = [one.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB") for one in frames]
    times = [FIRST, *[EACH] * (len(frames) - 2), LAST]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=times,
        loop=0,
        lossless=True,
        quality=_EFFORT,
        method=_METHOD,
    )
    return buffer.getvalue()
