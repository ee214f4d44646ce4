"""One thread for JAX; the tiny suite and the command line as fixtures."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from tiny_suite import TINY

if TYPE_CHECKING:  # JAX must not start before its settings are there
    from diffbench.records.store import Store

# One thread, as every worker has, and no GPU: before JAX starts.
os.environ.setdefault("PJRT_NPROC", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")


# Begun first: a long file that begins last leaves every other core idle.
LONGEST = (
    "reliability/test_sweeps.py",
    "judges/test_type_one.py",
    "reliability/test_engine_cluster.py",
    "metrics/test_two_sample.py",
    "planted/test_planted_metrics.py",
    "tests/test_tutorials.py",
    "testing/test_datasets.py",
    "reliability/test_races.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of the longest files first; the others stay as they were."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((i for i, name in enumerate(LONGEST) if path.endswith(name)), len(LONGEST))

    items.sort(key=place)


@pytest.fixture
def tiny() -> Callable[..., dict[str, Any]]:
    """Returns a function that gives the tiny suite, with some keys changed."""

    def make(**changes: Any) -> dict[str, Any]:
        return {**copy.deepcopy(TINY), **changes}

    return make


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Returns the folder of a finished run of the tiny suite, for all who would train it; copy it to change it."""
    from diffbench.records.store import Store
    from diffbench.stages import harness
    from diffbench.suites import suite as suites
    from diffbench.suites.cells import expand

    suite, store = suites.parse(TINY), Store(tmp_path_factory.mktemp("trained") / "run")
    tally = harness.run(suite.model_dump(), expand(suite), store, workers=0)
    assert tally.failed == []
    return store


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Returns a function that calls the command line in this process, where JAX is imported already."""
    from plugin_files import plugins_forgotten

    from diffbench import cli

    def call(*args: object, cwd: object) -> subprocess.CompletedProcess[str]:
        words = ["diffbench", *map(str, args)]
        before = {
            number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        with plugins_forgotten(), mock.patch.dict(os.environ), pytest.MonkeyPatch.context() as patch:
            patch.chdir(str(cwd))
            patch.setattr(sys, "argv", words)
            capsys.readouterr()
            try:
                cli.main()
            except SystemExit as left:
                code = int(left.code or 0)
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, out, err)

    return call
