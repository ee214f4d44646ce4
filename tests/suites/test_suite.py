import pytest
from tiny_suite import as_toml

from diffbench.suites import suite as suites
from diffbench.suites.suite import SuiteError


def test_every_shipped_suite_loads_under_its_own_name():
    assert {"quick", "standard", "case_study"} <= set(suites.shipped())
    for name in suites.shipped():
        loaded = suites.load(name)
        assert loaded.name == name
        assert loaded.description


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"samples": 1}, r"samples: .*greater than or equal to 2.*got 1"),
        ({"samples": 2.5}, r"samples: .*valid integer.*got 2.5"),
        ({"samples": -5}, r"samples: .*got -5"),
        ({"samples": float("nan")}, r"samples: .*got nan"),
        ({"reference": 0}, r"reference: .*got 0"),
        ({"floor_draws": 0}, r"floor_draws: .*got 0"),
        # Draws 69,235 and 95,303 would have one key.
        ({"floor_draws": 50_001}, r"floor_draws: .*less than or equal to 50000; got 50001"),
        ({"seeds": 0}, r"seeds.*got 0"),
        ({"seeds": [0, -1]}, r"seeds: each of a list must be a whole number from 0 to 2\^31 - 1; got -1"),
        (
            {"seeds": True},
            r"seeds: expected how many there are, from 1 to 10000, or a list of them; got True",
        ),
        ({"datasets": ["ring", 5]}, r"datasets\.1: expected a name or a table with a name; got 5"),
        ({"families": [""]}, r"families\.0: expected a name or a table with a name; got ''"),
        ({"datasets": []}, r"datasets: .*at least 1 item.*got \[\]"),
        ({"samplrs": ["own"]}, r"unknown key 'samplrs'; known: name, description, datasets"),
        ({"standardise": "yes"}, r"standardise: .*got 'yes'"),
        ({"name": "../up"}, r"name: .*got '../up'"),
        ({"training": 5}, r"training: .*got 5"),
    ],
)
def test_a_wrong_envelope_names_file_key_and_value(tiny, change, text):
    with pytest.raises(SuiteError, match=r"^s\.toml: " + text) as error:
        suites.parse(tiny(**change), "s.toml")
    assert "\n" not in str(error.value)


def test_a_missing_key_is_named(tiny):
    content = tiny()
    del content["datasets"]
    with pytest.raises(SuiteError, match=r"^s\.toml: key 'datasets' is missing"):
        suites.parse(content, "s.toml")


def test_a_file_that_is_not_toml_is_named_with_its_line(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text('name = "x"\nseeds = = 3\n')
    with pytest.raises(SuiteError, match=r"broken\.toml: not TOML: .*line"):
        suites.load(str(path))


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SuiteError, match=r"binary\.toml: cannot be read"):
        suites.load(str(path))


def test_an_unknown_suite_lists_the_shipped_ones():
    with pytest.raises(
        SuiteError,
        match=r"no suite 'qick': shipped are baselines, case_study, few_steps, images, memorisation, quick",
    ):
        suites.load("qick")


def test_full_scale_replaces_what_it_says_and_keeps_the_rest(tiny):
    suite = suites.parse(tiny(full={"training": {"steps": 99}, "seeds": 5}))
    full = suites.at_full_scale(suite)
    assert full.training == {"steps": 99, "batch": 16}
    assert full.seeds == 5
    with pytest.raises(SuiteError, match="has no larger scale"):
        suites.at_full_scale(suites.parse(tiny()))


def test_a_byte_order_mark_is_no_part_of_a_file(tiny, tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(as_toml(tiny()), encoding="utf-8-sig")
    assert suites.load(str(path)) == suites.parse(tiny())


@pytest.mark.parametrize(
    ("file", "name"), [("my suite.toml", "my_suite"), ("a (1).toml", "a_1"), (" -é- b.c.toml", "b.c")]
)
def test_a_suite_without_a_name_has_that_of_its_file_in_plain_letters(file, name, tiny, tmp_path):
    content = {key: value for key, value in tiny().items() if key != "name"}
    (tmp_path / file).write_text(as_toml(content))
    assert suites.load(str(tmp_path / file)).name == name


@pytest.mark.parametrize("file", ["漢.toml", "con.toml", "...toml"])
def test_a_file_whose_name_names_no_folder_asks_for_one(file, tiny, tmp_path):
    content = {key: value for key, value in tiny().items() if key != "name"}
    (tmp_path / file).write_text(as_toml(content))
    with pytest.raises(SuiteError, match=r'results need the name of a folder.* give name = "..."'):
        suites.load(str(tmp_path / file))
    (tmp_path / file).write_text(as_toml(tiny()))
    assert suites.load(str(tmp_path / file)).name == "tiny"
