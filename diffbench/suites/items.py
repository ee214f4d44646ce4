"""Entries of a suite's lists, taken apart.

An entry is a name, or a table with a `name` and the part's parameters; `label` renames it in tables and
`sweep` takes lists of values and stands for their product.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from diffbench.signs import unseen
from diffbench.spec import Json

Entry = str | Json


class SuiteError(ValueError):
    """A suite that cannot be run; the message is one line, also where a part's own has more."""

    def __init__(self, message: str):
        super().__init__(" ".join(line.strip() for line in message.splitlines()))


@dataclasses.dataclass(frozen=True)
class Item:
    """An entry of a suite's list, taken apart.

    Attributes:
      label: What tables call it.
      name: Registered name, or a word such as "own".
      params: Json given.
      extra: Keys that belong to the suite, such as `train_size`.
    """

    label: str
    name: str
    params: Json
    extra: Json


def items(entries: Sequence[Entry], key: str, reserved: Iterable[str] = ()) -> list[Item]:
    """Takes entries apart and multiplies their sweeps out.

    Raises:
      SuiteError: If an entry has no name, a sweep is malformed, two share a label, or a label
        holds a control character.
    """
    found: list[Item] = []
    for entry in entries:
        found += items_of(entry, key, reserved)
    labels = [item.label for item in found]
    for label in labels:
        if labels.count(label) > 1:
            raise SuiteError(f"{key}: {label!r} is there twice; give one of them a label of its own")
    return found


def items_of(entry: Entry, key: str, reserved: Iterable[str] = ()) -> Iterator[Item]:
    """Yields what one entry stands for: itself, or one item for each of its sweep's values."""
    if not isinstance(entry, str | Mapping):
        raise SuiteError(f"{key}: expected a name or a table with a name; got {entry!r}")
    table = {"name": entry} if isinstance(entry, str) else dict(entry)
    name = table.pop("name", None)
    if not isinstance(name, str):
        raise SuiteError(f"{key}: each entry needs a name; got {entry!r}")
    label = table.pop("label", None)
    if label is not None and not (isinstance(label, str) and label.strip()):
        raise SuiteError(f"{key}: {name}: label must be a text; got {label!r}")
    sweep: object = table.pop("sweep", {})
    if not isinstance(sweep, Mapping) or not all(isinstance(v, list) and v for v in sweep.values()):
        raise SuiteError(f"{key}: {name}: sweep must be a table of lists of values; got {sweep!r}")
    extra = {k: table.pop(k) for k in reserved if k in table}
    for values in itertools.product(*sweep.values()):
        swept = dict(zip(sweep, values, strict=True))
        extra_here = {**extra, **{k: swept[k] for k in swept if k in reserved}}
        params = {**table, **{k: v for k, v in swept.items() if k not in reserved}}
        # What judges a dataset or samples a family does not change what it is.
        own = {k: v for k, v in extra_here.items() if k not in ("metrics", "samplers")}
        shown = swept if label else {**own, **params}
        called = _label(label or name, shown)
        if unseen(called):
            raise SuiteError(
                f"{key}: {name}: a label must be without control characters, such as ends of lines; "
                f"got {called!r}"
            )
        yield Item(called, name, params, extra_here)


def _label(name: str, params: Json) -> str:
    """Returns name(k=v, ...), with nested tables such as a process shown by name."""

    def show(value: object) -> str:
        if isinstance(value, Mapping):
            inside = {k: v for k, v in value.items() if k != "name"}
            return _label(str(value.get("name", "")), inside)
        if isinstance(value, float):
            # All the digits that it takes, and no more.
            return f"{value:g}" if float(f"{value:g}") == value else repr(value)
        return str(value)

    return f"{name}({', '.join(f'{k}={show(v)}' for k, v in params.items())})" if params else name
