"""The shipped datasets; importing this package registers them."""

from diffbench.datasets import mixtures as mixtures
