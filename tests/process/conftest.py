"""What a process says at given times, in one program for all tests of processes."""

import jax
import numpy as np
import pytest

ROWS = 1024  # One shape for all that is compiled here.


@jax.jit
def facts_program(process, t):
    return process.alpha(t), process.sigma(t), process.log_snr(t), process.drift(t), process.diffusion(t)


@pytest.fixture(scope="session")
def facts():
    """Returns a function: (process, times) -> alpha, sigma, log_snr, drift and diffusion at them, float64."""

    def at(process, t):
        t = np.atleast_1d(np.asarray(t, np.float32))
        found = facts_program(process, np.concatenate([t, np.full(ROWS - len(t), t[-1])]))
        return [np.asarray(a, np.float64)[: len(t)] for a in found]

    return at
