from __future__ import annotations

import dataclasses
import itertools
import math
import subprocess
import sys
import zlib
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffbench import figures
from diffbench.figures.base import plain
from diffbench.figures.curves import smoothed
from diffbench.figures.mixing import stays
from diffbench.figures.records import Run
from diffbench.figures.view import density, outside, view_of
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
        self.store.write_json("run.json", {"cells": self.cells, "columns": COLUMNS})
        return [Path(path).name for path in figures.write(self.store)]

    def file(self, name: str) -> bytes:
        return (self.store.root / "figures" / name).read_bytes()


@pytest.fixture
def made(tmp_path) -> Made:
    store = Store(tmp_path / "run")
    store.prepare()
    return Made(store)


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert png[-8:-4] == b"IEND"
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_every_figure_is_written_twice_and_fits_a_page(made):
    names = made.grid(families=("ddpm", "ncsn")).draw()
    fields = ["score_field_ring_ddpm.png", "score_field_ring_ncsn.png"]
    assert names == ["density_ring.png", "loss.png", "score_error.png", *fields, "quality_nfe.png"]
    for name in names:
        png, pdf = made.file(name), made.file(name.replace(".png", ".pdf"))
        width, height = size_of(png)
        assert 600 <= width <= 1400
        assert 300 <= height <= 1900
        assert len(png) > 5000
        assert pdf.startswith(b"%PDF")
        assert b"CreationDate" not in pdf
        assert b"/Type3" not in pdf
    assert {path.suffix for path in (made.store.root / "figures").iterdir()} == {".png", ".pdf"}
    assert plt.get_fignums() == []


@pytest.mark.slow
def test_same_records_give_the_same_bytes_whatever_the_style_of_the_user(made):
    names = made.grid(families=("ddpm",), seeds=1).draw()
    files = [name for png in names for name in (png, png.replace(".png", ".pdf"))]
    before = [made.file(name) for name in files]
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 20, "savefig.dpi": 50}):
        settings = dict(mpl.rcParams)
        made.draw()
        assert dict(mpl.rcParams) == settings
    assert [made.file(name) for name in files] == before


def test_failed_and_missing_draws_are_panels_that_say_so(made):
    made.add("ring", "truth", "", "", 0)
    made.add("ring", "learned", "ddpm", "ancestral", 0, fate="diverged")
    made.add("ring", "learned", "ddpm", "probability_flow", 0, fate="missing")
    made.add("ring", "learned", "ncsn", "annealed_langevin", 0, fate="unfit")
    made.add("ring", "exact", "score_sde", "predictor_corrector", 0, fate="missing")
    found = dict(figures.drawn(made.run()))
    assert list(found) == ["density_ring", "loss"]
    said = " ".join(text.get_text() for axes in found["density_ring"].axes for text in axes.texts)
    assert "diverged: 1 of 400 samples" in said.replace("\n", " ")
    assert "missing: the draw has not run" in said.replace("\n", " ")
    assert "missing: the fit has not run" in said.replace("\n", " ")


def test_a_run_that_has_only_begun_has_no_figures(made):
    made.grid(families=("ddpm",), seeds=1)
    for path in made.store.root.rglob("*.*"):
        path.unlink()
    assert made.draw() == []


def test_without_a_run_there_is_nothing_to_draw(tmp_path):
    assert figures.write(Store(tmp_path)) == []


def test_exact_rows_alone_are_drawn_by_process(made):
    found = dict(figures.drawn(made.grid(scores=("exact",)).run()))
    assert list(found) == ["density_ring", "quality_nfe"]
    assert {"ddpm_linear", "ncsn", "vp"} <= {text.get_text() for text in found["density_ring"].texts}


def test_truth_alone_has_no_figures(made):
    assert made.grid(scores=()).names() == []


def test_a_figure_whose_metrics_are_absent_is_left_out(made):
    made.grid(families=("ddpm",), seeds=1)
    assert "quality_nfe" not in made.names({"sliced_w2": {"sliced_w2": {}}})
    assert "quality_nfe" in made.names({"energy": COLUMNS["energy"]})


def test_budgets_have_blocks_lines_and_fields_of_their_own(made):
    for budget in ("500x64", "2000x64"):
        made.grid(families=("ddpm",), seeds=1, scores=("learned",), budget=budget)
    found = dict(figures.drawn(made.run()))
    assert {"score_field_ring_ddpm_500x64", "score_field_ring_ddpm_2000x64"} <= {*found}
    text = [text.get_text() for text in found["density_ring"].texts]
    assert text.index("learned score, 500x64") < text.index("learned score, 2000x64")


@pytest.mark.slow
def test_many_datasets_and_families_go_on_more_pages(made):
    made.grid(datasets=[f"data{i}" for i in range(9)], families=("ddpm",), seeds=1, dim=3, n=60)
    made.grid(datasets=["data0"], families=[f"family{i}" for i in range(6)], seeds=1, dim=3, n=60)
    found = dict(figures.drawn(made.run()))
    assert {"quality_nfe", "quality_nfe_2", "density_data0", "density_data0_2"} <= {*found}
    assert not [name for name in found if name.startswith("score_field")]
    for figure in found.values():
        assert figure.get_size_inches()[0] <= 7.01
        assert figure.get_size_inches()[1] <= 9.3


def test_step_counts_of_a_sampler_are_one_line(made):
    for steps in (10, 100, 1000):
        made.add("ring", "learned", "ddpm", "ancestral", 0, steps=steps)
    rows = made.run().rows
    assert len({row.kind for row in rows}) == 1
    assert [row.nfe for row in rows] == [10, 100, 1000]
    figure = dict(figures.drawn(made.run()))["quality_nfe"]
    assert [10, 100, 1000] in [list(line.get_xdata()) for line in figure.axes[0].lines]


def test_a_process_of_one_family_has_its_colour_and_column(made):
    run = made.grid(seeds=1).run()
    exact = {row.family: run.hue(row) for row in run.rows if row.score == "exact"}
    assert exact == {"ddpm_linear": "ddpm", "ncsn": "ncsn", "vp": "score_sde"}
    assert list(run.colours) == ["ddpm", "ncsn", "score_sde"]


def test_labels_become_file_names_that_differ(made):
    for family in ("a/b", "A:b"):
        made.add("../ring $x$", "learned", family, "ancestral", 0)
    names = [name for name in made.names() if name.startswith("score_field")]
    assert names == ["score_field_.._ring_x_A_b", "score_field_.._ring_x_a_b-2"]


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_mixing_has_a_row_for_each_noise_and_the_exact_score_beside_the_learned(made):
    made.grid(families=("ddpm",), seeds=2)
    for score, ess in (("learned", 12.4), ("exact", 3.0)):
        made.mixing(1, score, ess)
    found = dict(figures.drawn(made.run()))
    assert list(found) == ["density_ring", "loss", "score_error", "score_field_ring_ddpm", "mixing_ring_ddpm",
                           "quality_nfe"]  # fmt: skip
    assert titles(found["mixing_ring_ddpm"]) == [
        f"{name} score, log SNR = {level}: ess {ess}"
        for level in (-2, 2, 6)
        for name, ess in (("exact", "3, rhat 3.00"), ("learned", "12, rhat 12.40"))
    ]
    width, height = found["mixing_ring_ddpm"].get_size_inches()
    assert width <= 7.01
    assert height <= 9.3
    again = dict(figures.drawn(made.run()))["mixing_ring_ddpm"]
    # Parts of its PDF are pixels: those too must be the same every time.
    assert figures.encoded(again, ".pdf") == figures.encoded(found["mixing_ring_ddpm"], ".pdf")
    # At the least noise each of the four chains stays in a mode of its own.
    for axes in found["mixing_ring_ddpm"].axes[-2:]:
        bars = [bar for lines in axes.collections for bar in lines.get_segments()]
        assert [sorted(bar[:, 0]) for bar in bars] == [[0, 50]] * 4
        np.testing.assert_allclose([bar[0, 1] for bar in bars], range(4), atol=0.4)


def test_mixing_of_the_same_seed_is_shown_of_both_scores(made):
    made.grid(families=("ddpm",), seeds=3)
    for seed, ess in ((0, 7.0), (1, 8.0), (2, 9.0)):
        made.mixing(seed, "exact", ess)
    for seed in (2, 1):
        made.mixing(seed, "learned", None)
    found = titles(dict(figures.drawn(made.run()))["mixing_ring_ddpm"])
    assert found[:2] == ["exact score, log SNR = -2: ess 8, rhat 8.00", "learned score, log SNR = -2"]


def test_mixing_without_the_exact_score_says_so_and_without_the_learned_is_not_drawn(made):
    made.grid(families=("ddpm",), seeds=1)
    made.mixing(0, "learned", 5.0)
    found = dict(figures.drawn(made.run()))["mixing_ring_ddpm"]
    said = {text.get_text().replace("\n", " ") for axes in found.axes for text in axes.texts}
    assert said == {"the exact score was not measured"}
    made.cells = [cell for cell in made.cells if cell["score"] != "learned"]
    made.mixing(0, "exact", 5.0)
    assert not [name for name in made.names() if name.startswith("mixing")]


def test_stays_are_the_runs_of_a_chain_without_what_is_missing():
    begin, end, mode = stays(np.array([2, 2, 0, -1, -1, 0, 0, 1]))
    assert [*zip(begin, end, mode, strict=True)] == [(0, 2, 2), (2, 3, 0), (5, 7, 0), (7, 8, 1)]
    assert all(part.size == 0 for part in stays(np.full(5, -1)))


def test_importing_figures_imports_no_jax():
    code = "import sys; from diffbench import figures; assert not {'jax', 'haiku'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_three_dimensions_are_seen_where_coordinates_know_most_of_each_other():
    rng = random("view")
    angle = rng.uniform(0, 2 * np.pi, 2000)
    x = np.stack([np.cos(angle), rng.uniform(-3, 3, 2000), np.sin(angle)], axis=1)
    view = view_of(x)
    assert view.note == "coordinates 1 and 3"
    np.testing.assert_array_equal(view.axes, [[1, 0], [0, 0], [0, 1]])


def test_more_dimensions_are_seen_along_principal_axes():
    x = random("principal").normal(size=(4000, 5)) * [1, 5, 1, 3, 1]
    axes = view_of(x).axes
    np.testing.assert_allclose(axes[[1, 3], [0, 1]], 1, atol=0.02)


def test_a_line_is_seen_too():
    view = view_of(random("line").normal(size=(500, 1)))
    assert density(random("line").normal(size=(500, 1)), view).max() > 0


def test_density_counts_the_share_that_the_window_shows():
    rng = random("share")
    truth = rng.normal(size=(2000, 2))
    view = view_of(truth)
    half = np.concatenate([truth, truth + 100])
    assert outside(half, view) == pytest.approx(0.5, abs=0.01)
    assert density(half, view).sum() == pytest.approx(density(truth, view).sum() / 2, rel=1e-6)


def test_density_has_rows_upwards():
    view = view_of(random("up").uniform(-1, 1, size=(2000, 2)))
    top_left = density(np.full((10, 2), [-0.9, 0.9]), view)
    row, column = np.unravel_index(top_left.argmax(), top_left.shape)
    assert row > view.bins / 2 > column


def test_smoothed_is_the_running_median_and_stops_where_the_loss_does():
    loss = np.arange(1.0, 101.0)
    loss[80:] = math.nan
    steps, values = smoothed(loss, points=30, spread=1.25)
    assert steps[0] == 1
    assert steps[-1] == 100
    at = int(np.searchsorted(steps, 40))
    window = loss[math.ceil(steps[at] / 1.25) - 1 : math.floor(steps[at] * 1.25)]
    assert values[at] == np.median(window)
    assert np.isfinite(values[steps <= 80]).all()
    assert np.isnan(values[steps > 80]).all()
