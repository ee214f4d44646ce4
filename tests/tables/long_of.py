"""Long tables whose numbers are known."""

import math

import pandas as pd
from scipy import stats

COLUMNS = {"energy": {"energy": {"better": "lower", "perfect": 0.0, "censored": False}}}


def table(rows, floor_mean=1.0, floor_sd=0.1):
    """A long table of (score, family, seed, value) on one dataset, one sampler, one metric."""
    return pd.DataFrame(
        [
            {"dataset": "ring", "family": family, "score": score, "sampler": "" if not family else "own",
             "seed": seed, "metric": "energy", "value": value, "floor_mean": floor_mean,
             "floor_sd": floor_sd, "z": (value - floor_mean) / floor_sd,
             "p_value": max(float(stats.norm.sf((value - floor_mean) / floor_sd)), 0.005), "nfe": 10,
             "n_samples": 100, "status": "ok" if math.isfinite(value) else "diverged", "reason": "",
             "fit_id": None, "draw_id": "d", "budget": "10x8" if score == "learned" else ""}
            for score, family, seed, value in rows
        ]
    )  # fmt: skip


def rows_of(score, family, values):
    return [(score, family, seed, value) for seed, value in enumerate(values)]
