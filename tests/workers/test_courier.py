import os

import numpy as np
import pytest

from diffbench.records.store import Store
from diffbench.spec import identify
from diffbench.workers import courier

DRAW = {"stage": "draw", "dataset": {"name": "ring", "params": {}}}


def payload(store):
    return {"name": "m", "spec": {"stage": "measure", "draw": DRAW}, "root": str(store.root), "plugins": []}


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "sparse"])
def test_what_is_no_bounded_file_is_broken_where_it_arrives_and_keeps_nobody(tmp_path, suffix, kind):
    store = Store(tmp_path)
    store.prepare()
    store.write("draw", identify(DRAW), {"status": "ok", "spec": DRAW}, {"samples": np.zeros((4, 2))})
    sent = courier.inputs(payload(store))
    assert len(sent) == 2
    (path,) = (store.root / "draws").glob(f"*{suffix}")
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        with open(path, "wb") as file:
            file.truncate(20 * 10**9)
    sent = courier.inputs(payload(store))
    assert sent[f"draws/{path.name}"] == b""
    assert path.exists(), "only who makes it again moves it away"
