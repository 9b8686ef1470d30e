"""What harmed images cost, with counts whose verdict is worked out by hand or by SciPy."""

from __future__ import annotations

import pytest
from scipy.stats import binom, binomtest

from fittingroom.measure.robustness import KINDS, Robustness, at_least


def counts(**changed: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """80 of 100 are recognized whatever happens, except by these kinds: (right, lost) by strength."""
    return [changed.get(kind.name, [(80, 0)] * 4) for kind in KINDS]


def test_points_are_in_order_with_the_unharmed_images_among_them() -> None:
    found = Robustness.of(100, 80, counts(contrast=[(10, 70), (40, 40), (70, 10), (79, 1)]))
    contrast = KINDS[-1]
    points = found.points(contrast)
    assert [(contrast.shown(point.strength), point.accuracy) for point in points] == [
        ("−75 %", 0.1), ("−50 %", 0.4), ("−25 %", 0.7), ("0 %", 0.8), ("+50 %", 0.79),
    ]  # fmt: skip


def test_losses_are_told_from_chance_by_the_changed_images_with_holms_correction() -> None:
    """Of 24 tests the worst must reach 0.05 / 24: 9 lost of 9 changed do (1/512), 8 of 8 (1/256) do not."""
    assert binomtest(9, 9, 0.5, alternative="greater").pvalue < 0.05 / 24 < 1 / 256
    nine = Robustness.of(100, 80, counts(noise=[(80, 0), (80, 0), (80, 0), (71, 9)]))
    assert nine.worse() == {("noise", 0.2)}
    eight = Robustness.of(100, 80, counts(noise=[(80, 0), (80, 0), (80, 0), (72, 8)]))
    assert eight.worse() == set()
    mixed = Robustness.of(100, 80, counts(noise=[(80, 0), (80, 0), (80, 0), (80, 20)]))  # as many are won
    assert mixed.worse() == set()


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 5), (5, 5), (3, 10), (700, 1300), (1999, 2000)])
def test_the_exact_probability_is_scipys(k: int, n: int) -> None:
    assert at_least(k, n) == pytest.approx(binom.sf(k - 1, n, 0.5), rel=1e-9)


def test_the_reading_names_the_worst_and_what_is_steady() -> None:
    some = [(70, 10), (60, 20), (50, 30), (30, 50)]
    found = Robustness.of(100, 80, counts(noise=some, blur=some, shift=some, rotation=[(20, 60)] * 4))
    assert found.reading == [
        "Most is lost by rotation at 5°: 20.0 % instead of 80.0 %.",
        "No loss beyond chance at any strength of brightness and contrast.",
    ]
    assert Robustness.of(100, 80, counts()).reading == ["Nothing that was tried costs more than chance could."]
