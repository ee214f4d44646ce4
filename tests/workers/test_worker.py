"""What runs in a worker around a task."""

import jax  # noqa: F401  (there, as in a worker that joined with it)

from diffbench.workers import worker


def test_a_worker_whose_jax_took_fast_math_says_so(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")
    assert "XLA_FLAGS has --xla_cpu_multi_thread_eigen=true" in worker.unpinned()
