"""What a stage is: one kind of work, from a specification to a record."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from diffbench.records.store import FOLDERS
from diffbench.stages.inputs import Inputs, Made


@dataclasses.dataclass(frozen=True)
class Stage:
    """One kind of work.

    Attributes:
      name: Its name: "stage" in every specification.
      title: What people read while it runs.
      run: Makes what a specification of this stage asks for; see `records.specs`.
    """

    name: str
    title: str
    run: Callable[[Any, Inputs], Made]

    @property
    def folder(self) -> str:
        """Returns where its records lie in a results folder."""
        return FOLDERS[self.name]
