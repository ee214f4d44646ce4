"""The shipped model families, a module each."""

from diffbench.contracts import FAMILIES

register, names = FAMILIES.register, FAMILIES.names
