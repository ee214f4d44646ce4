"""Control characters are text, and a console that lacks a sign gets another."""

import io

import pytest

from diffbench import signs


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ddpm é 漢字 ± ↓", "ddpm é 漢字 ± ↓"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x1b[2J", r"\x1b[2J"),
        ("two\nlines\ttab\r", r"two\nlines\ttab\r"),
        ("a\u202eb", r"a\u202eb"),
        ("a\u2028b\x9b", r"a\u2028b\x9b"),
        ("file\udcff", r"file\udcff"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_text(text, shown):
    assert signs.plain(text) == shown


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
def test_a_stream_replaces_what_its_encoding_lacks(encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding)
    signs.speakable(stream)
    print("1 ± 2 ↓ é 漢 ½ \udcff", file=stream, flush=True)
    shown = raw.getvalue().decode(encoding).strip()
    own = {"utf-8": "1 ± 2 ↓ é 漢 ½", "ascii": r"1 +- 2 v e \u6f22 \xbd"}
    assert shown == own.get(encoding, r"1 ± 2 v é \u6f22 ½") + r" \udcff"


def test_text_is_laid_out_as_it_will_be_shown():
    assert signs.fitted("0.2 ± 0.9", "ascii") == "0.2 +- 0.9"
    assert signs.fitted("0.2 ± 0.9", "utf-8") == "0.2 ± 0.9"
