"""NCSN: trained over geometric noise levels, sampled by annealed Langevin dynamics.

References:
  Song & Ermon (2019), Generative modeling by estimating gradients of the data
  distribution.
"""

from __future__ import annotations

from typing import ClassVar

from diffbench.contracts import FAMILIES
from diffbench.families.base import TableFamily


@FAMILIES.register("ncsn")
class NCSN(TableFamily):
    """Song & Ermon's model: levels uniform, lambda(sigma) = sigma^2 (their section 4.2)."""

    default_process: ClassVar = {"name": "ncsn"}
    sampler: ClassVar = {"name": "annealed_langevin"}
