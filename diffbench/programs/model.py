"""Pure functions of a family on a network: what training and sampling compile.

They take the process as an argument, so its constants compile nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp

from diffbench.contracts import FAMILIES, Array, Points, PRNGKey
from diffbench.networks.base import NETWORKS, Network
from diffbench.process import PROCESSES, Process
from diffbench.programs import cache
from diffbench.spec import Spec, canonical, copied

Params = Mapping[str, Mapping[str, Points]]
"""What Haiku learns: arrays by module and name."""


class Model(NamedTuple):
    """A family on the shared network, as pure functions of its parameters.

    Attributes:
      loss: (params, key, y `[n, D]`, process, is_training) -> `[n]`.
      score: (params, x `[n, D]`, t, process) -> `[n, D]`.
    """

    loss: Callable[[Params, PRNGKey, Array, Process, bool], Array]
    score: Callable[[Params, Array, Array, Process], Array]


def make_process(spec: Spec) -> Process:
    """Builds a process from its specification."""
    return PROCESSES.from_spec(spec)


def initialise(network: Spec, key: PRNGKey, dim: int) -> Params:
    """Returns initial parameters, from a trace of the network alone.

    No family takes part, so one seed gives bit-equal parameters to all of them.

    Args:
      network: Name and parameters of a registered network.
      key: PRNG key.
      dim: Dimension of the data.
    """
    return cache.program("initial", (canonical(network), dim), lambda: _initial(network, dim))(key)


def _initial(network: Spec, dim: int) -> Callable[[PRNGKey], Params]:
    """Returns the compiled initialisation."""
    network = copied(network)

    def trace(x: Array) -> Array:
        level = jnp.ones(())
        return NETWORKS.from_spec(network)(x, level, level, level)

    # Compiled, a whole initialisation takes a fraction of its op-by-op time.
    return jax.jit(lambda key: hk.transform(trace).init(key, jnp.zeros((1, dim))))


def model_of(family: Spec, network: Spec) -> Model:
    """Returns the pure functions of a family on a network.

    Args:
      family: Name and parameters of a registered family (its process left out).
      network: Name and parameters of a registered network.
    """
    # Traced later, and again for other shapes: they must still be what the cache was asked for.
    family, network = copied(family), copied(network)

    def bind(process: Process) -> Any:
        return FAMILIES.from_spec(family, NETWORKS.from_spec(network), process)

    def loss(params: Params, key: PRNGKey, y: Array, process: Process, is_training: bool) -> Array:
        run = hk.transform(lambda: bind(process).loss(y, is_training))
        return run.apply(params, key)

    def score(params: Params, x: Array, t: Array, process: Process) -> Array:
        return hk.transform(lambda: bind(process).score(x, t)).apply(params, None)

    return Model(loss, score)


def held_by(network: Spec, dim: int) -> int:
    """Returns how many numbers a network holds at once for a row of D; see `Network.held`.

    Args:
      network: Name and parameters of a registered network.
      dim: Dimension of the data.
    """
    name, given = network["name"], network["params"]
    part: Any = NETWORKS.entry(name).build
    # A network of somebody else's need not be a subclass.
    held = getattr(part, "held", Network.held)
    return held(dim, NETWORKS.complete(name, given))


def check(family: Spec, network: Spec, process: Process) -> None:
    """Builds a family on a network and throws it away, for the errors it raises.

    Raises:
      ValueError: If a parameter has a wrong value.
      TypeError: If a parameter has a wrong type.
    """

    def build() -> None:
        FAMILIES.from_spec(family, NETWORKS.from_spec(network), process)

    hk.transform(build).init(None)
