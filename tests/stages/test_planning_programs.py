"""What workers take for one program: a solver on a grid, whatever its number of steps."""

from diffbench.records.store import Store
from diffbench.stages.planning import plan
from diffbench.suites.cells import expand
from diffbench.suites.suite import parse

SUITE = {
    "name": "steps",
    "datasets": ["two_moons"],
    "families": ["flow_matching"],
    "samplers": [{"name": "ddim", "sweep": {"grid": ["time", "log_snr"], "steps": [3, 5, 9]}}],
    "scores": ["exact"],
    "metrics": ["flow_error"],
    "seeds": 1,
}


def test_tasks_that_differ_in_steps_alone_are_of_one_program(tmp_path):
    made = plan(expand(parse(SUITE)), Store(tmp_path / "run"))
    for stage in ("draw", "measure"):
        of_grid = {}
        for task in made.tasks:
            spec = task.payload["spec"]
            if task.stage == stage and "sampler" in spec:
                of_grid.setdefault(spec["sampler"]["params"]["grid"], []).append(task.program)
        assert [len(programs) for programs in of_grid.values()] == [3, 3]
        assert [len({*programs}) for programs in of_grid.values()] == [1, 1]
        assert len({program for programs in of_grid.values() for program in programs}) == 2
