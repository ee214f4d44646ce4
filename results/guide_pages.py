"""Writes docs/metrics.md and docs/suites.md from what the code itself says: docstrings, defaults, registries.

python results/guide_pages.py            writes both, and the pages of reference_pages.py; tests hold them
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from diffbench.contracts import METRICS
from diffbench.networks.mlp import ScoreNetwork
from diffbench.programs.training import Training
from diffbench.suites.suite import Suite, load, shipped
from diffbench.tables import markup

DOCS = Path(__file__).resolve().parent.parent / "docs"
MADE = "<!-- Made by results/guide_pages.py; change the docstrings and run it again. -->"

METRICS_INTRO = """# Metrics

{made}

What each metric measures, by the docstrings of the code. How we know that they read right is in
[Validity](validity.md), how tables show them in [How to read the tables](reading.md).

{metrics}

A metric *needs* samples, or the score alone, and of the dataset what else is named there; a dataset that
has it is offered the metric.

**Units.** Distances are between standardised points, (x - mean)/scale, with one scale for all dimensions:
it stands in `diffbench list --verbose` and in the `repr` of a dataset. Values are raw and signed: squared
distances are not rooted, nothing is clipped. So the Wasserstein distance in data units is `data.scale *
w2 ** 0.5`, and an energy distance in data units is `data.scale * energy`. With `standardise = false`
distances are in data units already.

**Floor.** `two_sample`: the value stands beside what fresh truth reads at the same n, with z and p.
`two_sided`: truth against truth scales the value, which has no z. No floor: what a perfect score reads is
known.

**Blindness.** `energy` and `sliced_w2` see mass that moves from one place to another and little of the
shape within a mode; `mmd2_local` sees that; `mode_tv` sees the shares of modes and nothing else; no
two-sample metric sees copies of the training set (`memorisation` does); `score_error` at low noise is
blind to wrong weights of modes. [Broken models](validity.md#broken-models) measure all this.

**Cost.** A floor of 199 draws at n = 5,000 in two dimensions, on one core, takes about 4 s (`prdc`), 8
(`energy`), 10 (`sliced_w2`), 16 (`detection_n`), 20 (`mode_tv`), 25 (`mmd2`) and 40 (`w2`, on its
subsample); it is stored and used again. Pairs are O(n^2) in time, O(n) in memory. `kl` and `nll` solve an
ODE for each of 512 points.

"""

SUITES_INTRO = """# Suites

{made}

A suite is a TOML file that asks for a comparison; `python -m diffbench run FILE` runs it and `--dry-run`
says what it would do. Everything is checked before any work; a wrong key or value is one line. Shipped are

{shipped}

One of yours looks like this:

```toml
datasets = ["nine_gaussians", {{name = "circle", thickness = 0.02, metrics = ["manifold_distance"]}}]
families = ["ddpm", {{name = "score_sde", process = {{name = "vp", beta_max = 10.0}}}}]
samplers = ["own", {{name = "ancestral", sweep = {{steps = [50, 200]}}}}]
scores = ["learned", "exact", {{name = "perturbed", of = "exact", size = 0.1}}]
metrics = ["energy", "mmd2"]
seeds = 5
samples = 2000

[network]
widths = [80, 80, 80]

[training]
steps = 2500
sweep = {{batch = [64, 256]}}
```

## Keys

"""

ENTRIES = """
## Entries of lists

An entry is a name, or a table with a `name` and parameters of the part (`python -m diffbench list` shows
all with their defaults). Some keys of a table belong to the suite:

| key | of | what it does |
|---|---|---|
| `label` | any | what tables call it, in place of its name and parameters |
| `sweep` | any | lists of values, of parameters or of the keys below; the entry stands for their product |
| `train_size` | datasets | points of a finite training set; unlimited data without it |
| `points` | datasets | `"even"`: training points that stand evenly (`circle`); with `train_size` |
| `metrics` | datasets | metrics of this dataset, in place of the suite's |
| `process` | families | the noise process: a name or a table; the family's own by default |
| `samplers` | families | samplers of this family, in place of the suite's |
| `network` | families | a table over the suite's `[network]` |
| `of` | scores | of `perturbed`: which score has the known error |

`samplers = ["own"]` is the sampler of each family's paper, `"all"` every one that fits its process;
`metrics = ["all"]` is every metric that fits the dataset. Of `scores`, `exact` needs a known truth, and
`empirical` a `train_size`. `{name = "arrays", train = "mine.npy"}` is data of yours without a truth and
`{name = "mixture", file = "mine.json"}` a Gaussian mixture of yours with one; scikit-learn's moons are
other moons than `two_moons`, whose arcs have a Gaussian thickness and so a density: measure samples of
those against `arrays`.

Two entries that come to the same specification are one row, whatever they are called.
"""


def section(docstring: str, name: str) -> dict[str, str]:
    """Returns the entries of a Google-style section of a docstring."""
    text = inspect.cleandoc(docstring)
    found = re.search(rf"^{name}:\n((?:  .*\n?|\n)+)", text + "\n", flags=re.MULTILINE)
    entries: dict[str, str] = {}
    for line in (found[1] if found else "").splitlines():
        match = re.match(r"  (\w+): (.*)", line)
        if match:
            entries[match[1]] = match[2]
        elif line.strip() and entries:
            entries[next(reversed(entries))] += " " + line.strip()
    return entries


def rows(
    entries: dict[str, str],
    defaults: dict[str, object],
    head: str = "key",
    spelled: Callable[[object], str] = repr,
) -> str:
    """Returns a Markdown table: key, default, what it is."""
    lines = []
    for key, about in entries.items():
        default = defaults.get(key)
        required = default is inspect.Parameter.empty
        shown = "required" if required else f"`{spelled(default)}`" if key in defaults else ""
        shown = "" if shown == "``" else shown
        lines.append([f"`{key}`", shown, about.replace("|", chr(92) + "|")])
    return "\n".join([*markup.table([head, "default", "what it is"], lines, str), ""])


def toml(default: object) -> str:
    """Returns a default as a suite file spells it; nothing where it is to be left out."""
    return "" if default is None else json.dumps(default)


def plain(docstring: str) -> str:
    """Returns a docstring without its first line and its sections."""
    text = inspect.cleandoc(docstring)
    body = text.partition("\n")[2]
    body = re.split(r"^(?:Args|Example|Raises|Returns|References):", body, flags=re.MULTILINE)[0]
    return body.strip("\n").rstrip()  # an indented first line keeps its place


def prose(docstring: str) -> str:
    """Returns the text of a docstring as Markdown; what stands indented, formulas and lists, are blocks."""

    def block(match: re.Match[str]) -> str:
        return f"\n```text\n{textwrap.dedent(match[0]).strip()}\n```\n"

    shown = re.sub(r"^(?: {2,}\S.*\n?)+", block, docstring + "\n", flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", shown).strip()


def references(docstring: str) -> str:
    """Returns the references of a docstring as one paragraph; nothing where there are none."""
    found = re.search(r"^References:\n((?:  .*\n?)+)", docstring + "\n", flags=re.MULTILINE)
    return f"{' '.join(found[1].split())}\n" if found else ""


def idea(docstring: str) -> str:
    """Returns the section of a module: a head from its first line, its text, and its references."""
    text = inspect.cleandoc(docstring)
    first = text.partition("\n")[0]
    head = re.split("[:,]", first)[0].rstrip(".")
    parts = [f"## {head}", "" if first == f"{head}." else first, prose(plain(text)), references(text).strip()]
    return "\n\n".join(part for part in parts if part) + "\n\n"


def metrics_page() -> str:
    """Returns docs/metrics.md."""
    parts = [METRICS_INTRO.format(made=MADE, metrics=_overview())]
    modules: dict[str, list[str]] = {}
    for name in METRICS.names():
        modules.setdefault(METRICS.entry(name).build.__module__, []).append(name)
    for module, names in sorted(modules.items(), key=lambda item: item[1][0]):
        parts.append(idea(sys.modules[module].__doc__ or ""))
        parts += [_metric(name) for name in names]
    return "".join(parts).rstrip() + "\n"


def _overview() -> str:
    lines = []
    for name in METRICS.names():
        built = METRICS.build(name)
        floor = (built.floor or "none").replace("_", "-")
        lines.append(
            [f"[`{name}`](#{name})", _first(name).replace("|", chr(92) + "|"), ", ".join(built.needs), floor]
        )
    return "\n".join(markup.table(["metric", "what it says", "needs", "floor"], lines, str))


def _first(name: str) -> str:
    """Returns the first line of a metric's docstring, as a sentence of its own."""
    text = inspect.cleandoc(METRICS.entry(name).build.__doc__ or "")
    first = text.partition("\n")[0].removeprefix("Returns ")
    return first[:1].upper() + first[1:]


def _metric(name: str) -> str:
    entry = METRICS.entry(name)
    built, text = METRICS.build(name), inspect.cleandoc(entry.build.__doc__ or "")
    lines = [f"### `{name}`\n\n{_first(name)}\n"]
    if body := plain(text):
        lines.append(f"\n{prose(body)}\n")
    columns = [
        [
            f"`{column}`",
            {"truth": "towards truth"}.get(about.better, about.better),
            "" if about.perfect is None else f"{about.perfect:g}",
        ]
        for column, about in built.columns.items()
    ]
    lines += ["\n", *(f"{line}\n" for line in markup.table(["column", "better", "perfect"], columns, str))]
    floor = built.floor or "none"
    lines.append(f"\nNeeds: {', '.join(built.needs)}. Floor: {floor}. Version {built.version}.\n")
    if entry.defaults:
        lines.append("\n" + rows(section(text, "Args"), entry.defaults, "parameter"))
    if said := references(text):
        lines.append(f"\n{said}")
    return "".join(lines) + "\n"


def suites_page() -> str:
    """Returns docs/suites.md."""
    fields = Suite.model_fields
    defaults = {key: inspect.Parameter.empty if f.is_required() else f.default for key, f in fields.items()}
    about = section(Suite.__doc__ or "", "Attributes")
    suites = [[f"`{name}`", load(name).description] for name in shipped()]
    shown = "\n".join(markup.table(["suite", "what it compares"], suites, str))
    training = {k: p.default for k, p in inspect.signature(Training).parameters.items()}
    network = {
        key: parameter.default
        for key, parameter in inspect.signature(ScoreNetwork.__init__).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and key != "name"
    }
    entries = {key: value for key, value in section(ScoreNetwork.__init__.__doc__ or "", "Args").items()}
    return (
        SUITES_INTRO.format(made=MADE, shipped=shown)
        + rows(about, {**defaults, "name": None}, spelled=toml)
        + ENTRIES
        + "\n## `[training]`\n\nThe one optimiser loop. A `sweep` gives several budgets, each with rows.\n\n"
        + rows(section(Training.__doc__ or "", "Attributes"), training, spelled=toml)
        + "\n## `[network]`\n\nWhat all families share; `name` takes another than `mlp`, whose keys are:\n\n"
        + rows({key: value for key, value in entries.items() if key in network}, network, spelled=toml)
        + "\n## `[full]`\n\nKeys that `--full` puts in place of the suite's; tables are merged key by key.\n"
    )


PAGES = {"metrics.md": metrics_page, "suites.md": suites_page}

if __name__ == "__main__":
    import reference_pages

    for name, make in {**PAGES, **reference_pages.PAGES}.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
