"""The shipped datasets, a module each kind."""

from diffbench.contracts import DATASETS

register, names = DATASETS.register, DATASETS.names
