"""Whatever a label holds is shown by Markdown and LaTeX, and does nothing in them."""

import itertools
import re
import shutil
import string
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from diffbench.signs import plain
from diffbench.tables import markup

HOSTILE = [
    "a|b, \"c\" = é漢字 <script>alert(1)</script>",
    "# heading `code` *b* [x](y) $m$ \\textbf{z} #",
    "[err]", "*", "[", "{", "}", "$", "\\", "\\\\", "&amp; &#124; &", "~~gone~~", "_a_ __b__ a_b", "![i](u)",
    "<https://a.b>", "1. one", "- x", "> q", "+ p", "=== ", "--- --", "%", "^~", "``", "''\"\"", "?`!`",
    "two\nlines", "p\tq", "\x1b[2J", "ĳ ĩ ñ ç ő \u03c3 Σ λ ² \u00d7 → 😀 \u202e", string.punctuation,
]  # fmt: skip
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXT = st.text(st.sampled_from(string.punctuation + " a1é漢\n|`"), min_size=1, max_size=12).filter(str.strip)


def texts_of(markdown, kind):
    """The text of each block of a kind: what a reader sees, if nothing in it is markup."""
    tokens = PARSER.parse(markdown)
    found = []
    for opened, inside in itertools.pairwise(tokens):
        if opened.type == kind:
            children = inside.children or []
            assert {child.type for child in children} <= {"text", "text_special"}, (markdown, children)
            found.append("".join(child.content for child in children))
    return found


def seen(text):
    return plain(text).strip()


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_a_cell_a_heading_and_an_item_of_markdown(label):
    check_markdown(label)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXT)
def test_any_text_is_a_cell_a_heading_and_an_item_of_markdown(label):
    check_markdown(label)


def check_markdown(label):
    table = "\n".join(markup.table([label, "n"], [[label, "1"], ["b", label]]))
    assert texts_of(table, "th_open") == [seen(label), "n"]
    assert texts_of(table, "td_open") == [seen(label), "1", "b", seen(label)]
    assert texts_of(f"## {markup.markdown(label)}\n", "heading_open") == [seen(label)]
    assert texts_of(f"- {markup.markdown(label, opening=True)}\n", "paragraph_open") == [seen(label)]


@pytest.mark.parametrize(
    "label",
    [
        "score_sde (corrected)",
        "probability_flow(solver=heun, steps=20)",
        "0.2 ± 0.9 (z -1.0)",
        "> 2000",
        "mmd2 ↓",
    ],
)
def test_plain_labels_are_as_they_are_in_markdown(label):
    assert markup.markdown(label) == label


# A command with what it takes, a group, a formula, or a letter that is nothing else.
TOKEN = re.compile(
    r"\\diffbenchsign\{.\}\{[0-9A-F]{4,6}\}|\\text[a-z]+\{\}|\\char\d+\{\}|\$\\[a-zA-Z]+\$|\\[_%&#${}]"
    r"|\{\\[`'^~=u.\"rHvc]\{[a-zA-Z]\}\}|\{[\[\]*]\}|-\{\}-|[a-zA-Z0-9 !'()+,\-./:;=?@]",
    re.DOTALL,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(TEXT, st.text(max_size=12), st.sampled_from(HOSTILE)))
def test_any_text_is_signs_that_do_nothing_in_latex(label):
    assert TOKEN.sub("", markup.latex(label)) == ""


def test_signs_of_latex_are_what_they_were():
    assert markup.latex("a_b 50% ±") == r"a\_b 50\% $\pm$"
    assert markup.latex("é [\u03c3]") == r"{\'{e}} {[}$\sigma${]}"
    assert markup.latex("漢") == r"\diffbenchsign{漢}{6F22}"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex (texlive-latex-base) is not there")
def test_every_label_compiles(tmp_path):
    rows = "\n".join(
        f"\\begin{{table}}\\caption{{{t}. x}}\\begin{{tabular}}{{ll}}\\toprule {t} & 1 \\\\\n\\midrule\n{t} & {t} \\\\\n"
        f"{t} & 1 \\\\\n\\bottomrule\\end{{tabular}}\\end{{table}}\\clearpage"
        for t in map(markup.latex, HOSTILE)
    )
    rules = "".join(f"\\providecommand{{\\{name}rule}}{{\\hline}}" for name in ("top", "mid", "bottom"))
    text = (
        f"\\documentclass{{article}}\n\\begin{{document}}\n{rules}{markup.SIGN}\n{rows}\n\\end{{document}}\n"
    )
    (tmp_path / "labels.tex").write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "labels.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
