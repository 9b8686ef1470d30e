"""Augmentation by what one sees: directions in small pictures, ranges and distributions over many draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch

from fittingroom.engine.augment import augment
from fittingroom.spec.augment import (
    Augment,
    Brightness,
    Contrast,
    Erasing,
    IntensityShift,
    Mirror,
    Noise,
    Rotation,
    Shear,
    Shift,
    UpsideDown,
    Zoom,
)


def augmented(images: torch.Tensor, *operations: Augment) -> torch.Tensor:
    return augment(images, operations, seed=7, epoch=3, step=11)


# What one sees, with the largest draw each time.


@pytest.fixture
def always_highest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uniform draws give the upper end of their range; flips always happen for probability 1."""

    class Highest:
        def uniform(self, low: float, high: float, size: int | tuple[int, ...]) -> np.ndarray:
            return np.full(size, float(high))

        def random(self, size: int) -> np.ndarray:
            return np.full(size, np.nextafter(1, 0))

    monkeypatch.setattr("fittingroom.engine.draws.stream", lambda *_: Highest())


def picture(*rows: str) -> torch.Tensor:
    return torch.tensor([[float(mark == "#") for mark in row] for row in rows]).view(1, 1, len(rows), -1)


FLAG = picture(
    "##...",
    "##...",
    "#....",
    "#....",
    "#....",
)


@pytest.mark.usefixtures("always_highest")
@pytest.mark.parametrize(
    ("operations", "seen"),
    [
        ([Mirror(1)], picture("...##", "...##", "....#", "....#", "....#")),
        ([UpsideDown(1)], picture("#....", "#....", "#....", "##...", "##...")),
        ([Rotation(90)], picture(".....", ".....", ".....", "##...", "#####")),
        ([Shift(0.2, vertical=0)], picture(".##..", ".##..", ".#...", ".#...", ".#...")),
        ([Shift(0, vertical=0.4)], picture(".....", ".....", "##...", "##...", "#....")),
        ([Shift(0.2)], picture(".....", ".##..", ".##..", ".#...", ".#...")),
        ([Shift(0.2, vertical=0, border="nearest")], picture("###..", "###..", "##...", "##...", "##...")),
        ([Shift(0.4, vertical=0, border="reflect")], picture("####.", "####.", ".##..", ".##..", ".##..")),
        ([Shear(45)], picture("..##.", ".##..", "#....", ".....", ".....")),
        ([Shift(0.2, vertical=0), Mirror(1)], picture("..##.", "..##.", "...#.", "...#.", "...#.")),
        ([Mirror(1), Shift(0.2, vertical=0)], picture("....#", "....#", ".....", ".....", ".....")),
    ],
    ids=str,
)
def test_directions(operations: list[Augment], seen: torch.Tensor) -> None:
    torch.testing.assert_close(augmented(FLAG, *operations), seen, atol=1e-6, rtol=0)


@pytest.mark.usefixtures("always_highest")
def test_highest_zoom_enlarges_about_the_centre() -> None:
    spot = picture(".....", ".....", "..#..", ".....", ".....")
    tent = torch.tensor([0, 0.5, 1, 0.5, 0])
    torch.testing.assert_close(augmented(spot, Zoom(1))[0, 0], tent[:, None] * tent)


@pytest.mark.usefixtures("always_highest")
def test_values_are_clipped_once_at_the_end() -> None:
    images = torch.tensor([0.4, 0.9]).view(1, 1, 1, 2)
    doubled_and_averaged = augmented(images, Brightness(1), Shift(0.25, vertical=0))
    torch.testing.assert_close(doubled_and_averaged, torch.tensor([0.4, 1.0]).view(1, 1, 1, 2))
    # 0.8 and 1.8 moved right by half a pixel: (0 + 0.8)/2 and (0.8 + 1.8)/2 = 1.3, clipped only now


# Ranges and distributions, read off the images: two channels hold the place where a pixel came from.


def maps_seen(operation: Augment, n: int = 2000, size: int = 9) -> np.ndarray:
    """The N×2×3 maps from a place in the result to its place in the image, read off at the centre."""
    place = torch.linspace(0, 1, size)
    ramps = torch.stack([place.expand(size, size), place[:, None].expand(size, size)])
    seen = (augmented(ramps.expand(n, 2, size, size), operation).double().numpy() - 0.5) * (size - 1)
    middle = size // 2
    centre = seen[:, :, middle, middle]
    return np.stack([seen[:, :, middle, middle + 1] - centre, seen[:, :, middle + 1, middle] - centre, centre], axis=2)


def assert_uniform(values: np.ndarray, low: float, high: float) -> None:
    margin = 1e-3 * (high - low)
    assert values.min() >= low - margin
    assert values.max() <= high + margin
    assert scipy.stats.kstest(values, "uniform", args=(low, high - low)).pvalue > 0.01


def test_rotation_is_uniform_either_way_and_changes_no_lengths() -> None:
    maps = maps_seen(Rotation(30))
    np.testing.assert_allclose(maps[:, 0, 0] ** 2 + maps[:, 1, 0] ** 2, 1, atol=1e-5)
    assert_uniform(np.degrees(np.arctan2(maps[:, 1, 0], maps[:, 0, 0])), -30, 30)


def test_shear_is_uniform_in_degrees_and_keeps_rows() -> None:
    maps = maps_seen(Shear(40))
    np.testing.assert_allclose(maps[:, 1], np.tile([0, 1, 0], (2000, 1)), atol=1e-5)
    np.testing.assert_allclose(maps[:, 0, 0], 1, atol=1e-5)
    assert_uniform(np.degrees(np.arctan(maps[:, 0, 1])), -40, 40)


def test_shift_is_uniform_and_independent_in_both_directions() -> None:
    right, down = -maps_seen(Shift(0.3, vertical=0.1), size=21)[:, :, 2].T
    assert_uniform(right, -0.3 * 21, 0.3 * 21)
    assert_uniform(down, -0.1 * 21, 0.1 * 21)
    assert abs(np.corrcoef(right, down)[0, 1]) < 4 / math.sqrt(2000)


def test_zoom_is_uniform_in_the_logarithm_and_keeps_proportions() -> None:
    maps = maps_seen(Zoom(0.5))
    np.testing.assert_allclose(maps[:, 0, 0], maps[:, 1, 1], atol=1e-5)
    assert_uniform(-np.log(maps[:, 0, 0]), -math.log(1.5), math.log(1.5))


def test_brightness_intensity_and_contrast_are_uniform() -> None:
    half = torch.full((2000, 1, 1, 2), 0.5)
    assert_uniform(augmented(half, Brightness(0.4))[:, 0, 0, 0].numpy() / 0.5, 0.6, 1.4)
    assert_uniform(augmented(half, IntensityShift(0.4))[:, 0, 0, 0].numpy() - 0.5, -0.4, 0.4)
    pair = torch.tensor([0.4, 0.6]).expand(2000, 1, 1, 2)
    seen = augmented(pair, Contrast(0.4)).numpy()
    np.testing.assert_allclose(seen.mean(axis=3), 0.5, atol=1e-6)
    assert_uniform((seen[:, 0, 0, 1] - seen[:, 0, 0, 0]) / 0.2, 0.6, 1.4)


def test_noise_is_gaussian_and_differs_in_every_value() -> None:
    seen = augmented(torch.full((8, 3, 20, 20), 0.5), Noise(0.1)).numpy().ravel() - 0.5
    assert scipy.stats.kstest(seen, "norm", args=(0, 0.1)).pvalue > 0.01
    assert len(np.unique(seen)) > 0.99 * len(seen)


def test_erasing_hits_its_share_within_its_area_and_anywhere() -> None:
    seen = augmented(torch.ones(4000, 1, 20, 30), Erasing(0.4, area=0.25))[:, 0].numpy() == 0
    area = seen.mean(axis=(1, 2))
    assert area.max() <= 0.25
    assert area.max() > 0.22
    assert abs((area > 0).mean() - 0.4) < 0.04
    filled = seen.any(axis=1).sum(axis=1) * seen.any(axis=2).sum(axis=1) / 600
    np.testing.assert_allclose(filled, area)
    assert seen.any(axis=0).all(), "every pixel is erased sometimes"
