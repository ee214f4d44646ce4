"""Three ways to write a 3x3 convolution on a CPU, forward and backward, inside a scan and outside it.

XLA's own is slow inside a scan, which is where training runs; shifted views are not. The third adds up
nine products instead of one product of nine views beside one another.
"""

from __future__ import annotations

import timing

STEPS, REPEATS = 2, 2
SHAPES = [(64, 8, 8, 32), (64, 28, 28, 32)]


def by_sums(x, w):
    """Adds up a product for each of the nine shifts."""
    import jax.numpy as jnp

    _, height, width, _ = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(padded[:, i : i + height, j : j + width] @ w[i, j] for i in range(3) for j in range(3))


def ways(convolve, x, w):
    """Returns forward and backward once, and `STEPS` of them in a scan."""
    import jax

    def loss(w, x):
        return (convolve(x, w) ** 2).mean()

    @jax.jit
    def once(w, x):
        return w - 1e-3 * jax.grad(loss)(w, x)

    @jax.jit
    def scanned(w, x):
        return jax.lax.scan(lambda w, _: (w - 1e-3 * jax.grad(loss)(w, x), None), w, None, length=STEPS)[0]

    return lambda: once(w, x).block_until_ready(), lambda: scanned(w, x).block_until_ready()


def main():
    """Times each way at 8x8 and 28x28, 32 channels, 64 images."""
    import jax

    from diffbench.networks.convolution import by_views, by_xla

    for shape in SHAPES:
        x = jax.random.normal(jax.random.key(0), shape)
        w = 0.05 * jax.random.normal(jax.random.key(1), (3, 3, shape[-1], shape[-1]))
        rows = []
        for name, convolve in (
            ("one product of views", by_views),
            ("XLA", by_xla),
            ("nine products", by_sums),
        ):
            outside, inside = (timing.seconds(work, REPEATS) for work in ways(convolve, x, w))
            rows.append((f"{name}, outside a scan", *(1e3 * s for s in outside)))
            rows.append((f"{name}, inside a scan, each step", *(1e3 * s / STEPS for s in inside)))
        timing.show(f"3x3 convolution of {list(shape)}, forward and backward", "ms", rows, REPEATS)


if __name__ == "__main__":
    main()
