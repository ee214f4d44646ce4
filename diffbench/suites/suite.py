"""Suites: the TOML file that asks for a comparison, and its envelope.

The envelope (which keys, of which type) is checked here, entries of lists in `items`; `cells` checks
every part by building it and multiplies the suite out. Messages are one line: file, key, expected, got.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

import pydantic

from diffbench.records.files import is_plain
from diffbench.sources import exact, learned
from diffbench.spec import Json, JsonObject
from diffbench.suites import narrowing
from diffbench.suites.items import Item, SuiteError, items

__all__ = ["Item", "Suite", "SuiteError", "at_full_scale", "items", "load", "narrow", "parse", "shipped"]


def _entry(value: object) -> str | JsonObject:
    """Takes a name or a table: of two types pydantic would tell two errors, by paths of its own."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"expected a name or a table with a name; got {value!r}")


def _seeds(value: object) -> int | list[int]:
    """Takes a number of seeds, or a list of them."""
    if isinstance(value, list):
        for one in value:
            if not _is_seed(one):
                raise ValueError(f"each of a list must be a whole number from 0 to 2^31 - 1; got {one!r}")
        return value
    if isinstance(value, int) and _is_seed(value) and 1 <= value <= MOST_SEEDS:
        return value
    raise ValueError(f"expected how many there are, from 1 to {MOST_SEEDS}, or a list of them; got {value!r}")


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


MOST_SEEDS = 10_000
_Entry = Annotated[str | JsonObject, pydantic.PlainValidator(_entry)]
Count = Annotated[int, pydantic.Field(strict=True, ge=2, le=10_000_000)]
# Keys fold four bytes of each name: of floor draws, 69,235 and 95,303 are the first to share them.
Draws = Annotated[int, pydantic.Field(strict=True, ge=2, le=50_000)]


class Suite(pydantic.BaseModel):
    """The envelope of a suite file.

    Attributes:
      name: Names the default results folder; the file's name by default.
      description: One line for people.
      datasets: What the models learn.
      families: Which models; empty for exact scores only.
      samplers: "own" (the sampler of the family's paper), "all" (all that fit), or
        names of samplers.
      scores: Sources of scores: learned, exact, empirical (of a finite training set), perturbed (one
        of these, `of`, plus a known error of a `size`), and those of plug-ins.
      metrics: "all" (all that fit a dataset) or names of metrics.
      seeds: A number of seeds, counted from 0, or a list of them.
      samples: Samples n of each draw.
      reference: Points m of the reference; n by default.
      floor_draws: Truth draws R behind each noise floor.
      standardise: Whether models see (x - mean)/scale.
      network: Parameters of the shared network.
      training: Settings of the optimiser loop; `sweep` gives several budgets.
      replicas: Seeds that are trained at once, in one program; by default as many as suit the
        machine. It is part of what a fit is.
      full: Keys that the full scale replaces, where the suite is scaled down by default.
    """

    model_config = pydantic.ConfigDict(extra="forbid")

    name: Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    description: str = ""
    datasets: Annotated[list[_Entry], pydantic.Field(min_length=1)]
    families: list[_Entry] = []
    samplers: Annotated[list[_Entry], pydantic.Field(min_length=1)] = ["own"]
    scores: Annotated[list[_Entry], pydantic.Field(min_length=1)] = [learned.NAME, exact.NAME]
    metrics: Annotated[list[_Entry], pydantic.Field(min_length=1)] = ["all"]
    seeds: Annotated[int | list[int], pydantic.PlainValidator(_seeds)] = 3
    samples: Count = 2000
    reference: Count | None = None
    floor_draws: Draws = 199
    standardise: Annotated[bool, pydantic.Field(strict=True)] = True
    network: JsonObject = {}
    training: JsonObject = {}
    replicas: Annotated[int, pydantic.Field(strict=True, ge=1, le=1024)] | None = None
    full: JsonObject = {}


def shipped() -> tuple[str, ...]:
    """Returns the names of the suites inside the package."""
    folder = resources.files("diffbench") / "suites"
    return tuple(sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".toml")))


def load(source: str) -> Suite:
    """Reads a suite: a shipped name, or a path to a TOML file.

    Raises:
      SuiteError: If it is neither, is not TOML, or has a wrong key or value.
    """
    path = Path(source)
    if source in shipped():
        text = (resources.files("diffbench") / "suites" / f"{source}.toml").read_text(encoding="utf-8")
    elif path.is_file():
        try:
            # Editors of some systems put a byte-order mark before the text.
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SuiteError(f"{source}: cannot be read: {error}") from error
    else:
        raise SuiteError(f"no suite {source!r}: shipped are {', '.join(shipped())}; or give a TOML file")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(f"{source}: not TOML: {error}") from error
    return parse(content if "name" in content else {"name": _name_of(path), **content}, source)


def _name_of(path: Path) -> str:
    """Returns the name of a suite that has none of its own: its file's, in letters that any folder takes."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", path.stem).strip("._-")
    if not is_plain(name):
        raise SuiteError(
            f'{path}: results need the name of a folder, and the file\'s is none: give name = "..."'
        )
    return name


def parse(content: Json, source: str = "suite", default_name: str = "suite") -> Suite:
    """Checks the envelope of a suite.

    Raises:
      SuiteError: Naming the source, the key, what was expected and what came.
    """
    try:
        suite = Suite(**{"name": default_name, **content})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "the file"
        if first["type"] == "extra_forbidden":
            known = ", ".join(Suite.model_fields)
            raise SuiteError(f"{source}: unknown key {key!r}; known: {known}") from None
        if first["type"] == "missing":
            raise SuiteError(f"{source}: key {key!r} is missing") from None
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "value_error":  # one of ours, whole
            raise SuiteError(f"{source}: {where}: {first['ctx']['error']}") from None
        said = first["msg"][:1].lower() + first["msg"][1:]
        raise SuiteError(f"{source}: {where}: {said}; got {first['input']!r}") from None
    if not is_plain(suite.name):
        raise SuiteError(f"{source}: name: some system has no such folder name; got {suite.name!r}")
    return suite


def at_full_scale(suite: Suite) -> Suite:
    """Returns the suite with what its `full` says; tables are merged key by key.

    Raises:
      SuiteError: If the suite has nothing to scale up.
    """
    if not suite.full:
        raise SuiteError(f"suite {suite.name!r} has no larger scale; only one with a table [full] has")
    content = suite.model_dump()
    for key, value in content.pop("full").items():
        merged = {**content[key], **value} if isinstance(content.get(key), dict) else value
        content[key] = merged
    return parse(content, f"{suite.name} at full scale", suite.name)


def narrow(
    suite: Suite,
    chosen: Mapping[str, Sequence[str]],
    seeds: int | None = None,
    replicas: int | None = None,
    origin: str = "choice",
) -> Suite:
    """Returns a suite with some of its lists replaced by names; see `narrowing`.

    Args:
      suite: The suite.
      chosen: Names by key: "datasets", "families", "samplers", "metrics".
      seeds: Number of seeds, or None for the suite's.
      replicas: Seeds trained at once, or None for the suite's.
      origin: What messages call who chose.

    Raises:
      SuiteError: If nothing is left, or what is left is no suite.
    """
    content = suite.model_dump()
    numbers = {"seeds": seeds, "replicas": replicas}
    given = {key: value for key, value in numbers.items() if value is not None}
    return parse({**content, **narrowing.changes(content, chosen, origin), **given}, origin, suite.name)
