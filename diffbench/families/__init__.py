"""The shipped model families; importing this package registers them."""

from diffbench.families import ddpm as ddpm
from diffbench.families import ncsn as ncsn
from diffbench.families import score_sde as score_sde
