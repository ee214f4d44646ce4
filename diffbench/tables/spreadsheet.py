"""Tables as CSV that a spreadsheet shows and never runs.

A spreadsheet takes a text that begins with one of `= + - @`, a tab or a carriage return for a
formula. Labels and reasons may come from anyone's suite, so such a text gets an apostrophe before
it, which spreadsheets take for "this is text". Numbers stay numbers.
"""

from __future__ import annotations

import re

import pandas as pd

_FORMULA = re.compile(r"\s*[=+\-@]|[\t\r]")
_BREAK = re.compile(r"[\r\n\0]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def inert(value: object) -> object:
    """Returns a cell or a header that no spreadsheet takes for a formula; what is no text stays."""
    if not isinstance(value, str):
        return value
    # Some programs end a row at a lone carriage return, which a CSV writer leaves unquoted.
    line = _BREAK.sub(" ", value)
    return f"'{line}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else line


def csv(table: pd.DataFrame) -> bytes:
    """Returns a table as CSV in UTF-8, without its index, its texts inert."""
    texts = {name: table[name].map(inert) for name in table.columns if table[name].dtype.kind not in "biufc"}
    return table.assign(**texts).rename(columns=inert).to_csv(index=False).encode()
