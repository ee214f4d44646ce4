"""Noise processes: what one is (`base`), those in closed form, and those of a table.

A file of this folder that registers one is found by itself.
"""

from diffbench.process.base import PROCESSES as PROCESSES
from diffbench.process.base import Array as Array
from diffbench.process.base import Constants as Constants
from diffbench.process.base import Process as Process
from diffbench.process.base import TimeFunction as TimeFunction
from diffbench.process.base import prior_kl as prior_kl
from diffbench.process.base import time_of_log_snr as time_of_log_snr
from diffbench.process.betas import from_betas as from_betas
