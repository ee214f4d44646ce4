"""The contracts as functions: what a part must keep, and what was measured against what bound.

For authors of plug-ins, in a test of their own:

  from diffbench.testing import check_family
  print(check_family({"name": "my_family", "params": {}}))

The project's tests run the same over each registry, and a suite runs them on the parts that
plug-ins bring, before any work. Each returns `Findings`, which print as a table, and raises a
`ContractError` at the first thing that is wrong; the error holds the findings up to there. They
are small (seconds) and they are not proofs.
"""

from collections.abc import Callable, Mapping

from diffbench.testing.base import ContractError as ContractError
from diffbench.testing.base import Finding as Finding
from diffbench.testing.base import Findings as Findings
from diffbench.testing.datasets import check_dataset as check_dataset
from diffbench.testing.families import check_family as check_family
from diffbench.testing.metrics import check_metric as check_metric
from diffbench.testing.networks import check_network as check_network
from diffbench.testing.processes import check_process as check_process
from diffbench.testing.samplers import check_sampler as check_sampler
from diffbench.testing.sources import check_source as check_source

CHECKS: Mapping[str, Callable[..., Findings]] = {
    "dataset": check_dataset,
    "family": check_family,
    "metric": check_metric,
    "network": check_network,
    "process": check_process,
    "sampler": check_sampler,
    "score": check_source,
}
"""The check of each kind of part."""
