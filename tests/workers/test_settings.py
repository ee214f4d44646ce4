"""Where and within what limits tasks run is checked before any work."""

import pytest

from diffbench.workers.settings import SettingError, Settings


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"workers": -1}, "workers must be 0 or more; got -1"),
        ({"cell_timeout": 0}, "cell_timeout must be a number of seconds over 0; got 0"),
        ({"cell_timeout": float("nan")}, "cell_timeout must be a number of seconds over 0; got nan"),
        ({"cell_timeout": float("inf")}, "cell_timeout must be a number of seconds over 0; got inf"),
        ({"memory_limit": "much"}, "memory_limit must be a size such as 4GiB or 800MiB; got 'much'"),
        ({"memory_limit": "4"}, "memory_limit must be 512MiB or more"),
        ({"workers": 0, "cell_timeout": 5}, "cell_timeout needs a worker process that can be ended"),
        ({"workers": 0, "memory_limit": "4GiB"}, "memory_limit needs a worker process"),
        ({"workers": 2, "scheduler": "tcp://a:1"}, "workers is for workers of this machine"),
        ({"memory_limit": "4GiB", "scheduler": "tcp://a:1"}, "memory_limit is for workers of this machine"),
        ({"scheduler": "tcp://a:1", "scheduler_file": "s.json"}, "give one of them"),
        ({"scheduler_file": "none.json"}, "scheduler_file none.json: cannot be read: No such file"),
        *(
            ({"scheduler": address}, f"scheduler must be an address such as tcp://host:8786; got '{address}'")
            for address in ("", "host", "tcp://host", "tcp://host:port", "tcp://:8786", "tcp://host:0",
                            "tcp://host:65536", "http://host:8786", "tcp://ho st:8786", "tcp//host:8786")
        ),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_line(settings, text):
    with pytest.raises(SettingError) as error:
        Settings(**settings)
    assert text in str(error.value)
    assert "--" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_who_shows_a_message_spells_the_settings_and_no_value():
    with pytest.raises(SettingError) as error:
        Settings(memory_limit="{workers} {0} memory_limit")
    assert error.value.spelled(str.upper) == (
        "MEMORY_LIMIT must be a size such as 4GiB or 800MiB; got '{workers} {0} memory_limit'"
    )
    with pytest.raises(SettingError) as error:
        Settings(workers=0, cell_timeout=5)
    assert error.value.spelled(lambda name: f"--{name}") == (
        "--cell_timeout needs a worker process that can be ended; with --workers 0 there is none: "
        "use --workers 1 or more"
    )


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"address": 5}', '{"address": "nowhere"}'])
def test_a_scheduler_file_without_an_address_is_one_line(content, tmp_path):
    file = tmp_path / "s.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"scheduler_file .*s\.json: .*address"):
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
