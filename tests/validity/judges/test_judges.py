"""Metrics against judges that no other test asks: SciPy's distances, and autodiff of log p_t.

dcor, POT and scikit-learn judge in `tests/metrics/test_two_sample.py`, the multinomial in
`test_modes.py`, closed forms in `test_manifold.py` and `test_score_error.py`.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("float64_judges.py")


@pytest.mark.slow
def test_metrics_are_what_scipy_and_autodiff_say_in_float64():
    path = os.pathsep.join([str(SCRIPT.parents[3]), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "JAX_ENABLE_X64": "1", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, SCRIPT], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pairs = json.loads(done.stdout)
    assert {name.split(",")[0].split(" at ")[0] for name in pairs} == {
        "energy",
        "mmd2",
        "score_error",
        "score_kl",
    }
    for name, (value, judged) in pairs.items():
        assert value == pytest.approx(judged, rel=1e-6, abs=1e-13), name
