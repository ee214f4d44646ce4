"""Headline tables: what is bold leads by more than noise, and heads tell what they mean."""

import re

import pandas as pd
from ranked import long_of

from diffbench.report import headline
from diffbench.report.gathered import Gathered
from diffbench.tables.long import Tables


def found(values):
    long = long_of(values).assign(nfe=100, n_samples=100, reason="", z=1.0)
    tables = Tables(long, pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    about = {"better": "lower", "censored": False}
    return Gathered("run", None, {"columns": {"energy": {"energy": about}}, "cells": []}, tables)


GOOD = [[0.0, 0.01, 0.0], [0.01, 0.0, 0.01]]
BAD = [[0.5, 0.51, 0.5], [0.5, 0.52, 0.49]]


def test_a_lead_beyond_noise_is_bold_and_one_within_it_is_not():
    table = str(headline.overall(found({"good": GOOD, "bad": BAD}), "t"))
    assert re.findall(r"font-weight: bold[^>]*>([^<]*)<", table) == ["0.995 (0.990 to 1.00)"] or (
        len(re.findall(r"font-weight: bold", table)) == 1
    )
    noisy = str(headline.overall(found({"good": BAD, "bad": BAD}), "t"))
    assert "font-weight: bold" not in noisy


def test_on_a_dataset_the_leader_of_all_pairs_is_best():
    best = headline.leaders(found({"good": GOOD, "bad": BAD, "other": BAD}), "a", ["energy"])
    assert best == {(("learned", "good", "", "own"), "energy")}


def test_a_head_tells_what_its_column_means():
    table = str(headline.of_dataset(found({"good": GOOD}), "a", "t"))
    assert re.search(r'class="term" title="Energy distance[^"]*Lower is better', table)
    assert "<style" not in table
