"""What a task builds on: records of earlier tasks, read whole or made again.

The stages (`fits`, `draws`, `measures`) ask for their inputs here, and know nothing of how a
record that was broken comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from diffbench.records.store import Store
from diffbench.spec import Spec, identify

Made = tuple[dict[str, Any], dict[str, np.ndarray]]
"""What a stage makes: its share of the record, and arrays."""


class Blocked(Exception):
    """What a task builds on has failed."""


class Inputs:
    """The stored records of one results folder, by specification.

    Attributes:
      store: The folder.
    """

    def __init__(self, store: Store, remake: Callable[[Spec, Store], Mapping[str, Any]] | None = None):
        """Opens a folder.

        Args:
          store: The folder.
          remake: Makes a record that was broken again; without it such a record is missing.
        """
        self.store = store
        self._remake = remake

    def record(self, spec: Spec) -> Mapping[str, Any]:
        """Returns the record of a specification, whole; one that was broken is made again first.

        Raises:
          Blocked: If it is not there.
        """
        stage, name = spec["stage"], identify(spec)
        record: Mapping[str, Any] | None = self.store.read(stage, name, whole=True)
        if record is None and self._remake is not None and self.store.was_broken(stage, name):
            record = self._remake(spec, self.store)
        if record is None:
            raise Blocked(f"the {stage} it needs is missing")
        return record

    def arrays(self, spec: Spec) -> dict[str, np.ndarray]:
        """Returns the arrays of a record that is there."""
        return self.store.arrays(spec["stage"], identify(spec))

    def failure(self, spec: Spec) -> Made | None:
        """Returns the failure of what a task builds on as the task's own, or None."""
        record = self.record(spec)
        if record["status"] == "ok":
            return None
        reason = record["reason"]
        inherited = reason if reason.startswith(("fit: ", "draw: ")) else f"{spec['stage']}: {reason}"
        return {"status": record["status"], "reason": inherited}, {}
