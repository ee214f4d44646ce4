"""The exact command that makes a run again, and its suite as a file where no command says it.

A suite that is shipped, or a part of one, has a command of one line. Any other is told as TOML: written to
`suite.toml`, `python -m diffbench run suite.toml` asks for the same specifications.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

from diffbench.records.places import GIVEN
from diffbench.report.gathered import Gathered
from diffbench.spec import Json, JsonObject

FILE = "suite.toml"
MEASURED, FLOOR = "measure", 199
"""The suite of samples that came in files, and the draws of its floor where nobody says them."""
_LISTS = ("datasets", "families", "samplers", "metrics")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
# What a suite file says by itself, and what a run wrote of the defaults.
_SAID = ("samples", "scores", "training", "network", "standardise", "reference", "floor_draws")


class Again(NamedTuple):
    """How a run is made again.

    Attributes:
      command: The line.
      suite: What `suite.toml` has to hold; empty where the suite is a shipped one.
      note: What else to know.
    """

    command: str
    suite: str = ""
    note: str = ""


def again(found: Gathered) -> Again:
    """Returns how the newest run of a folder is made again."""
    suite: JsonObject = found.run.get("suite") or {}
    out = shlex.quote(str(found.root.name))
    if not suite.get("name"):
        return Again(f"python -m diffbench tables {out}", note="The folder does not say which suite made it.")
    notes = _notes(found)
    # A user's own suite may have that name.
    from_files = any(cell["score"] == GIVEN for cell in found.run["cells"])
    if suite["name"] == MEASURED and from_files and len(suite["datasets"]) == 1:
        return _measured(found, suite, out, notes)
    options = _narrowed(suite)
    if options is not None:
        words = ["python", "-m", "diffbench", "run", str(suite["name"]), *options, "--out", found.root.name]
        return Again(shlex.join(words), note=notes)
    return Again(f"python -m diffbench run {FILE} --out {out}", _toml(suite), notes)


def _notes(found: Gathered) -> str:
    """Returns what else to know of how a folder was made."""
    said = []
    if found.requests > 1:
        said.append(f"{found.requests} requests were run into this folder; this is the newest of them.")
    if any(cell["score"] == GIVEN for cell in found.run["cells"]):
        said.append(
            "Samples came in files, which their digests name; --nfe and --coordinates, where they were "
            "given, are to be given again."
        )
    plugged = sorted({digest[:8] for digest in _plugins(found.run.get("specs", {}))})
    if plugged:
        said.append(f"Parts came from plug-in files (digests {', '.join(plugged)}): add --plugin FILE.")
    return " ".join(said)


def _measured(found: Gathered, suite: Json, out: str, notes: str) -> Again:
    """Returns how samples of files are measured again."""
    (entry,) = suite["datasets"]
    params = {k: v for k, v in entry.items() if k != "name"} if isinstance(entry, Mapping) else {}
    train = params.pop("train_size", None)
    named = str(entry["name"] if isinstance(entry, Mapping) else entry)
    inside = ", ".join(f"{_key(k)}={_value(v)}" for k, v in params.items() if v is not None)
    models = {
        str(cell["family"])
        for cell in found.run["cells"]
        if cell["score"] == GIVEN and cell["n_samples"] == suite.get("samples")
    }
    words = ["python", "-m", "diffbench", "measure", *["FILE"] * max(1, len(models))]
    words += ["--dataset", f"{named}({inside})" if inside else named]
    words += ["--metrics", ",".join(_label(metric) for metric in suite.get("metrics") or ["all"])]
    words += ["--label", *models] if len(models) == 1 else []
    words += ["--train", "FILE"] if train else []
    words += ["--reference", str(suite["reference"])] if suite.get("reference") else []
    words += ["--floor-draws", str(suite["floor_draws"])] if suite.get("floor_draws", FLOOR) != FLOOR else []
    return Again(f"{shlex.join(words)} --out {out}", note=notes)


def _plugins(spec: object) -> set[str]:
    """Returns the digests of plug-in files in a specification."""
    if not isinstance(spec, Mapping):
        return set()
    mine = {str(spec["plugin"])} if spec.get("plugin") else set()
    return mine.union(*(_plugins(value) for value in spec.values()))


def _narrowed(suite: Json) -> list[str] | None:
    """Returns the options that make a suite of the shipped one of its name, or None where none do."""
    shipped = _shipped(str(suite["name"]))
    if shipped is None or any(_differs(suite, shipped, key) for key in _SAID):
        return None
    options: list[str] = []
    for key in _LISTS:
        mine, theirs = list(suite.get(key) or []), list(shipped.get(key, suite.get(key)) or [])
        if mine == theirs:
            continue
        if any(entry not in theirs for entry in mine):
            return None
        options += [f"--{key}", ",".join(_label(entry) for entry in mine)]
    if suite.get("seeds") != shipped.get("seeds", suite.get("seeds")):
        options += ["--seeds", str(suite["seeds"])]
    return options + (["--replicas", str(suite["replicas"])] if suite.get("replicas") else [])


def _differs(suite: Json, shipped: Json, key: str) -> bool:
    if key not in shipped:
        return False
    mine, theirs = suite.get(key), shipped[key]
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        return any(mine.get(name) != value for name, value in theirs.items())
    return bool(mine != theirs)


def _shipped(name: str) -> JsonObject | None:
    # A name is text of the user's: only a plain one is looked for.
    if not _BARE.fullmatch(name):
        return None
    file = resources.files("diffbench.suites") / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _label(entry: str | Json) -> str:
    return entry if isinstance(entry, str) else str(entry.get("label") or entry["name"])


def _toml(suite: Json) -> str:
    """Returns a suite as TOML: single values first, then tables."""
    known = {key: value for key, value in suite.items() if value not in (None, {}, [])}
    plain = [f"{_key(k)} = {_value(v)}" for k, v in known.items() if not isinstance(v, Mapping)]
    tables = [
        "\n".join(
            [
                "",
                f"[{_key(k)}]",
                *(f"{_key(name)} = {_value(one)}" for name, one in v.items() if one is not None),
            ]
        )
        for k, v in known.items()
        if isinstance(v, Mapping)
    ]
    return "\n".join([*plain, *tables, ""])


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else json.dumps(text)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    # JSON's strings, numbers and booleans are TOML's too, but for a surrogate pair.
    return json.dumps(value, ensure_ascii=False)
