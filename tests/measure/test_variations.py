"""What variations cost, against cases that were worked out by hand."""

from __future__ import annotations

import numpy as np

from fittingroom.measure.variations import faded, losses, outside, vanished


def stay(n: int = 1) -> np.ndarray:
    return np.broadcast_to(np.eye(2, 3), (n, 2, 3)).copy()


def moved_by(right: float, down: float) -> np.ndarray:
    source = stay()
    source[0, :, 2] = -right, -down
    return source


def bar(width: int = 8, height: int = 4) -> np.ndarray:
    """A bar as wide as the frame, one pixel high, in the second row."""
    ink = np.zeros((height, width))
    ink[1] = 1
    return ink


def test_a_shift_by_half_the_width_loses_half_of_a_bar() -> None:
    np.testing.assert_allclose(outside(bar(), [moved_by(4, 0)], 1), [0.5])
    np.testing.assert_allclose(outside(bar(), [moved_by(-2, 0)], 1), [0.25])
    np.testing.assert_allclose(outside(bar(), [moved_by(0, 2)], 1), [0])
    np.testing.assert_allclose(outside(bar(), [moved_by(0, 3)], 1), [1])


def test_ink_counts_by_its_weight() -> None:
    ink = bar(4, 3)
    ink[1, 3] = 5
    np.testing.assert_allclose(outside(ink, [moved_by(1, 0)], 1), [5 / 8])


def test_enlarging_to_twice_the_size_keeps_a_quarter() -> None:
    source = stay()
    source[0, 0, 0] = source[0, 1, 1] = 0.5
    np.testing.assert_allclose(outside(np.ones((8, 8)), [source], 1), [0.75])


def test_what_left_in_one_movement_does_not_come_back_in_the_next() -> None:
    np.testing.assert_allclose(outside(bar(), [moved_by(4, 0), moved_by(-4, 0)], 1), [0.5])
    np.testing.assert_allclose(outside(bar(), [moved_by(0, 1), moved_by(0, -1)], 1), [0])


def test_each_variation_has_a_map_of_its_own_and_nothing_is_lost_of_nothing() -> None:
    maps = np.concatenate([stay(), moved_by(4, 0)])
    np.testing.assert_allclose(outside(bar(), [maps], 2), [0, 0.5])
    np.testing.assert_array_equal(outside(np.zeros((4, 8)), [maps], 2), [0, 0])
    np.testing.assert_array_equal(outside(bar(), [], 3), [0, 0, 0])


def test_a_quarter_of_what_is_bright_vanishes_on_black_and_of_what_is_dark_on_white() -> None:
    before = np.zeros((1, 2, 2, 1))
    before[0, 0, :, 0] = 0.8, 0.4
    after = before.copy()
    after[0, 0, :, 0] = 0.7, 0.2
    np.testing.assert_allclose(vanished(before, after, 0), [0.25])
    np.testing.assert_allclose(vanished(1 - before, 1 - after, 1), [0.25])


def test_more_ink_elsewhere_does_not_make_up_for_what_vanished() -> None:
    before = np.zeros((1, 1, 4, 1))
    before[0, 0, 0] = 1
    after = np.ones((1, 1, 4, 1))
    after[0, 0, 0] = 0
    np.testing.assert_allclose(vanished(before, after, 0), [1])
    np.testing.assert_allclose(vanished(before, np.full_like(before, 1), 0), [0])
    np.testing.assert_array_equal(vanished(np.zeros_like(before), after, 0), [0])


def test_what_was_erased_has_vanished_also_where_it_is_as_dark_as_the_image() -> None:
    dark = np.zeros((1, 1, 4, 1))
    present = np.array([1, 1, 1, 0.0]).reshape(1, 1, 4)
    np.testing.assert_allclose(vanished(dark, dark, 1), [0])
    np.testing.assert_allclose(vanished(dark, dark, 1, present), [0.25])


def test_contrast_lost_is_the_relative_drop_of_the_spread() -> None:
    before = np.array([0.2, 0.8]).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(faded(before, 0.5 + (before - 0.5) * 0.3), [0.7])
    np.testing.assert_allclose(faded(before, before + 0.1), [0], atol=1e-12)
    np.testing.assert_array_equal(faded(before, (before - 0.5) * 1.5 + 0.5), [0])
    np.testing.assert_array_equal(faded(np.full_like(before, 0.5), before), [0])


def test_what_left_and_what_vanished_add_up() -> None:
    image = np.zeros((1, 4, 1))
    image[0, :, 0] = 1
    moved = np.array([0, 0, 1, 1.0]).reshape(1, 1, 4, 1)
    found = losses(image, moved, moved * 0.5, [moved_by(2, 0)], 0)
    np.testing.assert_allclose([found.outside_N, found.vanished_N, found.foreground], [[0.5], [0.5], [0.75]])
    np.testing.assert_allclose(found.contrast_N, [0.5])
