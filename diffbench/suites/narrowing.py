"""The lists of a suite replaced by names from the command line.

A name is what tables call a part, or a part's registered name. What the suite says of it stays as it is,
wherever it says so: in its own list, or in that of one family or dataset. Another is taken with its
defaults. Where only the lists of some families name a sampler, the other families have no part in it;
so with datasets and metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from diffbench.contracts import FAMILIES, METRICS, SAMPLERS, Metric, Sampler
from diffbench.registry import Registry
from diffbench.spec import Json, JsonObject
from diffbench.suites.items import Entry, SuiteError, items_of

# The keys of entries that are no parameters, by the list of the suite.
_RESERVED: Mapping[str, tuple[str, ...]] = {
    "datasets": ("train_size", "metrics"),
    "families": ("process", "samplers", "network"),
}
# Lists that entries of another list may have for themselves.
_INNER = {"samplers": "families", "metrics": "datasets"}
_PARTS: Mapping[str, Registry[Sampler] | Registry[Metric]] = {"samplers": SAMPLERS, "metrics": METRICS}


def changes(content: Json, chosen: Mapping[str, Sequence[str]], origin: str = "choice") -> JsonObject:
    """Returns the lists of a suite that names replace, as they are to be.

    Args:
      content: The suite.
      chosen: Names by key: "datasets", "families", "samplers", "metrics".
      origin: What messages call who chose.

    Raises:
      SuiteError: If no family has a sampler that is left, or no dataset a metric.
    """
    found: JsonObject = {}
    for key in ("datasets", "families"):
        if key in chosen:
            found[key] = []
            for name in _joined(content, key, chosen[key]):
                found[key] += _matching(content[key], key, name) or [name]
    for key, outer in _INNER.items():
        if key in chosen:
            names = _joined(content, key, chosen[key])
            found |= _within(content, key, {**content, **found}[outer], names, origin)
    return found


def _within(
    content: Json, key: str, holders: Sequence[Entry], names: Sequence[str], origin: str
) -> JsonObject:
    """Returns a list of the suite, and the entries that may have one of their own, narrowed to names."""
    outer, general = _INNER[key], content[key]
    lists = [entry[key] for entry in content[outer] if _has_own(entry, key)]
    elsewhere = {name for name in names if any(_matching(each, key, name) for each in lists)}

    def narrowed(own: Sequence[Entry], holder: Entry | None = None) -> list[Entry]:
        found: list[Entry] = []
        for name in names:
            here = _here(own, key, name, holder) or _here(general, key, name, holder)
            found += here or ([] if name in elsewhere else [name])
        return [entry for i, entry in enumerate(found) if entry not in found[:i]]

    everywhere = narrowed(general)
    kept: list[Entry] = []
    for entry in holders:
        mine = narrowed(entry[key] if _has_own(entry, key) else general, entry)  # type: ignore[index]
        table = {"name": entry} if isinstance(entry, str) else {k: v for k, v in entry.items() if k != key}
        if mine and mine != everywhere:
            kept.append({**table, key: mine})
        elif mine:
            kept.append(entry if isinstance(entry, str) else table)
    if holders and not kept:
        raise SuiteError(f"{origin}: {key}: none of the {outer} has {', '.join(names)}")
    return {key: everywhere or general, outer: kept}


def _has_own(entry: Entry, key: str) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get(key), list)


def _here(entries: Sequence[Entry], key: str, name: str, holder: Entry | None) -> list[Entry]:
    """Returns what a list has under a name, "all" and a family's "own" counted as what they stand for."""
    same = _matching(entries, key, name)
    words: list[Entry] = []
    if "all" in entries and name in _PARTS[key].names() and not (same and key == "metrics"):
        # Beside "all", an entry of a sampler is one more, and one of a metric is in its place.
        words = [name]
    elif "own" in entries and key == "samplers" and holder is not None and _own_sampler(holder) == name:
        words = ["own"]
    return [*(word for word in words if word not in same), *same]


def _own_sampler(family: Entry) -> str | None:
    """Returns the name of the sampler of a family's paper; None where there is no such family."""
    name = family if isinstance(family, str) else family.get("name")
    if name not in FAMILIES.names():
        return None
    sampler = FAMILIES.entry(str(name)).build.sampler  # type: ignore[attr-defined]
    return str(sampler["name"])


def _matching(entries: Sequence[Entry], key: str, name: str) -> list[Entry]:
    """Returns the entries of a name or a label; of a sweep that has the label, that item alone."""
    found: list[Entry] = []
    for entry in entries:
        if entry == name or (isinstance(entry, Mapping) and name in (entry.get("name"), entry.get("label"))):
            found.append(entry)
            continue
        for item in items_of(entry, key, _RESERVED.get(key, ())):
            if item.label == name:
                found.append({"name": item.name, "label": item.label, **item.params, **item.extra})
    return found


def _joined(content: Json, key: str, names: Sequence[str]) -> list[str]:
    """Returns names, those that a comma cut in one piece again where the suite has such a label."""
    lists: list[Iterable[Entry]] = [content[key]]
    if key in _INNER:
        lists += [entry[key] for entry in content[_INNER[key]] if _has_own(entry, key)]
    items = (i for each in lists for entry in each for i in items_of(entry, key, _RESERVED.get(key, ())))
    labels = {tuple(part.strip() for part in item.label.split(",")): item.label for item in items}
    names = [name.strip() for name in names]
    found: list[str] = []
    at = 0
    while at < len(names):
        cut = next((end for end in range(len(names), at + 1, -1) if tuple(names[at:end]) in labels), at + 1)
        found.append(labels.get(tuple(names[at:cut]), names[at]))
        at = cut
    return found
