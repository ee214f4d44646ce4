"""One thread for JAX; the tiny suite and the command line as fixtures."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from tiny_suite import TINY

# One thread, as every worker has, and no GPU: before JAX starts.
os.environ.setdefault("PJRT_NPROC", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")


@pytest.fixture
def tiny() -> Callable[..., dict[str, Any]]:
    """Returns a function that gives the tiny suite, with some keys changed."""

    def make(**changes: Any) -> dict[str, Any]:
        return {**copy.deepcopy(TINY), **changes}

    return make


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
