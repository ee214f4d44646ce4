"""Runs of cells as the harness keeps them, and what is read of them."""

from diffbench.records import runs
from diffbench.spec import identify

AXES = ("dataset", "score", "family", "budget", "sampler", "process")


def axes(dataset="ring", version=1, family="ddpm", **settings):
    """What a row is; `settings` are of the dataset's rows, such as n."""
    return {
        "dataset": {"dataset": {"name": dataset, "version": version}, **settings},
        "score": {"score": "learned"},
        "family": {"family": {"name": "ddpm", "params": {"of": family}}},
        "sampler": {"name": "ancestral"},
        "process": {"name": "ddpm_linear"},
    }


def cell(dataset="ring", seed=0, draw="d", metrics=("energy",), **about):
    labels = {"dataset": dataset, "score": "learned", "family": "ddpm", "budget": "", "sampler": "ancestral"}
    return {
        **labels, "process": "ddpm_linear", "seed": seed, "n_samples": 4, "fit_id": "f", "draw_id": draw, "axes": axes(dataset, **about),
        "measures": {m if isinstance(m, str) else m["name"]: f"{draw}-{seed}" for m in metrics},
        "metrics": [m if isinstance(m, dict) else {"name": m, "version": 1} for m in metrics],
    }  # fmt: skip


def asked(*cells, **more):
    """A run of cells, as the harness keeps it."""
    run = {"suite": {}, "settings": {}, "columns": {}, "metrics": {}, "places": {}, "specs": {}, "truths": {}}
    rows = []
    for one in cells:
        row = {k: v for k, v in one.items() if k not in ("axes", "metrics")}
        ids = {axis: identify(one["axes"][axis]) if axis in one["axes"] else "" for axis in AXES}
        row["place"] = identify(ids)
        run["places"][row["place"]] = ids
        run["specs"] |= {ids[axis]: spec for axis, spec in one["axes"].items()}
        run["metrics"] |= {m["name"]: m for m in one["metrics"]}
        rows.append(row)
    run["columns"] = {name: {name: {"better": "lower"}} for name in run["metrics"]}
    return {**run, "cells": rows, **more}


def measured(store):
    return {
        (row["dataset"], row["family"], row["seed"]): row["measures"] for row in runs.read(store)["cells"]
    }
