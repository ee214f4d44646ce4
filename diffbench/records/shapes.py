"""What stored JSON looks like: a seal says that a file is whole, this says that it is one of ours.

Only what somebody reads is described; a file may say more. What does not fit counts as broken, like a
flipped bit, before any of its numbers is used.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from diffbench.records import outcome
from diffbench.records.places import AXES
from diffbench.records.seal import Broken
from diffbench.spec import Json, JsonObject, identify

PARTS = ("dataset", "family", "metric", "network", "process", "sampler", "score")
"""Keys of a specification under which a part stands, as {"name", "params", ...}; a score may be a name."""

# Strict: no "1" for 1, no true, and no whole number that a float cannot hold.
_STRICT = ConfigDict(strict=True, extra="allow", protected_namespaces=())


def _whole(value: float) -> float:
    if value != int(value):
        raise ValueError("expected a whole number")
    return value


# As in `contracts`, which imports JAX: tables do without.
Better = Literal["lower", "higher", "truth"]
Number = float | None
# What pandas holds as a 64-bit integer.
Count = Annotated[float, Field(ge=-(2**53), le=2**53), AfterValidator(_whole)]
# The name of a record, as part of a file name that every system takes.
Name = Annotated[str, Field(pattern=re.compile(r"^[A-Za-z0-9_=+-][A-Za-z0-9_.=+-]{0,150}\Z"))]


class Reading(BaseModel):
    """A value against its floor."""

    model_config = _STRICT
    mean: Number = None
    sd: Number = None
    z: Number = None
    p_value: Number = None


class Arrays(BaseModel):
    """Where a record's arrays are."""

    model_config = _STRICT
    file: Name
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Cause(BaseModel):
    """Where the failure that a record inherited lies."""

    model_config = _STRICT
    stage: Literal["fit", "draw", "reference", "measure", "floor", "flow"]
    name: Name


class Record(BaseModel):
    """What all records have."""

    model_config = _STRICT
    status: Literal["ok", "diverged", "timeout", "out_of_memory", "error"]
    reason: str = ""
    seconds: Number = None
    compiled: bool | None = None
    inherited: Cause | None = None
    nfe: Count | None = None
    spec: JsonObject = Field(default_factory=dict)  # a plain default is copied each time
    arrays: Arrays | dict[str, None] | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Record:
        if self.status != outcome.OK and "reason" not in self.model_fields_set:
            raise ValueError(f"status {self.status!r} without a reason")
        return self


class Measurement(Record):
    """What a metric read."""

    n_samples: Count | None = None
    values: dict[str, Number] = Field(default_factory=dict)
    against: str = ""
    floor: dict[str, Reading] = Field(default_factory=dict)


class Floor(Record):
    """What a metric read of truth, many times."""

    values: dict[str, list[Number]] = Field(default_factory=dict)


class Column(BaseModel):
    """What tables must know of one number of a metric."""

    model_config = _STRICT
    better: Better
    perfect: Number = None
    censored: bool = False
    optional: bool = False
    column: str | None = None


class Cell(BaseModel):
    """A row that was asked for, with the names of its records."""

    model_config = _STRICT
    dataset: str
    score: str
    family: str
    budget: str
    sampler: str
    seed: Count
    n_samples: Count
    fit_id: Name | None
    draw_id: Name
    reference_id: Name | None = None
    process: str
    place: str
    measures: dict[str, Name]


class Truth(BaseModel):
    """The records of a dataset's truth."""

    model_config = _STRICT
    reference: Name
    floors: dict[str, Name]


class Metric(BaseModel):
    """Specification of a metric."""

    model_config = _STRICT
    name: str


class Run(BaseModel):
    """What was asked of a folder at one time."""

    model_config = _STRICT
    columns: dict[str, Annotated[dict[str, Column], Field(min_length=1)]]
    cells: list[Cell]
    leading: list[str] = []
    places: dict[str, dict[str, str]]
    specs: dict[str, JsonObject] = {}
    metrics: dict[str, Metric] = {}
    truths: dict[str, Truth] = {}

    @model_validator(mode="after")
    def _knows_its_metrics(self) -> Run:
        asked = {metric for cell in self.cells for metric in cell.measures}
        for metric in sorted(asked - self.columns.keys()):
            raise ValueError(f"a cell has metric {metric!r}, of which there are no columns")
        return self

    @model_validator(mode="after")
    def _knows_what_its_rows_are(self) -> Run:
        for name, axes in self.places.items():
            if axes.keys() != {*AXES} or not {*axes.values()} - {""} <= self.specs.keys():
                raise ValueError(f"place {name!r} is not one of specifications that are there")
        for name, spec in self.specs.items():
            # Rows are joined by these names: two of one name, or one of two, would be one row.
            if identify(spec) != name:
                raise ValueError(f"a specification is named {name!r}, which is not its hash")
        if not {cell.place for cell in self.cells} <= self.places.keys():
            raise ValueError("a cell stands in no place")
        read = {metric for truth in self.truths.values() for metric in truth.floors} | self.columns.keys()
        if not read <= self.metrics.keys():
            raise ValueError("a metric has no specification")
        return self


@functools.cache
def _adapter(kind: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _fit(kind: type[BaseModel], content: Json) -> None:
    try:
        _adapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(key) for key in first["loc"][:4])[:120] or "it"
        raise Broken(f"it has another shape: {where}: {first['msg'][:120]}") from error


def record(stage: str) -> Callable[[Json], None]:
    """Returns the check of a record of a stage, which raises `Broken`."""
    return _RECORDS[stage]


def run(content: Json) -> None:
    """Checks a run.

    Raises:
      Broken: If tables could not be made of it.
    """
    _fit(Run, content)


def _checked(kind: type[BaseModel]) -> Callable[[Json], None]:
    def check(content: Json) -> None:
        _fit(kind, content)
        try:
            _parts(content.get("spec", {}), "spec")
        except RecursionError as error:
            raise Broken("it has another shape: its specification has no end") from error

    return check


def _parts(spec: Json, where: str) -> None:
    """Looks at the parts that a specification names, and at those of the specifications in it."""
    for key, value in spec.items():
        if key == "score" and isinstance(value, str):
            continue
        if key in PARTS and value is not None:
            named = isinstance(value, dict) and isinstance(value.get("name"), str)
            if not named or not isinstance(value.get("params"), dict):
                raise Broken(f"it has another shape: {where}.{key}: expected a part with name and params")
        elif isinstance(value, dict) and key not in ("params", "training"):
            _parts(value, key)


_RECORDS = {
    "fit": _checked(Record),
    "draw": _checked(Record),
    "reference": _checked(Record),
    "measure": _checked(Measurement),
    "floor": _checked(Floor),
    "flow": _checked(Record),
}
