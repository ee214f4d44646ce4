"""All figures of a run: which there are, that they fit a page, and that no word is cut."""

from __future__ import annotations

import subprocess
import sys
import zlib

import by_hand
import matplotlib as mpl
import pytest
from by_hand import COLUMNS, NFE, PROCESS, cut_off, drawn, size_of, words
from matplotlib import pyplot as plt

from diffbench import figures
from diffbench.records.store import Store


@pytest.mark.slow
def test_every_figure_is_written_in_three_formats_and_fits_a_page(made):
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
    assert {path.suffix for path in (made.store.root / "figures").iterdir()} == {".png", ".pdf", ".svg"}
    assert plt.get_fignums() == []


@pytest.mark.slow
def test_same_records_give_the_same_bytes_whatever_the_style_of_the_user(made):
    names = made.grid(families=("ddpm",), seeds=1).draw()
    files = [name for png in names for name in (png, *(png.replace(".png", s) for s in (".pdf", ".svg")))]
    before = [made.file(name) for name in files]
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 20, "savefig.dpi": 50}):
        settings = dict(mpl.rcParams)
        made.draw()
        assert dict(mpl.rcParams) == settings
    assert [made.file(name) for name in files] == before


def test_a_run_that_has_only_begun_has_no_figures(made):
    made.grid(families=("ddpm",), seeds=1)
    for path in made.store.root.rglob("*.*"):
        path.unlink()
    assert made.draw() == []


def test_without_a_run_there_is_nothing_to_draw(tmp_path):
    assert figures.write(Store(tmp_path)) == []


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


def test_labels_become_file_names_that_differ(made):
    for family in ("a/b", "A:b"):
        made.add("../ring $x$", "learned", family, "ancestral", 0)
    names = [name for name in made.names() if name.startswith("score_field")]
    assert names == ["score_field_.._ring_x_A_b", "score_field_.._ring_x_a_b-2"]


@pytest.mark.slow
def test_importing_figures_imports_no_jax():
    code = "import sys; from diffbench import figures; assert not {'jax', 'haiku'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_labels_of_a_hundred_characters_are_told_apart_and_nothing_is_cut(long):
    found = drawn(long.run())
    for name, figure in found.items():
        assert cut_off(figure) == [], name
        assert figure.get_size_inches()[0] <= 7.01
    for kind, ends in {"density": "DFGST", "loss": "DFG", "quality_nfe": "DFGST"}.items():
        said = words(next(figure for name, figure in found.items() if name.startswith(kind)))
        assert [end for end in ends if f"very end {end}" not in said] == [], kind


def test_letters_that_the_font_lacks_are_told_by_their_numbers(made, monkeypatch):
    monkeypatch.setattr(by_hand, "plain", lambda name: f"{zlib.crc32(name.encode()):08x}")
    for i, sampler in enumerate(("漢", "字 (steps=5)")):
        monkeypatch.setitem(NFE, sampler, 50 + i)
        monkeypatch.setitem(PROCESS, "é 族", "vp")
        made.add("数据 🧊", "learned", "é 族", sampler, 0, n=60)
    made.mixing(0, "learned", 5.0)
    found = drawn(made.run())
    # Matplotlib warns of each letter that it lacks, and warnings are errors here.
    assert {name: cut_off(figure) for name, figure in found.items()} == {name: [] for name in found}
    said = " ".join(map(words, found.values()))
    told = ("U+6F22", "U+5B57 (steps=5)", "é U+65CF", "U+6570U+636E U+1F9CA")
    assert [word for word in told if word not in said] == []
    assert not {*"漢字族数据🧊"} & {*said}


def test_one_family_is_narrow_and_its_caption_is_whole(made):
    made.grid(families=("ddpm",), seeds=1)
    made.mixing(0, "learned", 5.0)
    found = drawn(made.run())
    assert {name: cut_off(figure) for name, figure in found.items()} == {name: [] for name in found}
    assert "mean over seeds (truth: about 0)." in words(found["density_ring"])


def test_dataset_and_family_stand_inside_each_figure(made):
    made.grid(families=("ddpm",), seeds=1)
    made.mixing(0, "learned", 5.0)
    for name, figure in drawn(made.run()).items():
        assert "ring" in words(figure), name
        assert "ddpm" in words(figure), name


@pytest.mark.slow
def test_names_of_figures_stay_where_rows_are_added(made):
    made.grid(families=("ncsn",), seeds=1, n=60)
    made.mixing(0, "learned", 5.0)
    before = set(made.names())
    made.grid(families=("ddpm",), seeds=1, n=60)
    made.grid(datasets=("another",), families=("ddpm",), seeds=1, n=60)
    assert before <= set(made.names())
