"""What a person sees on a terminal."""

import pytest

from diffbench import console
from diffbench.tables import rendering

HEADS = [*rendering.HEAD, "energy z", "mmd2_loc z", "mode_tv z"]
CELLS = 4  # the column of completed cells


def row(family, sampler):
    return ["learned", family, sampler, "1000", "3/3", "0.5 ± 1.8", "0.9 ± 0.6", "1.2 ± 3.1"]


def shown(*rows, width=100, without=(CELLS,)):
    return [HEADS[i] for i in console._fitting([HEADS, *rows], width, without)]


def test_all_metrics_are_shown_where_they_fit():
    assert shown(row("ddpm", "ancestral")) == [head for head in HEADS if head != "cells"]
    assert shown(row("ddpm", "ancestral"), without=()) == HEADS


def test_the_last_metrics_go_before_labels_are_folded():
    assert shown(row("score_sde (corrected)", "langevin (corrected)"), width=80)[-1] == "mmd2_loc z"


def test_two_metrics_stay_however_long_the_labels_are():
    assert shown(row("x" * 200, "y" * 200))[-2:] == ["energy z", "mmd2_loc z"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_what_is_shown_is_no_wider_unless_two_metrics_are_left(width):
    rows = [HEADS, row("score_sde", "predictor_corrector"), row("ddpm", "ancestral")]
    found = console._fitting(rows, width, [CELLS])
    wide = sum(max(len(cells[i]) for cells in rows) + 1 for i in found)
    assert wide <= width or len(found) == len(rendering.HEAD) - 1 + console.LEAST
