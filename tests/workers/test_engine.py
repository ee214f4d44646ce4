"""Where and within what limits tasks run is checked before any work."""

import pytest

from diffbench.workers import engine
from diffbench.workers.engine import Settings, Task


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"workers": -1}, "--workers must be 0 or more; got -1"),
        ({"cell_timeout": 0}, "--cell-timeout must be a number of seconds over 0; got 0"),
        ({"cell_timeout": float("nan")}, "--cell-timeout must be a number of seconds over 0; got nan"),
        ({"cell_timeout": float("inf")}, "--cell-timeout must be a number of seconds over 0; got inf"),
        ({"memory_limit": "much"}, "--memory-limit must be a size such as 4GiB or 800MiB; got 'much'"),
        ({"memory_limit": "4"}, "--memory-limit must be 512MiB or more"),
        ({"workers": 0, "cell_timeout": 5}, "--cell-timeout needs a worker process that can be ended"),
        ({"workers": 0, "memory_limit": "4GiB"}, "--memory-limit needs a worker process"),
        ({"workers": 2, "scheduler": "tcp://a:1"}, "--workers is for workers of this machine"),
        ({"memory_limit": "4GiB", "scheduler": "tcp://a:1"}, "--memory-limit is for workers of this machine"),
        ({"scheduler": "tcp://a:1", "scheduler_file": "s.json"}, "give one of them"),
        ({"scheduler_file": "none.json"}, "--scheduler-file none.json: cannot be read: No such file"),
        *(
            ({"scheduler": address}, f"--scheduler must be an address such as tcp://host:8786; got '{address}'")
            for address in ("", "host", "tcp://host", "tcp://host:port", "tcp://:8786", "tcp://host:0",
                            "tcp://host:65536", "http://host:8786", "tcp://ho st:8786", "tcp//host:8786")
        ),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_line(settings, text):
    with pytest.raises(ValueError, match="--") as error:
        Settings(**settings)
    assert text in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"address": 5}', '{"address": "nowhere"}'])
def test_a_scheduler_file_without_an_address_is_one_line(content, tmp_path):
    file = tmp_path / "s.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"--scheduler-file .*s\.json: .*address"):
        Settings(scheduler_file=str(file))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("tcp://host:8786", "tcp://host:8786"),
        ("host:8786", "tcp://host:8786"),
        ("tls://10.0.0.1:1/", "tls://10.0.0.1:1"),
        ("tcp://[::1]:8786", "tcp://[::1]:8786"),
    ],
)
def test_an_address_is_taken_in_the_forms_dask_prints(given, address, tmp_path):
    assert Settings(scheduler=given).address == address
    file = tmp_path / "s.json"
    file.write_text(f'{{"type": "Scheduler", "address": "{given}"}}')
    assert Settings(scheduler_file=str(file)).address == address


def test_sizes_are_bytes():
    assert Settings(memory_limit="2GiB").memory == 2**31
    assert Settings(memory_limit="700MB").memory == 7 * 10**8
    assert Settings().memory is None


def echo(payload):
    return {"status": "ok", "reason": "", "got": payload}


def raises(payload):
    raise KeyError("gone")


def test_tasks_run_here_one_after_another_and_errors_are_results():
    tasks = [Task("b", "fit", {"x": 1}, after=("a",)), Task("a", "fit", {"x": 2})]
    assert [(t.name, r["got"]["x"]) for t, r, _ in engine.run(tasks, echo, workers=0)] == [("a", 2), ("b", 1)]
    ((_, result, returned),) = engine.run([Task("a", "fit", {})], raises, workers=0)
    assert result == {"status": "error", "reason": "KeyError: 'gone'"}
    assert not returned
    assert list(engine.run([], echo, workers=0)) == []
