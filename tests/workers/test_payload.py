"""What travels with a task comes out as it went in, as JSON."""

import dataclasses
import json

from diffbench.workers.payload import Payload

FIT = {"stage": "fit", "seed": 0}
LED = {"stage": "fit", "seed": 1}


def test_a_payload_comes_back_from_the_text_of_its_json():
    sent = Payload("a", FIT, "/run", ("p.py",), (LED,), "b")
    back = Payload.of(json.loads(json.dumps(sent.to_json())))
    # JSON has no tuples.
    assert json.dumps(dataclasses.asdict(back)) == json.dumps(dataclasses.asdict(sent))


def test_who_leads_nobody_and_is_not_led_says_nothing_of_it():
    assert Payload("a", FIT, "/run").to_json() == {"name": "a", "spec": FIT, "root": "/run", "plugins": []}


def test_what_a_later_version_adds_is_left_out():
    assert Payload.of({"name": "a", "spec": FIT, "root": "/run", "colour": "red"}) == Payload(
        "a", FIT, "/run"
    )


def test_the_records_of_a_task_are_its_own_and_those_it_leads():
    assert Payload("a", FIT, "/run", leads=(LED,)).specs == (FIT, LED)
