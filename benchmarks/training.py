"""Training speed: the scanned loop beside a loop in Python, beside replicas, and beside PyTorch.

All train the same residual MLP (128 wide, two blocks) on the same VP eps loss with
AdamW, clipping and an average of weights, batch 256, on one thread. PyTorch is left out
where it is not installed.
"""

from __future__ import annotations

import timing

STEPS, BATCH, WIDTH, REPLICAS = 200, 256, 128, 8


def scanned():
    from diffbench.contracts import key_for
    from diffbench.process import vp
    from diffbench.programs import training
    from diffbench.suites.parts import make_dataset

    dataset = make_dataset({"name": "nine_gaussians", "params": {}, "standardise": True})
    pool = dataset.standardise(dataset.sample(key_for(0, "pool"), 2**16))
    family, network = {"name": "score_sde", "params": {}}, {"name": "mlp", "params": {}}

    def fit(chunk: int):
        settings = training.Training(steps=STEPS, batch=BATCH)
        keys = key_for(0, "init"), key_for(0, "steps")
        return lambda: training.fit(family, network, settings, vp(), pool, *keys, chunk=chunk)

    def replicas():
        settings = training.Training(steps=STEPS, batch=BATCH)
        keys = [[key_for(seed, name) for seed in range(REPLICAS)] for name in ("init", "steps")]
        pools = [pool] * REPLICAS
        training.fit_replicas(family, network, settings, vp(), pools, *keys, chunk=STEPS)

    return fit(STEPS), fit(1), replicas


def pytorch():
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    linear, act = torch.nn.Linear, torch.nn.functional.gelu
    stem, level, head = linear(2, WIDTH), linear(WIDTH, WIDTH), linear(WIDTH, 2)
    blocks = [(linear(WIDTH, WIDTH), linear(WIDTH, WIDTH)) for _ in range(2)]
    params = [p for layer in (stem, level, head, *sum(blocks, ())) for p in layer.parameters()]
    average = [p.detach().clone() for p in params]
    frequencies = torch.logspace(-1, 2.1, WIDTH // 2)
    pool = torch.randn(2**16, 2)
    optimiser = torch.optim.AdamW(params, lr=2e-3, fused=True)

    def step():
        y, t = pool[torch.randint(len(pool), (BATCH,))], torch.rand(BATCH, 1)
        b = 0.1 * t + 9.95 * t**2
        alpha, sigma = torch.exp(-b / 2), torch.sqrt(-torch.expm1(-b))
        eps = torch.randn_like(y)
        angle = torch.log(sigma / alpha) / 4 * frequencies
        h = stem(alpha * y + sigma * eps) + level(torch.cat([angle.sin(), angle.cos()], 1))
        for first, second in blocks:
            h = h + second(act(first(act(h))))
        loss = ((head(act(h)) - eps) ** 2).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, params, 1e-3)

    def fit():
        for _ in range(STEPS):
            step()

    return fit


def main() -> None:
    repeats = 5
    scan, loop, replicas = scanned()
    together = f"diffbench, {REPLICAS} seeds in one program, each"
    work = {
        "diffbench, one scan": scan,
        "diffbench, one program call per step": loop,
        together: replicas,
    }
    try:
        work["PyTorch, eager loop"] = pytorch()
    except ImportError:
        print("PyTorch is not installed: left out")
    rows = []
    for name, call in work.items():
        least, middle = timing.seconds(call, repeats)
        steps = STEPS * (REPLICAS if name == together else 1)
        rows.append((name, 1e3 * least / steps, 1e3 * middle / steps))
    timing.show(f"{STEPS} steps of batch {BATCH}", "ms a step", rows, repeats)


if __name__ == "__main__":
    main()
