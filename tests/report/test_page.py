"""A page is one file that asks for nothing, in which every label is text, whatever became of the run."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from diffbench.records import drawn
from diffbench.report import headline, longtable, page
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><b>", "{{ 7*7 }}"]


@pytest.fixture
def hostile(written):
    def build(made):
        for label in HOSTILE:
            made.grid(datasets=(f"data {label}",), families=(f"family {label}",), seeds=1)

    return written(build)


def text_of(found, *more, **options):
    return page.made([found, *more], **options).decode()


def test_hostile_labels_are_text_in_the_page_and_in_its_data(hostile, light):
    text = text_of(hostile)
    begins = [m.start() for m in re.finditer(r"<script>alert|<img src=x|</script><b>", text)]
    assert begins == []
    assert "49" not in re.findall(r"data ([^<]*)</h3>", text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    (data,) = re.findall(r'id="long-data">(.*?)</script>', text)
    assert {f"data {label}" for label in HOSTILE} <= set(json.loads(data)["words"])


def test_a_page_asks_for_nothing_and_runs_only_what_its_policy_names(hostile, light):
    text = text_of(hostile)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text.partition("<style>")[0]) == []
    assert re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(?!data:)', text) == []
    programs = re.findall(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    assert len(programs) == policy.count("sha256-") == 3


@pytest.mark.slow
def test_the_same_records_give_the_same_page_and_others_another_mark(written, light):
    one = written(lambda made: made.grid(seeds=2))
    assert page.made([one]) == page.made([one])
    other = written(lambda made: made.grid(seeds=3), "other")
    marks = {page.read_mark(page.made([each])) for each in (one, other)}
    assert marks == {page.fingerprint([one]), page.fingerprint([other])}
    assert len(marks) == 2


def test_failed_cells_stand_with_their_reasons(written, light):
    def build(made):
        made.grid(families=("ddpm",), seeds=2)
        made.add("ring", "learned", "ddpm", "ancestral", 2, fate="diverged")

    text = text_of(written(build))
    assert "1 of 11 cells failed" in text
    assert "1 of 400 samples are not finite" in text


def test_a_run_that_has_only_begun_says_so(written, light):
    found = written(lambda made: made.add("ring", "learned", "ddpm", "ancestral", 0, fate="missing"))
    assert found.counts == (1, 0, 1, 0)
    text = text_of(found)
    assert "0 of 1 cells are ok, 1 has not run yet" in text
    assert "None yet: no row of these has a number." in text


def test_control_characters_of_a_label_are_shown_by_their_numbers(written, light):
    text = text_of(written(lambda made: made.grid(datasets=("a\u202eb\x1b",), families=("ddpm",), seeds=1)))
    assert "\x1b" not in text
    assert r"a\u202eb\x1b</h3>" in text


@pytest.mark.slow
def test_long_labels_and_many_cells_give_a_page_of_a_few_megabytes(written, light):
    labels = [f"{i:03d}" + "x" * 197 for i in range(100)]
    found = written(
        lambda made: made.grid(datasets=labels, families=("ddpm",), seeds=5, scores=("learned",), n=4)
    )
    assert found.counts.cells >= 1000
    made = page.made([found])
    assert len(made) < 6_000_000
    answers = re.findall(r'<div class="answer">(.*?)</div>', made.decode(), re.DOTALL)
    assert len(answers) == 3
    assert max(map(len, answers)) < 2000


@pytest.mark.slow
def test_two_runs_make_one_page_that_tells_what_changed(written, light):
    def better(made):
        made.grid(seeds=3)

    def worse(made):
        made.grid(seeds=3, scores=("learned",))

    text = text_of(written(better, "before"), written(worse, "after"))
    assert "after (B) against before (A)" in text
    assert "Holm&#39;s steps keep it at 5%" in text
    assert re.search(r'class="counts">worse: 0, better: 0', text)
    assert 'id="run1"' in text


def test_records_are_linked_to_from_beside_them_alone(written, light):
    found = written(lambda made: made.grid(families=("ddpm",), seeds=1))
    links = [
        re.search(r'id="links">(.*?)</script>', page.made([found], where).decode())[1] for where in ("", None)
    ]
    assert links == ['""', "null"]


def test_pictures_have_the_room_that_the_rest_of_a_page_leaves(written, light, monkeypatch):
    found = written(lambda made: made.grid(families=("ddpm",), seeds=1))
    bare = len(page.made([found]))
    (found.root / drawn.FOLDER).mkdir()
    noise = np.random.RandomState(0).randint(256, size=(300, 300, 3)).astype(np.uint8)
    names = [f"density_ring_{i}.png" for i in range(4)]
    for name in names:
        Image.fromarray(noise).save(found.root / drawn.FOLDER / name)
    drawn.note(found.store, "0" * 64, names)
    one = (len(page.made([found])) - bare) // 4
    monkeypatch.setattr(page, "LARGEST", bare + int(2.5 * one))
    text = page.made([found])
    assert bare + 1.5 * one < len(text) <= page.LARGEST
    assert text.count(b"No room in this page") == 2


def test_the_page_of_quick_has_less_than_four_megabytes_and_that_of_any_run_less_than_fifteen():
    quick = len(expand(suites.load("quick")))
    assert page.most(1) == page.most(quick) < 4e6
    assert page.most(quick) < page.most(2 * quick) < page.most(1_000_000) < 15e6


def test_of_more_rows_than_a_page_holds_every_dataset_has_its_share(written, monkeypatch):
    found = written(lambda made: made.grid(datasets=("a", "b", "c"), families=("ddpm",), seeds=2))
    whole = longtable.data([found])
    monkeypatch.setattr(longtable, "MOST", 30)
    cut = longtable.data([found])
    assert len(cut["rows"]) == 30
    assert len(cut["rows"]) + cut["more"] == len(whole["rows"])
    label = cut["heads"].index("dataset")
    assert [sum(cut["words"][row[label]] == d for row in cut["rows"]) for d in "abc"] == [10, 10, 10]
    told = [[c["words"][row[i]] for i in c["texts"]] for c in (whole, cut) for row in c["rows"]]
    assert all(row in told[: len(whole["rows"])] for row in told[len(whole["rows"]) :])


def test_a_table_of_many_rows_keeps_the_best_of_the_pages_kind(written):
    found = written(lambda made: made.grid(families=("ddpm", "ncsn", "score_sde"), seeds=1))
    table = str(headline.of_dataset(found, "ring", "t", 4))
    shown = re.findall(r"<td[^>]*>(truth|gaussian|exact|learned)</td>", table)
    assert shown == ["truth", "learned", "learned", "learned"]
    assert "9 rows more, in the table of all numbers below; these are first by" in table


def test_runs_of_one_name_are_told_apart_by_their_folders(written, light):
    (one, two) = (
        written(lambda made: made.add("ring", "truth", "", "", 0), name) for name in ("a/run", "b/run")
    )
    assert (one.name, two.name) == ("run", "run")
    text = text_of(one, two)
    assert "<title>a/run and b/run" in text
    assert "b/run (B) against a/run (A)" in text


def test_of_many_clauses_the_first_stand_open(written, light):
    families = [f"family {i}" for i in range(5)]
    text = text_of(written(lambda made: made.grid(families=families, seeds=2)))
    errs = text[text.index("Where each errs") :]
    assert errs.index("family 2") < errs.index("<summary>2 more</summary>") < errs.index("family 3")


def test_an_interval_that_few_seeds_make_too_narrow_is_called_so(written, light):
    found = written(lambda made: made.grid(seeds=2))
    assert "too narrow with fewer" not in text_of(found)
    found = written(lambda made: made.grid(seeds=2), "other")
    # Truth as the Gaussian, far away: now there is a common scale.
    truth = found.long["score"] == "truth"
    found.long.loc[truth, ["score", "value"]] = ["gaussian", 1e9]
    assert "95% interval (too narrow with fewer than 10 seeds)" in text_of(found)
