"""Runs that are written down by hand, in the form that the harness keeps: each row in a place of its own."""

from __future__ import annotations

from typing import Any

from diffbench.records.places import AXES
from diffbench.spec import identify


def placed(run: dict[str, Any]) -> dict[str, Any]:
    """Returns a run whose rows are what their labels say, and its metrics what they are called."""
    places, specs, cells = {}, {}, []
    for cell in run["cells"]:
        row = {"process": "", **cell}
        about = {axis: {axis: row[axis]} for axis in AXES if row.get(axis)}
        axes = {axis: identify(about[axis]) if axis in about else "" for axis in AXES}
        specs |= {axes[axis]: spec for axis, spec in about.items()}
        places[identify(axes)] = axes
        cells.append({**row, "place": identify(axes)})
    metrics = {name: {"name": name} for name in run["columns"]}
    return {"metrics": metrics, "truths": {}, **run, "places": places, "specs": specs, "cells": cells}
