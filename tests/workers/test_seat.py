"""What a worker must be to give the bits that this process would."""

import jax  # noqa: F401  (there, as in a worker that joined with it)
import pytest

from diffbench.workers import seat, worker
from diffbench.workers import seat as seats
from diffbench.workers.cluster import ClusterError

FIT = {"versions": worker.versions(), "threads": False, "unpinned": None}


def test_a_worker_of_the_same_versions_and_arithmetic_is_taken():
    seat.check(seat.Seat("tcp://a:1"), FIT)


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        ({"versions": {**worker.versions(), "jax": "0.0"}}, "has jax 0.0 .here "),
        ({"threads": True}, "start it with PJRT_NPROC=1"),
        ({"unpinned": "XLA_FLAGS has --f"}, "worker tcp://a:1 would give other bits: XLA_FLAGS has --f"),
    ],
)
def test_another_worker_is_refused_in_one_line(fact, text):
    with pytest.raises(ClusterError, match=text) as error:
        seat.check(seat.Seat("tcp://a:1"), {**FIT, **fact})
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("memory", "limit", "worn"), [(6, 10, True), (5, 10, False), (6, None, False), (0, 10, False)]
)
def test_a_worker_that_holds_much_memory_is_worn(memory, limit, worn):
    facts = {"memory_limit": limit, "nanny": True}
    assert seats.Seat("tcp://a:1", facts=facts, memory=memory).worn is worn
