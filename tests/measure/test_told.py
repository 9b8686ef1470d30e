"""Figures in words."""

import pytest

from fittingroom.measure.evaluate import Interval
from fittingroom.measure.study import MEASURES
from fittingroom.measure.told import amount, counted, decimals, digits, figure, level, listed, probability, span

ACCURACY, LOSS, TIME = (MEASURES[name] for name in ("validation_accuracy", "validation_loss", "train_seconds"))


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (-0.214, 2, "−0.21"),
        (-0.001, 2, "0.00"),
        (0.0, 0, "0"),
        (1234.56, 1, "1,234.6"),
        (-0.5, 0, "0"),
        (-20, 0, "−20"),
    ],
)
def test_figures(value, places, text):
    assert figure(value, places) == text


@pytest.mark.parametrize(
    ("measure", "width", "places"),
    [
        (ACCURACY, 0.29, 2), (ACCURACY, 0.087, 2), (ACCURACY, 0.0042, 3), (ACCURACY, 6.3, 1), (ACCURACY, 31, 1),
        (LOSS, 0.0031, 4), (LOSS, 0.000_02, 4), (LOSS, 0.3, 2), (TIME, 1.8, 1), (TIME, 250, 0), (TIME, 0.0, 2),
    ],
)  # fmt: skip
def test_digits_are_those_that_the_interval_allows(measure, width, places):
    assert decimals(width, measure) == places


def test_an_end_that_would_read_as_zero_gets_more_digits():
    assert digits(ACCURACY, None) == 2
    assert digits(ACCURACY, Interval(-0.21, 0.37)) == 2
    assert digits(ACCURACY, Interval(-0.003, 0.22)) == 3
    assert digits(ACCURACY, Interval(0.1, 0.2), Interval(0.0004, 0.3)) == 4
    assert digits(ACCURACY, Interval(0.0, 0.22), None) == 2  # an end at 0 is told as beyond it


def test_units():
    assert amount(-0.08, ACCURACY, 2) == "−0.08 points"
    assert amount(0.0031, LOSS, 4) == "0.0031"
    assert level(91.62, ACCURACY, 1) == "91.6 %"
    assert level(41.2, TIME, 0) == "41 s"
    assert probability(0.0312) == "p = 0.031"
    assert probability(0.000_31) == "p < 0.001"


def test_an_end_at_zero_is_beyond_it():
    assert span(Interval(-0.214, 0.37), 2) == "−0.21 to 0.37"
    assert span(Interval(0.0, 0.37), 2) == "above 0 to 0.37"
    assert span(Interval(-0.37, 0.0), 2) == "−0.37 to below 0"


def test_lists():
    assert [listed(list("abcdefgh")[:n], 4) for n in (0, 1, 2, 4, 8)] == [
        "", "a", "a and b", "a, b, c and d", "a, b, c and 5 more",
    ]  # fmt: skip
    assert (counted(1, "seed"), counted(1200, "seed")) == ("1 seed", "1,200 seeds")
