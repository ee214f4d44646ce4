"""The records that the parts hand to one another, the registries, and keys from names.

A frozen dataclass is a description and a NamedTuple is data that crosses jit. Shapes:
n samples of D dimensions; t is `[]` while sampling and `[n]` while training.

Coordinates: datasets sample in data coordinates; everything else (processes, scores,
samplers, truths, metrics) speaks standardised ones, (x - mean)/scale. The harness
converts, once.
"""

from __future__ import annotations

from typing import Any

from diffbench.contracts.arrays import Array as Array
from diffbench.contracts.arrays import Number as Number
from diffbench.contracts.arrays import Points as Points
from diffbench.contracts.arrays import PRNGKey as PRNGKey
from diffbench.contracts.arrays import Score as Score
from diffbench.contracts.arrays import key_for as key_for
from diffbench.contracts.dataset import KNOWN as KNOWN
from diffbench.contracts.dataset import MOMENT_SAMPLES as MOMENT_SAMPLES
from diffbench.contracts.dataset import Dataset as Dataset
from diffbench.contracts.dataset import Finite as Finite
from diffbench.contracts.dataset import Need as Need
from diffbench.contracts.dataset import lacking as lacking
from diffbench.contracts.metric import NEEDS as NEEDS
from diffbench.contracts.metric import Better as Better
from diffbench.contracts.metric import Column as Column
from diffbench.contracts.metric import Finish as Finish
from diffbench.contracts.metric import Flow as Flow
from diffbench.contracts.metric import Measured as Measured
from diffbench.contracts.metric import Metric as Metric
from diffbench.contracts.metric import Outcome as Outcome
from diffbench.contracts.sampler import Sampler as Sampler
from diffbench.contracts.sampler import Step as Step
from diffbench.contracts.sampler import Walk as Walk
from diffbench.contracts.truth import Modes as Modes
from diffbench.contracts.truth import Potential as Potential
from diffbench.contracts.truth import Truth as Truth
from diffbench.registry import Registry

FAMILIES: Registry[Any] = Registry(
    "family", group="diffbench.families", home="diffbench.families", traced=True
)
DATASETS: Registry[Dataset] = Registry("dataset", group="diffbench.datasets", home="diffbench.datasets")
SAMPLERS: Registry[Sampler] = Registry("sampler", group="diffbench.samplers", home="diffbench.samplers")
METRICS: Registry[Metric] = Registry("metric", group="diffbench.metrics", home="diffbench.metrics")
