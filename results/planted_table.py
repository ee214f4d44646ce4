"""Runs every defect and broken model under every judge, and writes what `docs/validity.md` shows of them.

    python results/validity.py planted           # the page again, from the committed results
    python results/validity.py planted --write   # run all at n = 10,000 first

The results carry a digest of what they were made from, so that a test can tell when they are out of date: the
text of the planted modules, and the versions of the parts that they judge. A part whose results change has a
new version (`tests/test_golden.py` sees to that); a comment or a new metric changes nothing.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import broken_models
import calibration_table
import pandas as pd
from planted_defects import DEFECTS
from planted_judging import COLUMNS, DRAWS, mean_z, word
from planted_record import NINE, Defect, Trial

from diffbench.contracts import DATASETS, METRICS, SAMPLERS
from diffbench.families.score_sde import ScoreSDE
from diffbench.process import PROCESSES
from diffbench.programs import training
from diffbench.records.provenance import provenance
from diffbench.spec import identify
from diffbench.tables import markup

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "tests" / "validity" / "planted"
RESULTS = ROOT / "results" / "reference" / "validity" / "planted.json"
PAGE = ROOT / "docs" / "validity.md"
N, FLOOR_DRAWS = 10_000, 99
UNDECIDING = re.compile(r"(?m)^\s*(?:#.*|import .*|from [\w.]+ import (?:\([^)]*\)|.*))\n")
DECIDING = (
    "broken_models",
    "planted_defects",
    "planted_judging",
    "planted_checks",
    "planted_learning",
    "planted_processes",
    "planted_record",
    "planted_samplers",
)


def digest() -> str:
    """Returns the name of what the results are made from."""
    texts = {name: (HERE / f"{name}.py").read_text(encoding="utf-8") for name in DECIDING}
    settings = {trial.setting for defect in DEFECTS for trial in defect.trials}
    return identify(
        {
            # Lines of comment decide nothing, and neither does where a name is imported from.
            "modules": {name: UNDECIDING.sub("", text) for name, text in texts.items()},
            "metrics": {m: METRICS.build(m).version for s in settings for m in s.metrics},
            "datasets": {s.dataset: DATASETS.build(s.dataset, **dict(s.params)).version for s in settings},
            "samplers": {name: SAMPLERS.build(name).version for name in SAMPLERS_USED},
            "family": ScoreSDE.version,
            "versions": [PROCESSES.version_of("vp"), training.VERSION],
        }
    )


SAMPLERS_USED = ("ancestral", "annealed_langevin", "euler_maruyama", "probability_flow")


def identity_of(defect: Defect) -> dict[str, Any]:
    """Returns what a defect's identity says of the sound and of the broken subject."""
    sound, broken = defect.check.error(defect.sound()), defect.check.error(defect.broken())
    bound = defect.check.bound
    # A NaN is caught.
    return {
        "sound": sound,
        "broken": broken,
        "bound": bound,
        "caught": sound <= bound and not broken <= bound,
    }


def trial_of(trial: Trial, n: int, floor_draws: int) -> dict[str, dict[str, float]]:
    """Returns mean z by column of the sound and of the broken variant."""
    return {
        "sound": _mean_z_of(trial.setting, trial.sound(), n, floor_draws),
        "broken": _mean_z_of(trial.setting, trial.broken(), n, floor_draws),
    }


@functools.cache
def _mean_z_of(setting: Any, variant: Any, n: int, floor_draws: int) -> dict[str, float]:
    return mean_z(setting, variant.program(setting.build(), n), n, floor_draws)


def model_of(model: broken_models.BrokenModel, n: int, floor_draws: int) -> dict[str, float]:
    """Returns mean z by column of a broken model."""
    return mean_z(NINE, broken_models.drawer(model, n), n, floor_draws)


def copied_of(model: broken_models.BrokenModel, n: int) -> float:
    """Returns the share of a broken model's samples that are points of its training set."""
    return broken_models.copied_share(broken_models.drawer(model, n)(0), broken_models.training_set(n, 0))


def run(n: int, floor_draws: int, tell: Callable[[str], None] = print) -> dict[str, Any]:
    """Returns the results of everything, JSON."""
    # Before anything runs: a module that is edited meanwhile is not what is running.
    name = digest()
    rows: list[dict[str, Any]] = []
    for defect in DEFECTS:
        held = identity_of(defect)
        for trial in defect.trials:
            found = trial_of(trial, n, floor_draws)
            rows.append({"number": defect.number, "defect": defect.text, "setting": trial.setting.label})
            rows[-1] |= {
                "note": trial.note,
                "check": defect.check.text,
                **{f"check_{k}": v for k, v in held.items()},
            }
            rows[-1] |= {"sound": found["sound"], "z": found["broken"]}
            tell(f"{defect.number} {trial.setting.label}: {found}")
    models = []
    for model in (broken_models.TRUTH, *broken_models.MODELS):
        models.append(
            {"model": model.name, "z": model_of(model, n, floor_draws), "copied": copied_of(model, n)}
        )
        tell(f"{models[-1]}")
    about = {
        "n": n,
        "floor_draws": floor_draws,
        "draws": DRAWS,
        "digest": name,
        "provenance": provenance(),
    }
    return {"about": about, "defects": rows, "models": models}


def frame(results: Mapping[str, Any]) -> pd.DataFrame:
    """Returns one row for each defect and setting, with mean z and its word by column."""
    rows = []
    for row in results["defects"]:
        words = {f"{c}_word": word(z) for c, z in row["z"].items()}
        rows.append({**{k: v for k, v in row.items() if k not in ("z", "sound")}, **row["z"], **words})
    return pd.DataFrame(rows)


def _cell(z: float | None) -> str:
    """Returns a mean z for the page: bold where seen, in brackets where blind."""
    if z is None:
        return ""
    shown = f"{z:.1f}" if abs(z) < 100 else f"{z:,.0f}" if abs(z) < 1e5 else f"{z:.0e}"
    return {"seen": f"**{shown}**", "weak": shown, "blind": f"({shown})"}[word(z)]


def _plain(cell: str) -> str:
    """Returns a cell of Markdown whose bars are its own."""
    return cell.replace("|", "\\|")


def defect_table(results: Mapping[str, Any]) -> list[str]:
    """Returns the Markdown table of the defects under the metrics, then under their identities."""
    judged = [
        [str(row["number"]), row["defect"], f"{row['setting']}; {row['note']}"]
        + [_cell(row["z"].get(c)) for c in COLUMNS]
        + [f"{max(row['sound'].values()):.1f}"]
        for row in results["defects"]
    ]
    head = ["", "defect", "judged on", *(f"`{c}`" for c in COLUMNS), "sound twin, largest"]
    held = {
        row["number"]: [
            str(row["number"]),
            row["check"],
            *(f"{row[f'check_{k}']:.2g}" for k in ("sound", "broken", "bound")),
        ]
        for row in results["defects"]
    }
    identities = markup.table(["", "identity", "sound twin", "broken", "bound"], [*held.values()], _plain)
    return [
        *markup.table(head, judged, _plain),
        "",
        "What catches each of them without looking at samples:",
        "",
        *identities,
    ]


def model_table(results: Mapping[str, Any]) -> list[str]:
    """Returns the Markdown table of the broken models."""
    columns = [c for c in COLUMNS if c in results["models"][0]["z"]]
    rows = [
        [row["model"], *(_cell(row["z"].get(c)) for c in columns), f"{row['copied']:.0%}"]
        for row in results["models"]
    ]
    return markup.table(["model", *(f"`{c}`" for c in columns), "share of training points"], rows, _plain)


def made_by(results: Mapping[str, Any]) -> str:
    """Returns the line that says what made the results."""
    about, by = results["about"], results["about"]["provenance"]
    return (
        f"Mean z over {about['draws']} draws of n = {about['n']:,}, a reference of {about['n']:,}, a floor"
        f" of {about['floor_draws']} truth draws; JAX {by['jax']}, Python {by['python']}; digest"
        f" `{about['digest']}`."
    )


def page(text: str, results: Mapping[str, Any]) -> str:
    """Returns the page with its tables made again."""
    made = [made_by(results), ""]
    blocks = {
        "planted": [*made, *defect_table(results)],
        "models": [*made, *model_table(results)],
        **{name: [calibration_table.markdown(name).rstrip()] for name in ("type_one", "orders")},
    }
    for name, lines in blocks.items():
        begin, end = f"<!-- begin:{name} -->", f"<!-- end:{name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = "\n".join([before + begin, "", *lines, "", end]) + after
    return text


def main(arguments: list[str]) -> None:
    """Runs all, if asked to, and writes the page."""
    parser = argparse.ArgumentParser(prog="planted", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="run everything first")
    parser.add_argument("--n", type=int, default=N, help="samples in a draw")
    parser.add_argument("--floor-draws", type=int, default=FLOOR_DRAWS, help="truth draws in a floor")
    asked = parser.parse_args(arguments)
    if asked.write:
        text = json.dumps(
            run(asked.n, asked.floor_draws, lambda line: print(line, flush=True)), indent=1, sort_keys=True
        )
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(text + "\n", encoding="utf-8")
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
