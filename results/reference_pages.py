"""Writes docs/samplers.md and docs/models.md from what the code itself says, and the site's docs/cli.md.

python results/reference_pages.py        writes both, as guide_pages.py does; a test holds them to be current
"""

from __future__ import annotations

import inspect
import re

import typer
from guide_pages import DOCS, plain, prose, references, rows, section
from typer.cli import get_docs_for_click

from diffbench import cli
from diffbench.contracts import FAMILIES, SAMPLERS
from diffbench.networks import NETWORKS
from diffbench.process import PROCESSES
from diffbench.registry import Registry
from diffbench.samplers import grids

MADE = "<!-- Made by results/reference_pages.py; change the docstrings and run it again. -->"

SAMPLERS_INTRO = """# Samplers

{made}

A sampler sees a noise process and a score, and nothing else: the same one runs on learned, exact, empirical
and perturbed scores, and on yours. In a suite it is a name or a table with parameters, `{{name =
"dpm_solver_pp", steps = 20, order = 3}}`; `sweep = {{steps = [10, 20, 50]}}` is several.

x0_hat = (x + sigma^2 s)/alpha and eps_hat = -sigma s are the estimates of data and noise that a score s
gives; t > s are the times of a step; NFE, the evaluations of the score, is counted for each sample,
rejected steps and correctors included. Which solver and grid is best at few evaluations was
[measured](few_steps.md), the shipped ones are [beside those of diffusers](public_samplers.md), and [a
sampler of yours](adding/sampler.md) is one file.

## Grids

{grids}

## The samplers

"""

MODELS_INTRO = """# Families, processes and networks

{made}

A family says how a score is learned: at which times it trains and how they are weighted. All share one
network and one optimiser loop, whose settings are keys of a [suite](suites.md); a fit belongs to a family,
a process and a network. Each kind can be [added to](plugins.md).

"""


def parts(registry: Registry, own: str = "") -> str:
    """Returns a section for each part: what it is, its parameters, and whose it is.

    Args:
      registry: Where the parts are.
      own: Name of a class attribute to show, with what it holds.
    """
    return "".join(_part(registry, name, own) for name in registry.names())


def _part(registry: Registry, name: str, own: str) -> str:
    entry = registry.entry(name)
    text = inspect.cleandoc(entry.build.__doc__ or "")
    # A class says what its parameters are where it takes them.
    where = inspect.cleandoc(entry.build.__init__.__doc__ or "") if inspect.isclass(entry.build) else text
    first = text.partition("\n")[0].removeprefix("Returns ")
    lines = [f"### `{name}`\n\n{first[:1].upper()}{first[1:]}\n"]
    if body := plain(text):
        lines.append(f"\n{prose(body)}\n")
    if own:
        held = getattr(entry.build, own)
        more = ", ".join(f"{key} = {value!r}" for key, value in held.items() if key != "name")
        sampler = entry.build.sampler
        with_ = ", ".join(f"{key} = {value!r}" for key, value in sampler.items() if key != "name")
        lines.append(
            f"\nBy default on `{held['name']}`{f', {more}' if more else ''}; its own sampler is"
            f" `{sampler['name']}`{f', {with_}' if with_ else ''}.\n"
        )
    if entry.defaults:
        about = {key: words for key, words in section(where, "Args").items() if key in entry.defaults}
        lines.append(
            "\n" + rows({key: about.get(key, "") for key in entry.defaults}, entry.defaults, "parameter")
        )
    if said := references(text):
        lines.append(f"\n{said}")
    return "".join(lines) + "\n"


def samplers_page() -> str:
    """Returns docs/samplers.md."""
    about = inspect.cleandoc(grids.__doc__ or "")
    body = about.partition("\n")[2].strip()
    return SAMPLERS_INTRO.format(made=MADE, grids=prose(body)) + parts(SAMPLERS).rstrip() + "\n"


def models_page() -> str:
    """Returns docs/models.md."""
    kinds = (
        ("Families", FAMILIES, "default_process"),
        ("Processes", PROCESSES, ""),
        ("Networks", NETWORKS, ""),
    )
    text = "".join(f"## {title}\n\n{parts(registry, own)}" for title, registry, own in kinds)
    return MODELS_INTRO.format(made=MADE) + text.rstrip() + "\n"


def commands() -> str:
    """Returns what docs/cli.md holds when the site is built: every command, by Typer's own writer."""
    command = typer.main.get_command(cli.app)
    context = typer.Context(command, info_name="python -m diffbench")
    text = get_docs_for_click(obj=command, ctx=context, name="python -m diffbench")
    # The title is the page's; the list of commands cuts their first lines short, the sections say them whole.
    text = text.partition("\n\n")[2]
    text = re.sub(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+\n", "", text).strip()
    # <suite> in words is no tag of HTML, and the hyphens of an option no dash.
    text = re.sub(r"(?<=`: )(.*)$", lambda found: found[0].replace("<", "\\<"), text, flags=re.MULTILINE)
    text = re.sub(r"(?<=`)(\w+) <[^>`]+>(?=`)", r"\1", text)  # an argument's type says less than its name
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"--[a-z][a-z-]*", r"`\g<0>`", part) for part in parts[::2]]
    return "".join(parts)


PAGES = {"samplers.md": samplers_page, "models.md": models_page}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
