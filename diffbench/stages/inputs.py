"""What a task builds on: records of earlier tasks, read whole or made again.

The stages (`fits`, `draws`, `measures`) ask for their inputs here, and know nothing of how a
record that was broken comes back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffbench.records.outcome import ERROR, OK
from diffbench.records.store import Store
from diffbench.spec import Json, JsonObject, Spec, identify

Made = tuple[JsonObject, dict[str, np.ndarray]]
"""What a stage makes: its share of the record, and arrays."""


class Blocked(Exception):
    """What a task builds on has failed or is missing: the task inherits that.

    Attributes:
      failure: The task's own record: status and reason of the cause, and where that lies. The
        task is not done while the cause stands.
    """

    def __init__(self, stage: str, name: str, cause: Json | None):
        """Takes the record of the cause, or None where there is none."""
        missing = {"status": ERROR, "reason": f"the {stage} it needs is missing"}
        cause = missing if cause is None else cause
        inherited = cause.get("inherited") or {"stage": stage, "name": name}
        self.failure = {"status": cause["status"], "reason": cause["reason"], "inherited": inherited}
        super().__init__(self.failure["reason"])


class Inputs:
    """The stored records of one results folder, by specification.

    Attributes:
      store: The folder.
    """

    def __init__(self, store: Store, remake: Callable[[Spec, Store], Json] | None = None):
        """Opens a folder.

        Args:
          store: The folder.
          remake: Makes a record that was broken again; without it such a record is missing.
        """
        self.store = store
        self._remake = remake

    def record(self, spec: Spec) -> Json:
        """Returns the record of a specification, whole; one that was broken is made again first.

        Raises:
          Blocked: If it is not there, or a failure.
        """
        stage, name = spec["stage"], identify(spec)
        record: Json | None = self.store.read(stage, name, whole=True)
        if record is None and self._remake is not None and self.store.was_broken(stage, name):
            record = self._remake(spec, self.store)
        if record is None or record["status"] != OK:
            raise Blocked(stage, name, record)
        return record

    def need(self, *specs: Spec | None) -> None:
        """Checks that what a task builds on is there and well.

        Raises:
          Blocked: By the first that is not. None is no specification.
        """
        for spec in specs:
            if spec is not None:
                self.record(spec)

    def arrays(self, spec: Spec) -> dict[str, np.ndarray]:
        """Returns the arrays of a record that is there."""
        return self.store.arrays(spec["stage"], identify(spec))
