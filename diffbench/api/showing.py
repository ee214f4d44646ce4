"""How objects look: short lines, and tables and pictures for notebooks."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from diffbench.spec import Json


def line(kind: str, about: Json) -> str:
    """Returns `Kind(key=value, ...)`, values short."""
    shown = ", ".join(f"{key}={value(one)}" if key else value(one) for key, one in about.items())
    return f"{kind}({shown})"


def value(one: object) -> str:
    """Returns a value in few letters."""
    if isinstance(one, float):
        return f"{one:.4g}"
    if isinstance(one, np.ndarray):
        few = ", ".join(f"{x:.3g}" for x in one.reshape(-1)[:4])
        return f"[{few}{', ...' if one.size > 4 else ''}]"
    return str(one)


def table(title: str, rows: Json) -> str:
    """Returns an HTML table of two columns under a title."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{html.escape(key)}</th><td>{html.escape(value(one))}</td></tr>"
        for key, one in rows.items()
    )
    return f"<div><b>{html.escape(title)}</b><table>{cells}</table></div>"


def points(panels: Mapping[str, np.ndarray]) -> str:
    """Returns an HTML picture of points in the plane, `[n, 2]` each, on one scale."""
    from diffbench.figures.base import HEADING, style
    from diffbench.figures.base import panels as make

    with style():
        figure, axes = make(1, len(panels), 1.9 * len(panels) + 0.4, 1.6)
        every = np.concatenate([x[:2000] for x in panels.values()])
        low, high = np.nanquantile(every, [0.001, 0.999], axis=0)
        pad = 0.1 * (high - low) + 1e-9
        for ax, (title, x) in zip(axes[0], panels.items(), strict=True):
            ax.plot(*x[:2000].T, ".", ms=1.2, alpha=0.5)
            ax.set(xlim=(low[0] - pad[0], high[0] + pad[0]), ylim=(low[1] - pad[1], high[1] + pad[1]))
            ax.set_title(title, **HEADING)
        return picture(figure, f"points of {', '.join(panels)}")


def lines(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], across: str, up: str) -> str:
    """Returns an HTML picture of curves, each as where and how high."""
    from diffbench.figures.base import panels as make
    from diffbench.figures.base import style

    with style():
        figure, axes = make(1, 1, 3.4, 1.5)
        for label, (x, y) in curves.items():
            axes[0, 0].plot(x, y, label=label)
        axes[0, 0].set(xlabel=across, ylabel=up)
        if len(curves) > 1:
            axes[0, 0].legend(frameon=False)
        return picture(figure, f"{up} over {across}")


def picture(figure: Figure, alt: str) -> str:
    """Returns a figure as HTML, with words for who does not see it."""
    from diffbench.figures.base import encoded

    data = base64.b64encode(encoded(figure, ".png")).decode()
    width = int(figure.get_size_inches()[0] * 96)
    return f"<img alt='{html.escape(alt)}' width='{width}' src='data:image/png;base64,{data}'/>"


def options(names: Sequence[str]) -> str:
    """Returns names for the end of a message."""
    return ", ".join(names) or "none"
