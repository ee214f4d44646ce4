"""The shipped metrics, a module each idea."""

from diffbench.contracts import METRICS

register, names = METRICS.register, METRICS.names
