"""A page in Debian's chromium: it draws, sorts and filters, asks for nothing, and everybody can read it."""

import os
import shutil

import pytest
from by_hand import COLUMNS, Made
from PIL import Image
from placed import placed

from diffbench.records import drawn
from diffbench.records.store import Store
from diffbench.report import gathered, page

CHROMIUM = shutil.which("chromium")
HOSTILE = [
    "<script>hacked = 1</script>",
    '"><img src=x onerror="hacked = 1">',
    "</script><script>hacked = 1</script>",
]
SIZES = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
THEMES = ("light", "dark")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"), reason="needs chromium: apt-get install chromium"
    ),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Returns the page of a run whose labels are hostile, with pictures and a cell that failed."""
    store = Store(tmp_path_factory.mktemp("browser") / "run")
    store.prepare()
    made = Made(store)
    made.grid(datasets=("moon", f"data {HOSTILE[0]}"), families=("ddpm", f"family {HOSTILE[1]}"), seeds=2)
    made.add("moon", "learned", f"family {HOSTILE[2]}", "ancestral", 0, fate="diverged")
    store.write_json("run.json", placed({"cells": made.cells, "columns": COLUMNS}))
    (store.root / drawn.FOLDER).mkdir()
    names = ["density_moon.png", "loss.png", "trajectory_moon_ddpm.png"]
    for name in names:
        Image.new("RGB", (1200, 900), "white").save(store.root / drawn.FOLDER / name)
    film = [Image.new("RGB", (400, 300), colour) for colour in ("red", "blue", "green")]
    moving = {"save_all": True, "append_images": film[1:], "duration": 100, "loop": 0}
    film[0].save(store.root / drawn.FOLDER / "trajectory_moon_ddpm.webp", **moving)
    drawn.note(store, "0" * 64, [*names, "trajectory_moon_ddpm.webp"])
    path = store.root / "report.html"
    path.write_bytes(page.made([gathered.gather(store)]))
    return path


@pytest.fixture(scope="module")
def browser():
    """Returns chromium without a window."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "CI needs chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser, file):
    """Returns a function that opens the page, and what the page said and asked for meanwhile."""
    contexts = []

    def call(size="wide", theme="light"):
        context = browser.new_context(viewport=SIZES[size], color_scheme=theme)
        contexts.append(context)
        tab = context.new_page()
        said, asked = [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: said.append(dialog.message))
        tab.on("request", lambda request: asked.append(request.url))
        tab.add_init_script(
            "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach("
            "entry => window.moved += entry.value)).observe({type: 'layout-shift', buffered: true})"
        )
        tab.goto(f"file://{file}")
        tab.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60_000)
        return tab, said, asked

    yield call
    for context in contexts:
        context.close()


def draw_charts(tab):
    names = tab.eval_on_selector_all(".chart", "all => all.map(one => one.id)")
    for name in names:
        tab.evaluate(f"document.getElementById('{name}').scrollIntoView()")
        tab.wait_for_selector(f"#{name}[data-drawn=done]", timeout=60_000)
    return names


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_charts_draw_nothing_is_asked_for_and_nothing_complains(opened, size, theme):
    tab, said, asked = opened(size, theme)
    names = draw_charts(tab)
    assert names == ["chart-quality", "chart-score"]
    assert tab.locator(".chart svg .mark-symbol path").count() > 4
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [tab.url]
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert tab.evaluate("window.moved") < 0.05


@pytest.mark.parametrize("size", SIZES)
def test_the_three_questions_are_answered_in_the_first_screen(opened, size):
    tab, _, _ = opened(size)
    places = "all => all.map(one => one.getBoundingClientRect().bottom)"
    ends = tab.eval_on_selector_all(".answer", places)
    assert len(ends) == 3
    assert max(ends) <= SIZES[size]["height"]


def test_hostile_labels_stay_text(opened):
    tab, said, _ = opened()
    draw_charts(tab)
    for select in tab.locator(".chart select").all():
        select.select_option(index=1)
    tab.locator("#long").scroll_into_view_if_needed()
    tab.locator("#filters select").first.select_option(index=2)
    assert tab.evaluate("typeof hacked") == "undefined"
    assert f"data {HOSTILE[0]}" in tab.locator("#long tbody").inner_text()
    assert tab.locator("h3", has_text=HOSTILE[0]).count() == 1
    assert said == []


def test_the_long_table_sorts_and_filters(opened):
    tab, _, _ = opened()
    number = tab.evaluate("document.querySelectorAll('#long thead th').length") - 1
    assert number >= 12
    meanings = tab.eval_on_selector_all(
        "#long thead th", "all => all.map(one => [one.textContent, one.title])"
    )
    assert dict(meanings)["z"].startswith("Distance from the noise floor")
    tab.locator("#long thead th", has_text="value").first.click()
    tab.wait_for_selector("#long th[aria-sort=ascending]")
    place = tab.evaluate(
        "[...document.querySelectorAll('#long thead th')].findIndex(h => h.textContent.trim() === 'value')"
    )
    cells = f"#long tbody tr td:nth-child({place + 1})"
    values = [float(text) for text in tab.locator(cells).all_inner_texts() if text]
    assert values == sorted(values)
    tab.locator("#filters label", has_text="score").locator("select").first.select_option(label="truth")
    assert {*tab.locator("#long tbody td:nth-child(2)").all_inner_texts()} == {"truth"}
    tab.get_by_label("Search").fill("no such label")
    assert tab.locator("#long tbody tr").count() == 1


def test_a_picture_enlarges_and_a_definition_shows_by_keyboard_alone(opened):
    tab, _, _ = opened()
    tab.locator(".zoom").first.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("dialog").is_visible()
    assert tab.locator("dialog img").get_attribute("src").startswith("data:image/webp")
    tab.keyboard.press("Escape")
    assert not tab.locator("dialog").is_visible()
    tab.locator(".term", has_text="energy").first.focus()
    tab.keyboard.press("Enter")
    assert "Energy distance" in tab.locator("#tip").inner_text()
    tab.keyboard.press("Escape")
    assert not tab.locator("#tip").is_visible()


def test_paper_is_white_whole_and_unfolded_whatever_the_theme(opened):
    tab, said, _ = opened("wide", "dark")
    draw_charts(tab)
    tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<details id=fold><p>more</p></details>')")
    tab.set_viewport_size({"width": 703, "height": 1030})  # A4 within its margins
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    wide = "all => all.map(one => one.getBoundingClientRect().right)"
    for kind in ("table.gt_table", "table.plain", ".chart svg", ".picture img"):
        ends = tab.eval_on_selector_all(kind, wide)
        assert ends
        assert max(ends) <= 704, kind
    for gone in (".top", "#numbers", ".vega-bindings"):
        assert not tab.locator(gone).first.is_visible()
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details:not([open])").count() == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("#fold[open]").count() == 0
    assert said == []


def test_a_film_plays_over_its_still_when_it_is_asked_to_and_moves_nothing_else(opened):
    tab, said, asked = opened()
    draw_charts(tab)  # lest they are drawn meanwhile
    (play,) = tab.locator(".play").all()
    picture = tab.locator(".picture", has=tab.locator(".play"))
    picture.scroll_into_view_if_needed()
    assert (tab.locator(".film").count(), play.locator("span").first.inner_text()) == (0, "Play")
    assert min(play.bounding_box()[side] for side in ("width", "height")) >= 24
    before, moved = picture.bounding_box(), tab.evaluate("window.moved")
    play.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.querySelector('.film')?.naturalWidth === 400")
    still, film = (picture.locator("img").nth(i).bounding_box() for i in range(2))
    assert film == pytest.approx(still, abs=1.0)
    assert (picture.bounding_box(), tab.evaluate("window.moved")) == (before, moved)
    assert play.locator("span").first.inner_text() == "Stop"
    picture.locator(".zoom").click()
    assert tab.locator("dialog img").get_attribute("src").startswith(play.get_attribute("data-film"))
    tab.keyboard.press("Escape")
    tab.emulate_media(media="print")
    assert [image.is_visible() for image in picture.locator("img").all()] == [True, False]
    tab.emulate_media(media="screen")
    play.click()
    assert (tab.locator(".film").count(), play.locator("span").first.inner_text()) == (0, "Play")
    assert [url for url in asked if not url.startswith("data:")] == [tab.url]
    assert said == []


def test_the_theme_is_the_readers_choice(opened):
    tab, _, _ = opened("wide", "light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(paper)
    tab.locator("#theme").click()
    assert tab.evaluate(paper) == light
    tab.locator("#theme").click()
    assert tab.evaluate(paper) == "rgb(20, 23, 27)"


@pytest.mark.parametrize(("size", "theme"), [("wide", "light"), ("phone", "dark")])
def test_axe_finds_nothing_serious(opened, size, theme):
    from axe_playwright_python.sync_playwright import Axe

    tab, _, _ = opened(size, theme)
    draw_charts(tab)
    found = Axe().run(tab).response["violations"]
    serious = [
        (one["id"], [node["html"][:160] for node in one["nodes"][:4]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
