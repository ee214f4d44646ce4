"""The shipped samplers, a module each."""

from diffbench.contracts import SAMPLERS

register, names = SAMPLERS.register, SAMPLERS.names
