"""CSV that no spreadsheet runs."""

import csv
import io

import pandas as pd
import pytest

from diffbench.tables import spreadsheet


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\t="])
def test_texts_that_begin_like_formulas_are_inert(start):
    text = f"{start}HYPERLINK(1)"
    table = pd.DataFrame({text: [text, "plain"], "value": [-1.5, 2.0], "seed": pd.array([-1, None], "Int64")})
    rows = list(csv.reader(io.StringIO(spreadsheet.csv(table).decode(), newline="")))
    assert rows[0][0] == "'" + text.replace("\r", " ")
    assert rows[1][0] == rows[0][0]
    assert rows[2][0] == "plain"
    assert rows[1][1:] == ["-1.5", "-1"]


def test_a_text_cannot_begin_another_row():
    table = pd.DataFrame({"reason": ["bad\r=HYPERLINK(1)\n+1"]})
    assert spreadsheet.csv(table) == b"reason\nbad =HYPERLINK(1) +1\n"


@pytest.mark.parametrize("number", ["-1", "+2.5", "-1e-3", "-.5"])
def test_numbers_stay_numbers(number):
    table = pd.DataFrame({"a": [number], "b": [float(number)]})
    text = spreadsheet.csv(table).decode()
    assert "'" not in text
    assert pd.read_csv(io.StringIO(text))["b"][0] == float(number)
