"""Where tasks run and what one may take, checked before any work."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

# A worker with JAX in it takes about this much before it does anything.
SMALLEST_MEMORY = 2**29


class SettingError(ValueError):
    """Settings that cannot be; the message is one line in the words of who set them.

    A caller of the library knows a setting as a value, `workers`, a person at a terminal as an option,
    `--workers`: the text has names in braces, and who shows it says how they are spelled.
    """

    def __init__(self, text: str, **values: object):
        """Takes the text, with the names of settings and of values in braces."""
        self._text, self._values = text, values
        super().__init__(self.spelled(str))

    def spelled(self, spelling: Callable[[str], str]) -> str:
        """Returns the message with each setting as a function spells its name."""
        names = {field.name: spelling(field.name) for field in dataclasses.fields(Settings)}
        return self._text.format(**names, **self._values)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where tasks run, and what one may take.

    Attributes:
      workers: Worker processes on this machine; 0 runs in this process, None is one a core.
      cell_timeout: Seconds a task may take, or None for as long as it takes.
      memory_limit: Memory of a worker, such as "4GiB"; an equal share of the machine's by
        default.
      scheduler: Address of a running Dask scheduler, "tcp://host:8786".
      scheduler_file: The file that a running scheduler wrote its address to.
      gpus: GPUs of this machine, each for one worker; see `devices.gpus`.

    Raises:
      SettingError: If a number is out of range, an address is none, or two settings
        contradict each other.
    """

    workers: int | None = None
    cell_timeout: float | None = None
    memory_limit: str | None = None
    scheduler: str | None = None
    scheduler_file: str | None = None
    gpus: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 0:
            raise SettingError("{workers} must be 0 or more; got {got}", got=self.workers)
        if self.gpus and (self.workers or 0) > len(self.gpus):
            raise SettingError(
                "{workers} must be at most {most}, for a worker takes a GPU of its own; "
                "got {got}; with JAX_PLATFORMS=cpu workers use the processor's cores",
                most=len(self.gpus),
                got=self.workers,
            )
        if self.cell_timeout is not None and not 0 < self.cell_timeout < math.inf:
            raise SettingError(
                "{cell_timeout} must be a number of seconds over 0; got {got:g}", got=self.cell_timeout
            )
        if self.scheduler is not None and self.scheduler_file is not None:
            raise SettingError("{scheduler} and {scheduler_file} name the same thing; give one of them")
        if self.workers == 0:
            for name, value in (("cell_timeout", self.cell_timeout), ("memory_limit", self.memory_limit)):
                if value is not None:
                    raise SettingError(
                        f"{{{name}}} needs a worker process that can be ended; "
                        "with {workers} 0 there is none: use {workers} 1 or more"
                    )
        self._memory()
        if self.address is not None:
            for name, value in (("workers", self.workers), ("memory_limit", self.memory_limit)):
                if value is not None:
                    raise SettingError(
                        f"{{{name}}} is for workers of this machine; those of a running scheduler "
                        "have their own: give one or the other"
                    )

    @property
    def address(self) -> str | None:
        """Returns the address of a running scheduler, or None.

        Raises:
          SettingError: If it is no address, or the file holds none.
        """
        if self.scheduler is None and self.scheduler_file is None:
            return None
        from diffbench.workers import cluster

        return cluster.address_of(self.scheduler, self.scheduler_file)

    @property
    def memory(self) -> int | None:
        """Returns the memory limit of a worker, in bytes, or None."""
        return self._memory()

    def _memory(self) -> int | None:
        if self.memory_limit is None:
            return None
        from dask.utils import parse_bytes

        try:
            size = int(parse_bytes(self.memory_limit))
        except ValueError:
            raise SettingError(
                "{memory_limit} must be a size such as 4GiB or 800MiB; got {got!r}", got=self.memory_limit
            ) from None
        if size < SMALLEST_MEMORY:
            raise SettingError(
                "{memory_limit} must be 512MiB or more, for a worker itself takes as much; got {got!r}",
                got=self.memory_limit,
            )
        return size
