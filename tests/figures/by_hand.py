"""A run built by hand, as small as figures allow, and what a figure says."""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from pathlib import Path

import numpy as np
from matplotlib.text import Text
from placed import placed

from diffbench import figures
from diffbench.figures.base import plain, style
from diffbench.figures.records import Run
from diffbench.records.store import Store

FLOORED = {"energy": ("energy",), "mmd2": ("mmd2", "mmd2_local")}
COLUMNS = {metric: {c: {"better": "lower"} for c in columns} for metric, columns in FLOORED.items()}
COLUMNS["score_error"] = {"score_error": {"better": "lower"}}
PROCESS = {"ddpm": "ddpm_linear", "ncsn": "ncsn", "score_sde": "vp"}
LEVELS = ("low_noise", "mid_noise", "high_noise")
OWN = {"ddpm": "ancestral", "ncsn": "annealed_langevin", "score_sde": "predictor_corrector"}
NFE = {"ancestral": 1000, "annealed_langevin": 1000, "predictor_corrector": 999, "probability_flow": 110}


def random(*labels: object) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(repr(labels).encode()))


@dataclasses.dataclass
class Made:
    """A run built by hand, as small as figures allow."""

    store: Store
    cells: list[dict] = dataclasses.field(default_factory=list)
    columns: dict = dataclasses.field(default_factory=COLUMNS.copy)

    def points(self, label: str, n: int, dim: int, noise: float) -> np.ndarray:
        rng = random("points", label, n, noise)
        angle = rng.uniform(0, 2 * np.pi, n)
        x = np.stack([np.cos(angle), rng.uniform(-1, 1, n), np.sin(angle), *rng.normal(size=(5, n)) * 0.1])
        return (x[[0, 2, 1, *range(3, 8)][:dim]].T + noise * rng.normal(size=(n, dim))).astype(np.float32)

    def measures(self, name: str, base: float, dim: int, learned: bool) -> dict[str, str]:
        names = {}
        for metric, columns in FLOORED.items():
            names[metric] = f"{metric}-{name}"
            z = {c: base * (1 + 0.2 * random(name, c).normal()) for c in columns}
            floor = {c: {"mean": 1.0, "sd": 0.1, "z": z[c], "p_value": 0.5} for c in columns}
            values = {c: 1.0 + 0.1 * z[c] for c in columns}
            self.store.write(
                "measure", names[metric], {"status": "ok", "reason": "", "values": values, "floor": floor}
            )
        if learned:
            names["score_error"] = f"error-{name}"
            grid = np.linspace(-3.5, 9, 16)
            arrays = {
                "score_error_log_snr": grid,
                "score_error_curve": np.exp(0.25 * grid - 6 + 0.2 * random(name).normal(size=16)),
            }
            if dim == 2:
                side = np.linspace(-1.5, 1.5, 8)
                x = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
                exact = np.stack([-x, -4 * x, -40 * x + 30 * np.sign(x)])
                off = 1 + 0.2 * random(name, "field").normal(size=exact.shape)
                arrays |= {"field_x": x, "field_log_snr": np.array([-2.0, 2.0, 6.0]), "field_exact": exact}
                arrays["field_score"] = exact * off
            record = {"status": "ok", "reason": "", "values": {"score_error": 0.1}, "floor": {}}
            self.store.write("measure", names["score_error"], record, arrays)
        return names

    def mixing(self, seed: int, score: str, ess: float | None) -> None:
        """Measures the mixing of one seed's rows of a score."""
        rng = random("mixing", seed, score)
        modes = rng.randint(3, size=(3, 4, 50)).astype(np.int16)
        modes[0] = np.arange(4)[:, None]
        values = {f"{kind}_{level}": ess for kind in ("ess", "rhat") for level in LEVELS}
        arrays = {"mixing_log_snr": np.array([6.0, 2.0, -2.0]), "mixing_modes": modes}
        record = {"status": "ok", "reason": "", "values": values, "floor": {}}
        self.store.write("measure", f"mixing-{score}-{seed}", record, arrays)
        for cell in self.cells:
            if cell["score"] == score and cell["seed"] == seed:
                cell["measures"] = {**cell["measures"], "mixing": f"mixing-{score}-{seed}"}

    def paths(self, family, *, dim=2, budget="", seed=0, moves=None, spoil=None) -> None:
        """Measures the way from noise to data of a family's rows of one seed, in eight frames."""
        frames, n = 8, 60
        start, end = random("start", dim).normal(size=(n, dim)), self.points("end", n, dim, 0.02)
        gone = np.cumsum([0.0, *(moves or [1 / (frames - 1)] * (frames - 1))])[:frames, None, None]
        exact = start + gone * (end - start)
        arrays = {
            "trajectory_log_snr": np.linspace(-6, 9, frames),
            "trajectory_curve": np.linspace(0, 0.5, frames),
            "trajectory_exact": exact.astype(np.float32),
            "trajectory_learned": (exact + 0.2 * gone * random("off", dim).normal(size=(n, dim))).astype(
                np.float32
            ),
        }
        if spoil is not None:
            spoil(arrays)
        name = f"paths-{plain(family)}-{budget}-{seed}"
        record = {"status": "ok", "reason": "", "values": {"trajectory_error": 0.25}, "floor": {}}
        self.store.write("measure", name, record, arrays)
        self.columns["trajectory_error"] = {"trajectory_error": {"better": "lower"}}
        for cell in self.cells:
            about = (cell["score"], cell["family"], cell["budget"], cell["seed"])
            if about == ("learned", family, budget, seed):
                cell["measures"] = {**cell["measures"], "trajectory_error": name}

    def add(self, dataset, score, family, sampler, seed, *, dim=2, budget="", fate="ok", steps=None, n=400):
        label = sampler if steps is None else f"{sampler}(steps={steps})"
        name = f"{dataset}-{score}-{family}-{label}-{budget}-{seed}".replace("(", "").replace(")", "")
        fit_id = f"fit-{dataset}-{family}-{budget}-{seed}" if score == "learned" else None
        reference = f"reference-{dataset}"
        name, reference = plain(name), plain(reference)
        fit_id = fit_id and plain(fit_id)
        if not self.store.has("reference", reference):
            points = self.points(dataset, n, dim, 0.02)
            self.store.write("reference", reference, {"status": "ok", "reason": ""}, {"samples": points})
        process = {"name": PROCESS.get(family, family), "params": {}}
        if fit_id and not self.store.has("fit", fit_id) and fate != "unfit":
            loss = np.geomspace(2, 0.3, 300) * random(fit_id).lognormal(0, 0.2, 300)
            self.store.write("fit", fit_id, {"status": "ok", "reason": "", "spec": {"process": process}},
                             {"loss": loss.astype(np.float32)})  # fmt: skip
        spec: dict = {"process": process} if score != "truth" else {}
        if sampler:
            spec["sampler"] = {"name": sampler, "params": {"steps": steps, "rtol": 1e-5, "variance": "small"}}
        noise = {"truth": 0.02, "exact": 0.03, "learned": 0.15}[score]
        nfe = 0 if score == "truth" else steps or NFE[sampler]
        samples = {"samples": self.points(name, n, dim, noise)}
        measures = {"energy": f"none-{name}", "mmd2": f"none-{name}"}
        if fate == "ok":
            self.store.write("draw", name, {"status": "ok", "reason": "", "nfe": nfe, "spec": spec}, samples)
            base = {"truth": 0.1, "exact": 1.0, "learned": 30.0}[score] * (1 + (100 / nfe if nfe else 0))
            measures = self.measures(name, base, dim, score == "learned")
        elif fate == "diverged":
            samples["samples"][0] = np.nan
            reason = "1 of 400 samples are not finite"
            record = {"status": "diverged", "reason": reason, "nfe": nfe, "spec": spec}
            self.store.write("draw", name, record, samples)
        label_of = PROCESS.get(family, family) if score == "exact" else family
        cell = {"dataset": dataset, "score": score, "family": label_of, "sampler": label, "seed": seed}
        cell |= {"budget": budget, "n_samples": n, "fit_id": fit_id, "draw_id": name}
        self.cells.append({**cell, "reference_id": reference, "measures": measures})

    def grid(
        self, datasets=("ring",), families=tuple(OWN), seeds=2, scores=("exact", "learned"), **kwargs
    ) -> Made:
        for dataset, seed in itertools.product(datasets, range(seeds)):
            self.add(dataset, "truth", "", "", seed, **kwargs)
            for score, family in itertools.product(scores, families):
                for sampler in (OWN.get(family, "ancestral"), "probability_flow"):
                    self.add(dataset, score, family, sampler, seed, **kwargs)
        return self

    def run(self, columns=None) -> Run:
        return Run(self.store, {"cells": self.cells, "columns": COLUMNS if columns is None else columns})

    def names(self, columns=None) -> list[str]:
        return [name for name, _ in figures.drawn(self.run(columns))]

    def draw(self) -> list[str]:
        self.store.write_json("run.json", placed({"cells": self.cells, "columns": self.columns}))
        return [Path(path).name for path in figures.write(self.store) if path.endswith(".png")]

    def file(self, name: str) -> bytes:
        return (self.store.root / "figures" / name).read_bytes()


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert png[-8:-4] == b"IEND"
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


LONG = "a label of a hundred letters, with words and (brackets, that = hold 3.5 things) up to its very end "


def drawn(run):
    with style():
        return dict(figures.drawn(run))


def cut_off(figure, look: str = "screen") -> list[str]:
    """Returns the texts of a figure that its file would cut."""
    with style(look):
        figure.draw_without_rendering()
    unseen = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            # Matplotlib keeps ticks beyond the ends of an axis, and does not draw them.
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            unseen |= {
                label for t in ticks if not low <= t.get_loc() <= high for label in (t.label1, t.label2)
            }
    box = figure.bbox.padded(1)
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in unseen]
    assert texts
    return [
        text.get_text()
        for text in texts
        if not (box.contains(*(e := text.get_window_extent()).min) and box.contains(*e.max))
    ]


def words(figure) -> str:
    found = [text.get_text().replace("\n", " ") for text in figure.findobj(Text)]
    return " / ".join(text for text in found if text)


def legend(figure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]
