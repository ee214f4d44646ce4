"""Noise processes: what one is (`base`), those in closed form, and those of a table.

A file of this folder that registers one is found by itself.
"""

import importlib
import sys
import types
from typing import Any

from diffbench.process.base import PROCESSES as PROCESSES
from diffbench.process.base import Array as Array
from diffbench.process.base import Constants as Constants
from diffbench.process.base import Process as Process
from diffbench.process.base import TimeFunction as TimeFunction
from diffbench.process.base import prior_kl as prior_kl
from diffbench.process.base import time_of_log_snr as time_of_log_snr
from diffbench.process.betas import from_betas as from_betas
from diffbench.spec import Parameter


class _Named(types.ModuleType):
    """This package, which `diffbench.process("vp")` calls: that name is the library's too."""

    def __call__(self, name: str = "vp", /, **params: Parameter) -> Any:
        return importlib.import_module("diffbench.api.noise").process(name, **params)


sys.modules[__name__].__class__ = _Named
