"""The shipped samplers; importing this package registers them."""

from diffbench.samplers import ancestral as ancestral
from diffbench.samplers import langevin as langevin
from diffbench.samplers import ode as ode
from diffbench.samplers import stochastic as stochastic
