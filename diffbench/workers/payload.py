"""What travels with a task to the worker that does it, and what that says of it in the end."""

from __future__ import annotations

import dataclasses
from typing import NotRequired, Self, TypedDict

from diffbench.spec import Json, JsonObject, Spec


class Told(TypedDict):
    """What a task that ended says of itself: its record's status, reason and seconds.

    "found" is there where nothing was done, for an earlier run, or another one in the meantime, had
    made the record.
    """

    status: str
    reason: str
    seconds: float
    found: NotRequired[bool]


@dataclasses.dataclass(frozen=True)
class Payload:
    """What a worker needs to know of a task; JSON on its way there.

    A fit may lead others: it trains them in its own program and writes their records too. Each of
    these waits for it and then looks for its record before it does anything.

    Attributes:
      name: Name of the record to make.
      spec: Its specification.
      root: The results folder.
      plugins: Plug-in files to load first.
      leads: Specifications of the fits that this one leads.
      led: Name of the fit that leads this one, or none.
    """

    name: str
    spec: Spec
    root: str
    plugins: tuple[str, ...] = ()
    leads: tuple[Spec, ...] = ()
    led: str = ""

    @classmethod
    def of(cls, content: Json) -> Self:
        """Returns the payload that JSON says."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in content.items() if key in known})

    def to_json(self) -> JsonObject:
        """Returns the payload as JSON; who leads nobody, and is not led, says nothing of it."""
        content = {"name": self.name, "spec": self.spec, "root": self.root, "plugins": [*self.plugins]}
        more = {"leads": [*self.leads], "led": self.led}
        return {**content, **{key: value for key, value in more.items() if value}}

    @property
    def specs(self) -> tuple[Spec, ...]:
        """Returns the specifications of all the records that the task may make."""
        return (self.spec, *self.leads)
