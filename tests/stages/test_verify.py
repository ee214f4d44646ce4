import contextlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from diffbench.records import seal
from diffbench.records.store import Store, StoreError
from diffbench.stages import harness, verify
from diffbench.stages.harness import Listener
from diffbench.suites import suite as suites
from diffbench.suites.cells import expand

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished tiny run with a metric of samples and one of the score."""
    from tiny_suite import TINY

    root = tmp_path_factory.mktemp("done")
    suite = suites.parse({**TINY, "metrics": ["energy", "score_error"]})
    harness.run(suite.model_dump(), expand(suite), Store(root), workers=0)
    return root


@pytest.fixture
def copy(done, tmp_path):
    return Path(shutil.copytree(done, tmp_path / "run"))


def snapshot(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def change(path, edit):
    """Edits a record and seals it again, as one would who means to deceive."""
    record = json.loads(path.read_text())
    record.pop("sha256")
    edit(record)
    path.write_bytes(seal.seal(record))


def measured(root, metric, score="learned"):
    for path in (root / "measurements").glob("*.json"):
        spec = json.loads(path.read_text())["spec"]
        of = spec.get("draw") or spec["source"]
        if (spec["metric"]["name"], of["score"]) == (metric, score):
            return path
    raise LookupError(metric)


@pytest.mark.slow
def test_a_good_folder_has_nothing_wrong_and_is_left_as_it_is(done):
    before = snapshot(done)
    report = verify.check(done)
    assert report.wrong == []
    # truth, exact and learned by energy; exact and learned, or learned alone, by the score.
    assert report.measured == len(list((done / "measurements").glob("*.json"))) > 3
    assert report.files == len(before)
    assert not report.skipped
    assert snapshot(done) == before


KINDS = [
    *((folder, "json") for folder in ("fits", "draws", "measurements", "references", "floors", "runs")),
    *((folder, "safetensors") for folder in ("fits", "draws", "references")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "suffix"), KINDS)
def test_a_flipped_bit_in_any_file_is_found(copy, folder, suffix):
    paths = sorted((copy / folder).glob(f"*.{suffix}"))
    data = bytearray(paths[0].read_bytes())
    data[len(data) // 2] ^= 8
    paths[0].write_bytes(data)
    before = snapshot(copy)
    report = verify.check(copy)
    stem = paths[0].name.split(".")[0]
    assert any(stem in where for where, _ in report.wrong)
    assert snapshot(copy) == before


@pytest.mark.slow
def test_a_value_that_is_not_the_samples_is_found_though_its_digest_is_right(copy):
    path = measured(copy, "energy")
    change(path, lambda record: record["values"].update(energy=record["values"]["energy"] * 1.01))
    ((where, what),) = verify.check(copy).wrong
    assert where == f"measurements/{path.name}"
    assert "energy: energy was stored as" in what
    assert verify.check(copy, tolerance=0.1).wrong == []


@pytest.mark.slow
def test_a_record_that_two_readers_may_read_otherwise_is_found(copy):
    path = measured(copy, "energy")
    body = path.read_bytes().split(b"\n", 1)[1]
    body = body.replace(b'\n "values"', b'\n "values": {"energy": 1234.5},\n "values"')
    path.write_bytes(b'{"sha256": "' + seal.digest(body).encode() + b'",\n' + body)
    ((where, what),) = verify.check(copy).wrong
    assert (where, what) == (f"measurements/{path.name}", "it is not laid out as this package writes it")


@pytest.mark.slow
def test_a_z_that_is_not_the_floors_is_found(copy):
    change(measured(copy, "energy"), lambda record: record["floor"]["energy"].update(z=0.0))
    ((_, what),) = verify.check(copy).wrong
    assert "z of energy was stored as 0.0" in what


@pytest.mark.slow
def test_samples_that_are_not_those_that_were_measured_are_found(copy):
    """Samples exchanged for better ones, with every digest made right again."""
    path = measured(copy, "energy")
    store = Store(copy)
    name = json.loads(path.read_text())["spec"]["draw"]
    from diffbench.spec import identify

    draw = copy / "draws" / f"{identify(name)}.json"
    record = json.loads(draw.read_text())
    (reference,) = (copy / "references").glob("*.json")
    better = store.arrays("reference", reference.stem)["samples"]
    draw.unlink()
    store.write("draw", draw.stem, {k: v for k, v in record.items() if k not in ("sha256", "arrays")},
                {"samples": np.asarray(better, np.float32)})  # fmt: skip
    report = verify.check(copy)
    assert f"measurements/{path.name}" in {where for where, _ in report.wrong}


@pytest.mark.slow
def test_a_record_under_another_name_is_found(copy):
    path = measured(copy, "energy")
    path.rename(path.with_name(f"{'0' * 16}.json"))
    ((where, what),) = verify.check(copy).wrong
    assert (where, what) == (f"measurements/{'0' * 16}.json", "its name is not the hash of its specification")


@pytest.mark.slow
def test_what_it_needs_being_gone_is_found(copy):
    for path in (copy / "floors").iterdir():
        path.unlink()
    report = verify.check(copy)
    assert {what for _, what in report.wrong} == {
        "it cannot be measured again: Blocked: the floor it needs is missing"
    }


@pytest.mark.slow
def test_another_version_of_a_part_is_not_held_against_the_record(copy, monkeypatch):
    import dataclasses

    from diffbench.contracts import METRICS

    entry = METRICS.entry("energy")

    def newer(**params):
        return dataclasses.replace(entry.build(**params), version=99)

    newer.__signature__ = inspect.signature(entry.build)
    later, real = dataclasses.replace(entry, build=newer), METRICS.entry
    monkeypatch.setattr(METRICS, "entry", lambda name: later if name == "energy" else real(name))
    report = verify.check(copy)
    assert report.wrong == []
    assert any("metric 'energy' has version 99 here" in reason for reason in report.skipped)


def test_no_run_and_a_wrong_tolerance_are_one_line(tmp_path):
    with pytest.raises(StoreError, match=r"no run in .*: it has no run\.json"):
        verify.check(tmp_path)
    with pytest.raises(ValueError, match="tolerance must be positive and finite; got 0"):
        verify.check(tmp_path, tolerance=0)


def run_again(root):
    from tiny_suite import TINY

    suite = suites.parse({**TINY, "metrics": ["energy", "score_error"]})
    harness.run(suite.model_dump(), expand(suite), Store(root), workers=0)


@pytest.mark.slow
def test_repair_puts_away_what_is_broken_and_a_run_makes_it_again(copy):
    """Samples that nobody reads again, and a record of another shape."""
    before = tables(copy)
    (copy / "draws" / "mine.json").write_text("mine")
    samples = sorted((copy / "draws").glob("*.safetensors"))[0]
    data = bytearray(samples.read_bytes())
    data[-1] ^= 1
    samples.write_bytes(data)
    floor = sorted((copy / "floors").glob("*.json"))[0]
    change(floor, lambda record: record.update(values=3))
    moved = verify.check(copy, repair=True).moved
    draw = samples.name.split(".")[0]
    assert sorted(moved) == [f"draws/{samples.name}", f"draws/{draw}.json", f"floors/{floor.name}"]
    assert not any((copy / name).exists() for name in moved)
    run_again(copy)
    assert [where for where, _ in verify.check(copy).wrong] == ["draws/mine.json"]
    assert (copy / "draws" / "mine.json").read_text() == "mine"
    assert tables(copy) == before


@pytest.mark.slow
def test_repair_puts_away_a_value_with_the_samples_that_do_not_give_it(copy):
    before = tables(copy)
    path = measured(copy, "energy", "truth")
    change(path, lambda record: record["values"].update(energy=9.0))
    report = verify.check(copy, repair=True)
    assert f"measurements/{path.name}" in report.moved
    assert [name.split("/")[0] for name in report.moved] == ["measurements", "draws"]
    run_again(copy)
    assert verify.check(copy).wrong == []
    assert tables(copy) == before


def tables(root):
    from diffbench.tables import long

    return long.build(Store(root)).long.to_csv()


@pytest.mark.slow
def test_repair_of_a_good_folder_moves_nothing(copy):
    before = snapshot(copy)
    assert verify.check(copy, repair=True).moved == []
    assert snapshot(copy) == before


@pytest.mark.slow
def test_workers_find_what_one_process_finds(copy):
    change(measured(copy, "energy"), lambda record: record["values"].update(energy=9.0))
    before = snapshot(copy)
    one, two = verify.check(copy), verify.check(copy, workers=2)
    assert (one.wrong, one.measured) == (two.wrong, two.measured)
    assert len(one.wrong) == 1
    assert snapshot(copy) == before


@pytest.mark.slow
def test_who_watches_sees_each_file_and_each_measurement(done):
    seen = []

    class Watch(Listener):
        def begin(self, plan):
            seen.append(len(plan.tasks))

        def advance(self, task, record):
            seen.append(task.stage)

    report = verify.check(done, watch=lambda: contextlib.nullcontext(Watch()))
    files, checked, measured = seen[0], seen.count("check"), seen.count("measure")
    assert (files, checked) == (len([*done.glob("*/*.json")]) + 1, files)
    assert measured == report.measured


@pytest.mark.slow
def test_a_run_that_was_lost_is_said(copy):
    name = f"runs-000009-{'0' * 16}.json-{'0' * 8}"
    (copy / "quarantine").mkdir()
    (copy / "quarantine" / name).write_bytes(b"broken")
    ((where, what),) = verify.check(copy).wrong
    assert where == f"quarantine/{name}"
    assert what.endswith("run its suite again")


PLUGIN = """
import pathlib
pathlib.Path(__file__).with_name("ran.txt").write_text("ran")
from diffbench.contracts import METRICS, Column, Metric

@METRICS.register("first_coordinate")
def first_coordinate():
    '''Returns the mean of the first coordinate.'''
    def measure(key, outcome):
        return {"first_coordinate": float(outcome.samples[:, 0].mean())}, {}
    return Metric(columns={"first_coordinate": Column()}, measure=measure)
"""


def diffbench(*args, cwd):
    return subprocess.run(
        [sys.executable, "-m", "diffbench", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_the_command_runs_a_plug_in_by_the_users_word_alone(tmp_path):
    from tiny_suite import TINY, as_toml

    (tmp_path / "part.py").write_text(PLUGIN)
    (tmp_path / "s.toml").write_text(as_toml({**TINY, "metrics": ["energy", "first_coordinate"]}))
    made = diffbench(
        "run", "s.toml", "--out", "run", "--plugin", "part.py", "--workers", 0, "--no-figures", cwd=tmp_path
    )
    assert made.returncode == 0, made.stderr
    (tmp_path / "ran.txt").unlink()
    for command in (["verify", "run"], ["tables", "run"], ["list"]):
        done = diffbench(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "ran.txt").exists(), command
        if command[0] == "verify":
            assert "nothing is wrong" in done.stdout
            assert "metric 'first_coordinate' is a plug-in's: give the plug-in's file too" in done.stdout
    done = diffbench("verify", "run", "--plugin", "part.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not measured again" not in done.stdout
    assert (tmp_path / "ran.txt").exists()
    path = measured(tmp_path / "run", "first_coordinate")
    path.write_bytes(path.read_bytes()[:-9])
    done = diffbench("verify", "run", cwd=tmp_path)
    assert done.returncode == 1
    # Beside how far it is, a line for each file.
    told = [line for line in done.stderr.splitlines() if not re.match(r"to do: |[a-z ]+: \d+ ", line)]
    first, *others = told
    assert first == f"wrong: measurements/{path.name}: its content does not have the digest that it names"
    # The tables were made of it.
    assert all(re.match(r"wrong: tables/[\w.]+: it says otherwise than the records", line) for line in others)
