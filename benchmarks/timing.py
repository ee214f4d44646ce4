"""How the benchmarks measure: compile first, then repeat, and report minimum and median."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

# One thread for every contender, set before any of them starts its pool.
for _name in (
    "PJRT_NPROC",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
):
    os.environ.setdefault(_name, "1")


def seconds(work: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """Returns the minimum and the median seconds of a piece of work, after one warm-up.

    Args:
      work: Must block until its result is there.
      repeats: Timed repeats.
    """
    work()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken), statistics.median(taken)


def show(title: str, unit: str, rows: list[tuple[str, float, float]], repeats: int) -> None:
    """Prints contenders side by side, the first as the yardstick.

    Args:
      title: What was timed.
      unit: Unit of the two numbers.
      rows: Name, minimum and median of each contender.
      repeats: How often each was timed.
    """
    print(f"\n{title} ({unit}; minimum and median of {repeats}; ratio of medians to the first)")
    for name, least, middle in rows:
        print(f"  {name:<44}{least:>10.4g}{middle:>10.4g}{middle / rows[0][2]:>8.2f}x")
