"""The shipped datasets; importing this package registers them."""

from diffbench.datasets import manifolds as manifolds
from diffbench.datasets import mixtures as mixtures
