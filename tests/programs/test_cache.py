"""The cache of compiled programs: one for what decides it, whoever asks, and counts that say so."""

import threading

import jax
import jax.numpy as jnp
import pytest

from diffbench.programs import cache


def test_a_program_is_built_once_for_what_decides_it():
    made = []

    def build():
        made.append(jax.jit(lambda x: x))
        return made[-1]

    before = cache.built("of a test"), cache.built()
    first = cache.program("of a test", ("a", 1), build)
    assert cache.program("of a test", ("a", 1), build) is first
    assert cache.program("of a test", ("a", 2), build) is not first
    assert cache.program("of another test", ("a", 1), build) is not first
    assert len(made) == 3
    assert (cache.built("of a test"), cache.built()) == (before[0] + 2, before[1] + 3)


def test_each_shape_of_a_program_is_one_form_of_it():
    double = cache.program("doubled in a test", (), lambda: jax.jit(lambda x: 2 * x))
    assert cache.compiled("doubled in a test") == 0
    for rows in (2, 3, 2):
        double(jnp.ones(rows))
    assert cache.compiled("doubled in a test") == 2


def test_what_fails_to_build_is_not_kept():
    def fails():
        raise KeyError("no such part")

    with pytest.raises(KeyError, match="no such part"):
        cache.program("fails in a test", (), fails)
    made = jax.jit(lambda x: x)
    assert cache.program("fails in a test", (), lambda: made) is made


def test_threads_that_ask_at_once_all_get_a_program():
    start, found, made = threading.Barrier(4), [], jax.jit(lambda x: x)

    def ask():
        start.wait()
        found.append(cache.program("asked at once in a test", (), lambda: made))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [made] * 4
