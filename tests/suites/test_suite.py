import pytest
from tiny_suite import as_toml

from diffbench.suites import suite as suites
from diffbench.suites.suite import SuiteError, items


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
        ({"seeds": [-1]}, r"seeds.*got -1"),
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
        SuiteError, match=r"no suite 'qick': shipped are baselines, case_study, memorisation, quick, standard"
    ):
        suites.load("qick")


def test_a_label_says_what_a_part_is_and_not_how_it_is_judged():
    entries = [{"name": "circle", "train_size": 8, "metrics": ["energy"]}]
    (item,) = items(entries, "datasets", reserved=("train_size", "metrics"))
    assert item.label == "circle(train_size=8)"


def test_items_take_names_tables_and_sweeps():
    found = items(
        [
            "a",
            {"name": "b", "x": 0.5},
            {"name": "c", "sweep": {"steps": [1, 2]}},
            {"name": "d", "label": "mine"},
        ],
        "samplers",
    )
    assert [item.label for item in found] == ["a", "b(x=0.5)", "c(steps=1)", "c(steps=2)", "mine"]
    assert [dict(item.params) for item in found] == [{}, {"x": 0.5}, {"steps": 1}, {"steps": 2}, {}]


def test_items_show_a_nested_process_by_its_name():
    (item,) = items(
        [{"name": "score_sde", "process": {"name": "vp", "beta_max": 10.0}}], "families", ("process",)
    )
    assert item.label == "score_sde(process=vp(beta_max=10))"
    assert dict(item.params) == {}


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        (["a", "a"], "samplers: 'a' is there twice"),
        ([{"x": 1}], "samplers: each entry needs a name"),
        ([{"name": "a", "sweep": {"x": 3}}], "samplers: a: sweep must be a table of lists"),
        ([{"name": "a", "sweep": {"x": []}}], "samplers: a: sweep must be a table of lists"),
        ([{"name": "a", "label": "l", "sweep": 3}], "sweep must be a table"),
    ],
)
def test_malformed_items_are_refused(entries, text):
    with pytest.raises(SuiteError, match=text):
        items(entries, "samplers")


def test_a_label_has_all_the_digits_that_it_takes():
    (swept,) = [items([{"name": "a", "sweep": {"sd": [0.25, 0.25000001, 1e-7, 2.0]}}], "datasets")]
    assert [item.label for item in swept] == ["a(sd=0.25)", "a(sd=0.25000001)", "a(sd=1e-07)", "a(sd=2)"]


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


@pytest.mark.parametrize("sign", ["\n", "\t", "\x1b[2J", "\x00", "\u202e", "\u2028", "\x9b"])
def test_a_label_has_no_control_characters(sign):
    for entry in ({"name": "a", "label": f"x{sign}y"}, {"name": "a", "kind": f"x{sign}y"}):
        with pytest.raises(SuiteError, match="samplers: a: a label must be without control characters"):
            items([entry], "samplers")


@pytest.mark.parametrize("label", ["a|b [c] # $ \\ é漢字 <b> ~ & % _", "colon: hard:er", "../../up"])
def test_a_label_may_hold_what_can_be_seen(label):
    assert items([{"name": "a", "label": label}], "samplers")[0].label == label
