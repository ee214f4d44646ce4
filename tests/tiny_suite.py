"""A suite small enough to run in seconds, and suites as TOML text."""

from __future__ import annotations

from typing import Any

TINY: dict[str, Any] = {
    "name": "tiny",
    "datasets": ["nine_gaussians"],
    "families": ["ddpm"],
    "samplers": [{"name": "ancestral", "steps": 5}],
    "metrics": ["energy"],
    "seeds": 1,
    "samples": 64,
    "floor_draws": 9,
    "network": {"widths": [8, 8], "embedding_width": 8},
    "training": {"steps": 20, "batch": 16},
}


def as_toml(content: dict[str, Any]) -> str:
    """Returns a suite as TOML text."""

    def value(v: Any) -> str:
        if isinstance(v, dict):
            return "{" + ", ".join(f"{k} = {value(x)}" for k, x in v.items()) + "}"
        if isinstance(v, list):
            return "[" + ", ".join(value(x) for x in v) + "]"
        if isinstance(v, bool):
            return str(v).lower()
        return f'"{v}"' if isinstance(v, str) else repr(v)

    return "\n".join(f"{k} = {value(v)}" for k, v in content.items()) + "\n"


WITHOUT_DEFAULTS = ("arrays", "digits")
"""Datasets without a known law, or that are nothing without a file: tests over all others leave them out."""
