"""Defects of few-step samplers are caught by an equation, a count or a rule, and their sound twins keep it."""

import pytest
from planted_few_steps import DEFECTS


def caught(name):
    defect = DEFECTS[name]
    sound, broken = defect.error(defect.sound()), defect.error(defect.broken())
    assert sound <= defect.bound, (sound, defect.bound)
    # Far enough that rounding does not decide.
    assert broken > max(1e3 * defect.bound, 0.5 if defect.bound == 0.0 else 0.0), (broken, defect.bound)


@pytest.mark.slow
def test_a_wrong_history_of_the_right_order_is_caught():
    caught("history")


@pytest.mark.slow
def test_noise_that_ignores_the_stride_is_caught():
    caught("stride")


@pytest.mark.slow
def test_a_corrector_that_evaluates_twice_is_caught():
    caught("corrector")


@pytest.mark.slow
def test_a_grid_that_repeats_a_knot_is_caught():
    caught("knot")


@pytest.mark.slow
def test_heun_from_the_wrong_point_is_caught():
    caught("heun")
