"""The stage fit: flattened parameters come back."""

import numpy as np

from diffbench.stages.fit import flatten, unflatten


def test_parameters_survive_flattening():
    params = {"net/~/stem": {"w": np.ones((2, 3)), "b": np.zeros(3)}, "net": {"s": np.ones(1)}}
    flat = flatten("ema", params)
    assert set(flat) == {"ema/net/~/stem/w", "ema/net/~/stem/b", "ema/net/s"}
    back = unflatten("ema", {**flat, "raw/net/s": np.zeros(1), "loss": np.zeros(2)})
    assert {m: set(v) for m, v in back.items()} == {m: set(v) for m, v in params.items()}
    np.testing.assert_array_equal(back["net/~/stem"]["w"], params["net/~/stem"]["w"])
