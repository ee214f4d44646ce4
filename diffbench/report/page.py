"""One page: what was gathered of one or several runs, as HTML that needs nothing else.

Jinja2 escapes every text; what comes as HTML is of great-tables, of this room's own JSON (`bundles.as_json`)
or a bundle. A content security policy names the digest of each program in the page, so that nothing else
runs, and allows no request. The same records give the same bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING

from markupsafe import Markup

import diffbench
from diffbench.records import drawn as figures
from diffbench.report import (
    bundles,
    charts,
    command,
    definitions,
    fitting,
    headline,
    longtable,
    pictures,
    versus,
)
from diffbench.report.gathered import Gathered
from diffbench.report.sentences import names, sentences
from diffbench.signs import plain
from diffbench.spec import Json, JsonObject
from diffbench.tables.ranking import ENOUGH_SEEDS

if TYPE_CHECKING:  # only a page needs it
    from jinja2 import Template

VERSION = 5
"""Raised where the same records make another page."""
CLAUSES = 3
"""Clauses of a sentence that a reader sees at once: the first screen has room for no more."""
FAILED = 200
"""Cells that are told with their reasons; the long table has them all."""
SECTIONS, ROWS = 100, 1500
"""Datasets that have a section, and rows of all their tables."""
SMALL, LARGEST, OF_A_CELL = 3_900_000, 14_000_000, 45_000
"""Bytes of a page of few cells, of one of any number, and what each cell may take between them: pictures have
what the rest of a page leaves."""
FRAME = 800
"""Bytes of what stands about a picture: its name, its title, what it is read out as."""
MARK = re.compile(rb'<meta name="made-from" content="([0-9a-f]{64})">')
TITLES = {
    "split": "What the error is made of",
    "quality": "Quality against cost",
    "score": "Error of the score over noise levels",
}


def made(found: Sequence[Gathered], where: str | None = "") -> bytes:
    """Returns the page of one or several runs.

    Args:
      found: The runs, the first being the one that others are held against.
      where: What leads from the page to the results folder, such as "" for a page that lies in it; None
        where no link would lead there.
    """
    found = _apart(found)
    drawn = charts.charts(found)
    programs = [bundles.datatables(), *([bundles.vega()] if drawn else []), _text("page.js")]
    content: JsonObject = {
        "title": names([each.name for each in found]),
        "made_from": fingerprint(found),
        "version": diffbench.__version__,
        "policy": _policy(programs),
        "programs": [Markup(program) for program in programs],
        "style": Markup(f"{bundles.datatables_style()}\n{_text('page.css')}"),
        "runs": [_run(i, each, len(found)) for i, each in enumerate(found)],
        "versus": versus.versus(found),
        "caption": versus.CAPTION,
        "CLAUSES": CLAUSES,
        "charts": [
            (name, TITLES[name], bundles.as_json(chart), charts.room(chart), charts.left_out(chart))
            for name, chart in drawn.items()
        ],
        "long": bundles.as_json(longtable.data(found)),
        "links": bundles.as_json(where if len(found) == 1 else None),
        "terms": _terms(found),
        "FAILED": FAILED,
        "BARS": fitting.BARS,
    }
    template = _template()
    frames = FRAME * sum(name.endswith(".png") for each in found for name in figures.read(each.store).files)
    room = most(sum(each.counts.cells for each in found)) - frames - len(template.render(content).encode())
    for run, each in zip(content["runs"], found, strict=True):
        shown = pictures.pictures(each, max(0, min(pictures.BUDGET, room)) // len(found))
        run["pictures"] = shown.pop("", [])
        for section in run["sections"]:
            section["pictures"] = shown.pop(section["name"], [])
        run["pictures"] += [one for more in shown.values() for one in more]
    return template.render(content).encode()


def most(cells: int) -> int:
    """Returns how many bytes the page of so many cells may have."""
    return min(LARGEST, max(SMALL, OF_A_CELL * cells))


def _apart(found: Sequence[Gathered]) -> list[Gathered]:
    """Returns runs by names that differ: of folders of one name, as much of their paths as it takes."""
    paths = [each.root.resolve().parts for each in found]
    for depth in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-depth:]).replace("//", "/") for parts in paths]
        if len({*names}) == len(names):
            return [dataclasses.replace(each, name=name) for each, name in zip(found, names, strict=True)]
    return list(found)


def fingerprint(found: Sequence[Gathered]) -> str:
    """Returns a digest of all that a page is made from: rows, figures, versions."""
    told = hashlib.sha256(f"{VERSION} {diffbench.__version__}\n".encode())
    for each in found:
        told.update(f"{each.name}\n".encode())
        told.update(each.long.to_csv(index=False).encode())
        told.update("".join(f"{name}\n" for name in (*each.tables.leading, *each.tables.measured)).encode())
        told.update(repr(sorted(figures.read(each.store).files.items())).encode())
    return told.hexdigest()


def read_mark(page: bytes) -> str:
    """Returns the fingerprint that a page has, empty where it has none."""
    match = MARK.search(page[:4096])
    return match[1].decode() if match else ""


def _run(number: int, each: Gathered, runs: int) -> JsonObject:
    """Returns what the template shows of one run, of several, but for its pictures."""
    shown = each.datasets[: max(1, SECTIONS // runs)]
    most = min(headline.MOST, max(1, ROWS // (runs * max(1, len(shown)))))
    suite = each.run.get("suite") or {}
    return {
        "ident": f"run{number}",
        "name": each.name,
        "about": str(suite.get("description") or ""),
        "sentences": sentences(each),
        "few_seeds": ENOUGH_SEEDS if each.ranking.rows["seeds"].min() < ENOUGH_SEEDS else 0,
        "counts": each.counts,
        "overall": headline.overall(each, f"overall{number}"),
        "sections": [
            {
                "ident": f"run{number}-data{i}",
                "name": dataset,
                "table": headline.of_dataset(each, dataset, f"table{number}-{i}", most),
                "pictures": [],
            }
            for i, dataset in enumerate(shown)
        ],
        "more": len(each.datasets) - len(shown),
        "pictures": [],
        "failed": each.failed,
        "again": command.again(each),
        "provenance": [_flat(one) for one in each.provenance],
        "records": len({cell["draw_id"] for cell in each.run["cells"]}),
    }


def _flat(made_by: Json) -> list[tuple[str, str]]:
    """Returns what made a record as names and values; of groups, each by itself."""
    pairs: list[tuple[str, str]] = []
    for key, value in made_by.items():
        if isinstance(value, Mapping):
            pairs += [
                (f"{key} {name}", plain(str(one))) for name, one in value.items() if one not in ("", None)
            ]
        elif value is not None:
            pairs.append((key, plain(str(value))))
    return pairs


def _terms(found: Sequence[Gathered]) -> list[tuple[str, str]]:
    """Returns every column and word of a page with its definition."""
    columns: dict[str, str] = {}
    for each in found:
        for column, about in each.columns.items():
            columns.setdefault(column, definitions.of_column(column, about))
    return [*definitions.TERMS.items(), *columns.items()]


def _policy(programs: Sequence[str]) -> str:
    """Returns the content security policy: these programs, the page's own pictures and style, no request."""
    known = " ".join(f"'{bundles.digest(program)}'" for program in programs)
    # Vega compiles its expressions.
    return (
        f"default-src 'none'; script-src {known} 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )


@functools.lru_cache(maxsize=8)
def _text(name: str) -> str:
    return (resources.files("diffbench.report") / "templates" / name).read_text(encoding="utf-8")


def _legible(value: object) -> object:
    """Returns text with its control characters as text; what is HTML already stays."""
    return "\n".join(map(plain, value.split("\n"))) if type(value) is str else value


@functools.lru_cache(maxsize=1)
def _template() -> Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_legible,
    )
    return environment.get_template("page.html.j2")
