"""One part built: whose fault it is where that fails, and plug-ins held to their contracts."""

import dataclasses
import functools

import pytest
from plugin_files import plugins_forgotten

from diffbench.networks.base import NETWORKS, Network
from diffbench.process import PROCESSES
from diffbench.registry import PluginError, plugin_origin
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand


def held(origin, digest, registry, name, build):
    with plugin_origin(origin, digest):
        registry.register(name)(build)


def rising():
    return dataclasses.replace(PROCESSES.build("vp"), name="rising", log_alpha_fn=lambda t, c: t - 1.0)


def test_a_process_of_a_plug_in_is_held_against_its_contract_before_any_work(tiny):
    families = [{"name": "score_sde", "process": "rising"}]
    with plugins_forgotten():
        held("p.py", "0123", PROCESSES, "rising", rising)
        with pytest.raises(
            PluginError, match=r"process 'rising' of plug-in p\.py breaks its .*: log_snr: exp"
        ):
            expand(suites.parse(tiny(families=families)))


def test_a_network_of_a_plug_in_is_held_against_its_contract_before_any_work(tiny):
    class Still(Network):
        def __call__(self, x, t, alpha, sigma, is_training=False):
            return x

    with plugins_forgotten():
        held("p.py", "0123", NETWORKS, "still", Still)
        with pytest.raises(
            PluginError, match=r"network 'still' of plug-in p\.py breaks its .*: parameters: exp"
        ):
            expand(suites.parse(tiny(network={"name": "still"})))


def test_what_raises_in_a_plug_ins_process_or_network_is_its_fault(tiny):
    def broken():
        raise KeyError("no such beta")

    with plugins_forgotten():
        held("p.py", "0123", PROCESSES, "broken", broken)
        held("n.py", "0123", NETWORKS, "broken", broken)
        families = [{"name": "score_sde", "process": "broken"}]
        with pytest.raises(PluginError, match=r"process 'broken' of plug-in p\.py cannot be built: KeyError"):
            expand(suites.parse(tiny(families=families)))
        with pytest.raises(PluginError, match=r"network 'broken' of plug-in n\.py cannot be built: KeyError"):
            expand(suites.parse(tiny(network={"name": "broken"})))


def test_a_part_of_a_package_that_announces_it_nowhere_is_refused_for_workers_would_not_find_it(tiny):
    families = [{"name": "score_sde", "process": "mine"}]
    with plugins_forgotten():
        held("package.module", None, PROCESSES, "mine", lambda: PROCESSES.build("vp"))
        with pytest.raises(PluginError, match=r"is announced nowhere, .* in the group diffbench\.processes"):
            expand(suites.parse(tiny(families=families)))


def test_a_part_is_held_against_its_contract_once_however_many_rows_it_has(tiny, monkeypatch):
    from diffbench import testing

    calls = []
    monkeypatch.setitem(testing.CHECKS, "process", calls.append)
    families = [
        {"name": "score_sde", "process": "mine", "sweep": {"weighting": ["simple", "likelihood"]}},
        {"name": "score_sde", "label": "other", "process": {"name": "mine", "beta_max": 10.0}},
    ]
    with plugins_forgotten():
        build = functools.partial(PROCESSES.build, "vp")
        held("p.py", "0123", PROCESSES, "mine", lambda *, beta_max=20.0: build(beta_max=beta_max))
        expand(suites.parse(tiny(families=families)))
    assert [float(process.constants["beta_max"]) for process in calls] == [20.0, 10.0]
