"""A stage is one kind of work, and its records lie in the folder of its name."""

import pytest

from diffbench.records.store import FOLDERS
from diffbench.stages.base import Stage


@pytest.mark.parametrize("name", FOLDERS)
def test_records_of_a_stage_lie_in_its_folder(name):
    stage = Stage(name, "doing", lambda spec, inputs: ({}, {}))
    assert stage.folder == FOLDERS[name]
    assert stage.run({}, None) == ({}, {})
