"""Memory of workers over many cells: compiled programs pile up, and workers are replaced.

CELLS cells of SHAPES shapes, each a small program that JAX compiles for its shape, run
twice: on one worker that is never replaced, and on one that is after a few programs. The
cells are cheap, so that what is measured is what stays behind.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

CELLS, SHAPES = 500, 20
PROGRAMS = 8


@functools.cache
def _program(width: int):
    import jax
    import jax.numpy as jnp

    def loss(weights, x):
        for w in weights:
            x = jnp.tanh(x @ w)
        return (x**2).sum()

    @jax.jit
    def train(weights, x):
        def step(weights, _):
            moves = jax.grad(loss)(weights, x)
            return [w - 1e-3 * m for w, m in zip(weights, moves, strict=True)], None

        return jax.lax.scan(step, weights, length=5)[0]

    return train


def cell(payload):
    import jax.numpy as jnp
    import psutil

    width = payload["width"]
    out = _program(width)([jnp.eye(width)] * 6, jnp.ones((64, width)))
    out[0].block_until_ready()
    return {"status": "ok", "pid": os.getpid(), "memory": psutil.Process().memory_info().rss}


def main() -> None:
    # By name, for this file is `__main__` here and a module in a worker.
    sys.path.insert(0, str(Path(__file__).parent))
    import worker_memory

    from diffbench.workers import engine
    from diffbench.workers import seat as seats

    widths = [8 + 8 * (i % SHAPES) for i in range(CELLS)]
    tasks = [engine.Task(str(i), "fit", {"width": w}, program=str(w)) for i, w in enumerate(widths)]
    print(f"{CELLS} cells of {SHAPES} shapes on one worker; its memory in MiB")
    for programs in (CELLS, PROGRAMS):
        seats.PROGRAMS = programs
        memory: dict[int, list[float]] = {}
        for _, result, _ in engine.run(tasks, worker_memory.cell, 1):
            memory.setdefault(result["pid"], []).append(result["memory"] / 2**20)
        name = "never replaced" if programs == CELLS else f"replaced after {programs} programs"
        first, most = next(iter(memory.values()))[0], max(map(max, memory.values()))
        last = [*memory.values()][-1][-1]
        print(f"  {name:<28}first {first:>6.0f}  most {most:>6.0f}  last {last:>6.0f}  workers {len(memory)}")


if __name__ == "__main__":
    main()
