"""The command line: parses, prints, sets exit codes; all work lies below.

Nothing heavy is imported to parse or to print help. Exit codes: 0 all cells are ok, 1
some are not (they are rows, with reasons), 2 the request itself was wrong.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from diffbench import __version__, interrupts
from diffbench.signs import plain, speakable

app = typer.Typer(
    name="diffbench",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback where a request is wrong.")]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="FILE", help="Load a Python file that registers parts; any number."),
]
Only = Annotated[str | None, typer.Option(metavar="NAMES", help="Only these, separated by commas.")]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="A results folder, such as results/quick.")]
Workers = Annotated[
    int | None, typer.Option(metavar="N", help="Worker processes; one a core by default, 0 for none.")
]
Report = Annotated[
    bool | None,
    typer.Option("--report/--no-report", help="Write report.html at the end; as figures by default."),
]
Style = Annotated[
    Literal["screen", "paper"],
    typer.Option("--style", help="Of the figures: paper has serifs, for a column."),
]


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _ready() -> None:
    """Readies the environment for the next import: XLA reads it when JAX starts."""
    from diffbench.programs import arithmetic
    from diffbench.workers.engine import ONE_THREAD

    os.environ.update(ONE_THREAD)
    for said in arithmetic.settle():
        print(f"left out: {plain(said)}, which changes bits", file=sys.stderr)


def _version(asked: bool) -> None:
    if asked:
        print(f"diffbench {__version__}")
        raise typer.Exit


@app.callback()
def diffbench(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """How good is a diffusion model, and why does it err: comparisons on data whose truth is known."""


@app.command(short_help="Run a comparison; only what is not stored yet is done.")
def run(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="A shipped suite's name, or a path to a TOML file.")
    ] = "quick",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Results folder; results/<suite> by default.")
    ] = None,
    datasets: Only = None,
    families: Only = None,
    samplers: Only = None,
    metrics: Only = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Number of seeds, counted from 0; the suite's by default.")
    ] = None,
    workers: Workers = None,
    cell_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End what takes longer; it becomes a row.")
    ] = None,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory of a worker, such as 4GiB; a share by default.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Use a running Dask scheduler: tcp://host:8786.")
    ] = None,
    scheduler_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The same, from the file that a scheduler wrote.")
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(metavar="N", help="Seeds trained at once, in one program; 8 on GPUs, else 1."),
    ] = None,
    plugin: Plugins = None,
    full: Annotated[
        bool, typer.Option("--full", help="The full scale of a suite that is scaled down by default.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed, but not what diverged.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and stop.")] = False,
    figures: Annotated[bool, typer.Option(help="Draw the figures at the end.")] = True,
    style: Style = "screen",
    report: Report = None,
    debug: Debug = False,
) -> None:
    """Run a comparison: fit, draw and measure what is not stored yet, then write tables, figures, report."""
    from diffbench import checks
    from diffbench.workers import devices
    from diffbench.workers.engine import Settings

    if seeds is not None:
        checks.count("--seeds", seeds)
    _ready()
    gpus = devices.settle(workers, scheduler is not None or scheduler_file is not None)
    from diffbench import application

    narrowed = {"datasets": datasets, "families": families, "samplers": samplers, "metrics": metrics}
    chosen = {key: _names(text) for key, text in narrowed.items()}
    request = application.Request(
        suite=suite,
        out=out,
        seeds=seeds,
        full=full,
        settings=Settings(
            workers=workers,
            cell_timeout=cell_timeout,
            memory_limit=memory_limit,
            scheduler=scheduler,
            scheduler_file=None if scheduler_file is None else str(scheduler_file),
            gpus=gpus,
        ),
        replicas=replicas,
        plugins=tuple(plugin or ()),
        retry_failed=retry_failed,
        figures=figures,
        style=style,
        report=report,
        chosen={key: names for key, names in chosen.items() if names is not None},
    )
    raise typer.Exit(application.dry_run(request) if dry_run else application.run(request))


@app.command(short_help="Measure samples of any model against the truth of a dataset.")
def measure(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Samples: .npy, .npz, .csv, .parquet or .safetensors, or a folder of "
            "samples_seed0.npy, samples_seed1.npy; each is a row.",
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What they are samples of: a name as of `list`, or 'circle(thickness=0.1)'.",
        ),
    ],
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Only these, separated by commas; 'all' for every one that fits.",
        ),
    ] = None,
    nfe: Annotated[
        int | None, typer.Option(metavar="N", help="Score evaluations of each sample, for the table.")
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="TEXT", help="What tables call the samples.")] = None,
    train: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Training points: are the samples copies of them?")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Show the rows of a results folder beside.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Results folder; floors in it are used again.")
    ] = Path("results/measure"),
    coordinates: Annotated[
        str,
        typer.Option(metavar="KIND", help="Of the samples: data, or standardised for (x - mean)/scale."),
    ] = "data",
    reference: Annotated[
        int | None, typer.Option(metavar="N", help="Points of the reference; by default as many as samples.")
    ] = None,
    floor_draws: Annotated[int, typer.Option(metavar="N", help="Truth draws behind each noise floor.")] = 199,
    workers: Workers = None,
    plugin: Plugins = None,
    figures: Annotated[bool, typer.Option(help="Draw the figures at the end.")] = True,
    style: Style = "screen",
    report: Report = None,
    debug: Debug = False,
) -> None:
    """Measure samples of any model, made by any framework, against the truth of a dataset."""
    from diffbench.workers import devices
    from diffbench.workers.engine import Settings

    _ready()
    gpus = devices.settle(workers, scheduled=False)
    from diffbench import application

    request = application.Measure(
        files=tuple(files),
        dataset=dataset,
        metrics=tuple(_names(metrics) or ()),
        nfe=nfe,
        label=label,
        train=train,
        against=against,
        out=out,
        coordinates=coordinates,
        reference=reference,
        floor_draws=floor_draws,
        settings=Settings(workers=workers, gpus=gpus),
        plugins=tuple(plugin or ()),
        figures=figures,
        style=style,
        report=report,
    )
    raise typer.Exit(application.measure(request))


@app.command(short_help="Rebuild the tables from stored results, with no training.")
def tables(
    folder: Folder,
    debug: Debug = False,
) -> None:
    """Rebuild the tables from stored results; nothing is trained, drawn or measured."""
    from diffbench import console
    from diffbench.records.store import Store
    from diffbench.tables import long as build

    store = Store(folder)
    columns = build.read_run(store)["columns"]
    console.say_paths("tables", build.write(store, build.build(store), columns))


@app.command(short_help="Make an HTML page: who is best, how sure, where each errs.")
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN", help="Results folders; of several, the first is the measure of the others."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page; report.html in RUN, or here for several."),
    ] = None,
    figures: Annotated[bool, typer.Option(help="Draw the figures that are not there yet.")] = True,
    debug: Debug = False,
) -> None:
    """Make one HTML file of stored results: who is best and how sure, where each errs, with the pictures."""
    _ready()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # nothing is computed that a GPU should wake for
    from diffbench import application

    raise typer.Exit(application.report(application.Report(tuple(folders), out, figures)))


@app.command(short_help="Say what got better or worse from one run to another.")
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="The results folder that is the measure.")],
    run_b: Annotated[
        Path, typer.Argument(metavar="RUN_B", help="The results folder that is held against it.")
    ],
    fail_on: Annotated[
        str | None, typer.Option("--fail-on", metavar="worse", help="Exit with 1 where something got worse.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="FORM", help="text, or md for a table in GitHub's Markdown.")
    ] = "text",
    debug: Debug = False,
) -> None:
    """Say what got better or worse from one run to another; rows pair by what they are and by seed."""
    from diffbench import checks

    checks.choice("--format", form, ("text", "md"))
    if fail_on is not None:
        checks.choice("--fail-on", fail_on, ("worse",))
    from diffbench import console
    from diffbench.records.store import Store
    from diffbench.tables import against

    sides = [against.side_of(Store(folder, frozen=True)) for folder in (run_a, run_b)]
    found = against.of(*sides)
    console.say_compared(found, str(run_a), str(run_b), form)
    raise typer.Exit(1 if fail_on and (found.rows["verdict"] == fail_on).any() else 0)


@app.command(short_help="Check every digest, and measure stored samples again.")
def verify(
    folder: Folder,
    plugin: Plugins = None,
    tolerance: Annotated[
        float,
        typer.Option(metavar="X", help="Relative difference at which a value still counts as the same."),
    ] = 1e-4,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Worker processes; one a core by default once it takes long."),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Move what is broken to quarantine, to be made again."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Check every digest and measure the stored samples again; without --repair nothing is written.

    Exit code 1 if anything is broken or disagrees. Parts of plug-ins are only built where their
    file is given.
    """
    from diffbench.workers import devices
    from diffbench.workers.engine import Settings

    _ready()
    Settings(workers=workers)
    devices.settle(0, scheduled=False)  # measured as it was
    from diffbench import application

    raise typer.Exit(application.verify(folder, tuple(plugin or ()), tolerance, workers, repair))


@app.command(name="list", short_help="Name every part with its parameters and defaults.")
def list_parts(
    plugin: Plugins = None,
    load: Annotated[
        bool, typer.Option("--load", help="Import plug-ins of other packages, to show their parameters.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the geometry of datasets: mean, scale, lengths.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Name every registered thing with its parameters, defaults and the truths it offers."""
    _ready()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # nothing is computed that a GPU should wake for
    from diffbench import application

    application.list_parts(tuple(plugin or ()), load, verbose)


def main() -> None:
    """Runs the command line; a wrong request is one line on stderr and exit code 2."""
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    for stream in (sys.stdout, sys.stderr):
        speakable(stream)
    interrupts.stop_on_signals()
    try:
        code = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        code = interrupts.INTERRUPTED
    except Exception as error:
        # Usage errors are click's, of which some typers carry a copy of their own.
        told = getattr(error, "format_message", None)
        if told is None and not _wrong_request(error):
            raise
        if "--debug" in sys.argv and told is None:
            raise
        spelled = getattr(error, "spelled", None)
        said = spelled(_option) if spelled else str(error)
        _fail(told() if told else _without_folder(error) or said or type(error).__name__)
    if code == interrupts.INTERRUPTED:
        with contextlib.suppress(OSError):  # the terminal may be what has gone
            print("stopped; all that is done is kept: the same command goes on from there", file=sys.stderr)
    sys.exit(code)


def _option(name: str) -> str:
    """Returns how a person at a terminal spells a setting."""
    return "--" + name.replace("_", "-")


def _wrong_request(error: Exception) -> bool:
    """Returns whether an error is of what was asked for, and not a fault of this program."""
    return isinstance(error, ValueError | TypeError | OSError) and not isinstance(error, UnicodeError)


def _without_folder(error: Exception) -> str | None:
    """Returns what to say where a path means nothing, for the working folder is gone."""
    if isinstance(error, FileNotFoundError):
        try:
            os.getcwd()
        except FileNotFoundError:
            return "the folder that this was started in is gone; change to one that is there"
    return None


def _fail(message: str) -> None:
    print("diffbench: " + plain(" ".join(message.split())), file=sys.stderr)
    sys.exit(2)
