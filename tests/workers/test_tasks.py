"""The queue gives out what is ready, most urgent first, and programs where they are held."""

import random
import time

import pytest

from diffbench.workers.tasks import Queue, Task


class Plain:
    """The queue by its definition: each time a look at every task."""

    def __init__(self, tasks):
        self.waiting, self.undone, self.taken = list(tasks), {t.name for t in tasks}, set()

    def take(self, programs):
        ready = [t for t in self.waiting if self.undone.isdisjoint(t.after)]
        if not ready:
            return None
        task = min(
            ready, key=lambda t: 0 if t.program in programs else 1 if t.program not in self.taken else 2
        )
        self.waiting.remove(task)
        programs.add(task.program)
        self.taken.add(task.program)
        return task


@pytest.mark.parametrize("seed", range(20))
def test_it_gives_out_what_a_look_at_every_task_gives(seed):
    rng = random.Random(seed)
    names = [f"t{i}" for i in range(60)]
    tasks = [
        Task(
            name,
            "fit",
            {},
            after=(*rng.sample(names[:i], min(i, rng.randrange(3))), "not here"),
            program=f"p{rng.randrange(12)}",
        )
        for i, name in enumerate(names)
    ]
    rng.shuffle(tasks)
    queue, plain = Queue(tasks), Plain(tasks)
    held, held_by_plain = [set() for _ in range(3)], [set() for _ in range(3)]
    running = []
    given = 0
    while queue or running:
        who = rng.randrange(3)
        if rng.random() < 0.1:
            held[who], held_by_plain[who] = set(), set()  # a fresh worker
        task, expected = queue.take(held[who]), plain.take(held_by_plain[who])
        assert task == expected
        if task is not None:
            given += 1
            running.append(task)
        if running and (task is None or rng.random() < 0.5):
            done = running.pop(rng.randrange(len(running)))
            queue.finish(done)
            plain.undone.discard(done.name)
    assert given == len(tasks)


def test_a_caller_that_had_all_tasks_before_needs_no_list_of_its_programs():
    tasks = [Task(f"t{i}", "fit", {}, program=f"p{i % 3}") for i in range(9)]
    listed, unlisted, programs = Queue(tasks), Queue(tasks), set()
    for _ in tasks:
        assert unlisted.take() == listed.take(programs)
    assert unlisted.take() is None


def test_what_waits_for_a_suspect_waits_on():
    tasks = [Task("a", "fit", {}), Task("b", "draw", {}, after=("a",))]
    queue = Queue(tasks)
    queue.suspect(queue.take(set()))
    assert queue.take(set()) is None
    again = queue.take(set(), fresh=True)
    queue.finish(again)
    queue.finish(again)
    assert queue.take(set()).name == "b"


def test_a_task_from_a_long_queue_takes_no_longer():
    def seconds(count):
        tasks = [
            Task(f"t{i}", "fit", {}, program=f"p{i}", after=(f"t{i - 1}",) if i % 2 else ())
            for i in range(count)
        ]
        best = float("inf")
        for _ in range(3):
            queue, began = Queue(tasks), time.process_time()
            for _ in range(400):
                queue.finish(queue.take({f"p{i}" for i in range(32)}))
            best = min(best, time.process_time() - began)
        return best

    assert seconds(30_000) < 5 * seconds(500)  # it was sixty times as long


def test_a_suspect_goes_to_a_fresh_worker_alone_and_before_all_else():
    tasks = [Task(name, "fit", {}, program=name) for name in "abc"]
    queue = Queue(tasks)
    assert queue.take(set()).name == "a"
    queue.suspect(tasks[0])
    assert queue.take(set()).name == "b"
    assert queue.suspects == 1
    assert queue.take(set(), fresh=True).name == "a"
    assert queue.take(set(), fresh=True).name == "c"
    assert not queue


def test_the_queue_gives_ready_tasks_and_prefers_held_programs():
    tasks = [
        Task("f1", "fit", {}, program="p"),
        Task("f2", "fit", {}, program="q"),
        Task("f3", "fit", {}, program="p"),
        Task("d1", "draw", {}, after=("f1",), program="d"),
    ]
    queue, mine, other = Queue(tasks), set(), set()
    assert queue.take(mine).name == "f1"
    assert queue.take(other).name == "f2"
    assert queue.take(mine).name == "f3"
    assert queue.take(other) is None  # d1 waits for f1
    queue.finish(tasks[0])
    assert queue.take(other).name == "d1"
    assert not queue
