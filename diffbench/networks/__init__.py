"""The score networks that all families share."""

from diffbench.networks.base import NETWORKS as NETWORKS
from diffbench.networks.base import Network as Network

register, names = NETWORKS.register, NETWORKS.names
