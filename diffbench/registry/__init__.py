"""Registries: the names a user may write, and how each is turned into an object."""

from diffbench.registry.base import PluginError as PluginError
from diffbench.registry.base import Registry as Registry
from diffbench.registry.base import plugin_origin as plugin_origin
from diffbench.registry.base import when_replaced as when_replaced
from diffbench.registry.entry import Entry as Entry
from diffbench.registry.entry import in_one_form as in_one_form
