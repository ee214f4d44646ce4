"""What there is: every registered part with its parameters."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from diffbench import checks
from diffbench.api import session
from diffbench.contracts import DATASETS, FAMILIES, METRICS, SAMPLERS
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.registry import Registry
from diffbench.suites import suite as suites

KINDS: Mapping[str, Registry[object]] = {
    "families": FAMILIES,
    "datasets": DATASETS,
    "samplers": SAMPLERS,
    "metrics": METRICS,
    "processes": PROCESSES,
    "networks": NETWORKS,
}


@session.pinned
def list(kind: str | None = None, /) -> pd.DataFrame:
    """Returns what there is, one part a row: "kind", "name", "parameters" with defaults, and "about".

    Args:
      kind: One of families, datasets, samplers, metrics, processes, networks, suites; all by default.

    Raises:
      ValueError: If the kind is another.
    """
    if kind is not None:
        checks.choice("kind", kind, (*KINDS, "suites"))
    rows = [_row(title, registry, name) for title, registry in KINDS.items() if kind in (None, title)
            for name in registry.names()]  # fmt: skip
    if kind in (None, "suites"):
        for name in suites.shipped():
            about = suites.load(name).description
            rows.append({"kind": "suites", "name": name, "parameters": "", "about": about})
    return pd.DataFrame(rows, columns=["kind", "name", "parameters", "about"])


def _row(title: str, registry: Registry[object], name: str) -> dict[str, str]:
    if name not in registry.loaded():
        about = f"plug-in {registry.announced()[name]}"
        return {"kind": title, "name": name, "parameters": "", "about": about}
    entry = registry.entry(name)
    first = (entry.build.__doc__ or "").strip().partition("\n")[0]
    params = ", ".join(f"{key}={value!r}" for key, value in entry.defaults.items())
    about = first.removeprefix("Returns ").rstrip(".")
    return {"kind": title, "name": name, "parameters": params, "about": about}
