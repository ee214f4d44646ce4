"""Families with their processes, networks and samplers, as specifications have them."""

import dataclasses
import functools

import pytest
from plugin_files import plugins_forgotten

from diffbench.contracts import SAMPLERS
from diffbench.networks.base import NETWORKS
from diffbench.process import PROCESSES
from diffbench.registry import plugin_origin
from diffbench.spec import identify
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand


def cells_of(content):
    return expand(suites.parse(content, "s.toml"))


def held(origin, digest, registry, name, build):
    with plugin_origin(origin, digest):
        registry.register(name)(build)


def test_own_and_all_choose_samplers_by_family(tiny):
    families = ["ddpm", "ncsn"]
    own = {
        c.family: c.sampler
        for c in cells_of(tiny(families=families, samplers=["own"]))
        if c.score == "learned"
    }
    assert own == {"ddpm": "ancestral", "ncsn": "annealed_langevin"}
    every = [c for c in cells_of(tiny(families=families, samplers=["all"])) if c.score == "learned"]
    assert {c.sampler for c in every if c.family == "ncsn"} == set(SAMPLERS.names())
    assert {c.sampler for c in every if c.family == "ddpm"} == set(SAMPLERS.names()) - {"annealed_langevin"}


def test_own_named_again_is_one_cell(tiny):
    cells = cells_of(tiny(samplers=["own", "ancestral"]))
    assert [c.sampler for c in cells if c.score == "learned"] == ["ancestral"]


def test_budgets_are_cells_of_their_own(tiny):
    training = {"batch": 16, "sweep": {"steps": [10, 20]}}
    cells = cells_of(tiny(training=training))
    assert [c.budget for c in cells if c.score == "learned"] == ["10x16", "20x16"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("registry", "build", "places"),
    [
        (PROCESSES, lambda: PROCESSES.build("ddpm_linear", steps=50), ["process"]),
        (NETWORKS, lambda: NETWORKS.build("mlp", widths=(4, 4), embedding_width=4), ["fit", "network"]),
    ],
    ids=["process", "network"],
)
def test_an_edited_process_or_network_of_a_plug_in_file_makes_other_records(registry, build, places, tiny):
    found = []
    for digest in ("0123", "4567"):
        with plugins_forgotten():
            held("p.py", digest, registry, "mine", build)
            asked = {"families": [{"name": "ddpm", "process": "mine"}]} if registry is PROCESSES else {}
            more = asked or {"network": {"name": "mine"}}
            draw = expand(suites.parse(tiny(**more)))[-1].draw
            part = functools.reduce(lambda spec, key: spec[key], places, draw)
            found.append((part["plugin"], identify(draw["fit"])))
    assert [digest for digest, _ in found] == ["0123", "4567"]
    assert found[0][1] != found[1][1]


def test_a_process_and_a_network_have_versions_of_their_own(tiny):
    class Second(NETWORKS.entry("mlp").build):
        version = 2

    def third():
        return dataclasses.replace(PROCESSES.build("ddpm_linear", steps=50), version=3)

    with plugins_forgotten():
        NETWORKS.register("second")(Second)
        PROCESSES.register("third")(third)
        network = {"name": "second", "widths": [4, 4], "embedding_width": 4}
        fit = expand(suites.parse(tiny(network=network, families=[{"name": "ddpm", "process": "third"}])))[
            -1
        ].fit
    assert (fit["network"]["version"], fit["process"]["version"]) == (2, 3)
