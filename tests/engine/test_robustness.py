"""Harmed images, beside SciPy's own blur, shift and rotation, and the scores that come of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine.desk import Desk
from fittingroom.engine.robustness import harm, measure
from fittingroom.engine.score import classifier_of
from fittingroom.measure.robustness import KINDS
from fittingroom.queue.stored import validation_of
from fittingroom.workspace import Workspace

BACKGROUND = 40 / 255


@pytest.fixture
def images() -> np.ndarray:
    """Smooth grey images of 24×20 on a ground of 40, so that ways of interpolation hardly differ."""
    generator = np.random.default_rng(0)
    images = np.full((6, 24, 20, 1), 40.0)
    images[:, 6:18, 5:15, 0] += generator.uniform(0, 150, (6, 12, 10))
    return np.stack([ndimage.gaussian_filter(image, (1, 1, 0)) for image in images]).round().astype(np.uint8)


def test_blur_is_scipys(images: np.ndarray) -> None:
    found = harm(images, "blur", 0.06, background=BACKGROUND)
    for image, blurred in zip(images, found, strict=True):
        expected = ndimage.gaussian_filter(image[:, :, 0].astype(float), 0.06 * 24, mode="constant", cval=40)
        np.testing.assert_allclose(blurred[:, :, 0], expected, atol=1)


def test_shifts_have_their_length_in_every_direction(images: np.ndarray) -> None:
    found = harm(np.repeat(images[:1], 200, axis=0), "shift", 0.1, background=BACKGROUND)[..., 0].astype(float) - 40
    ink = images[0, :, :, 0].astype(float) - 40
    grid = np.indices(ink.shape)
    centre = (grid * ink).sum(axis=(1, 2)) / ink.sum()
    moved = np.stack([(grid * image).sum(axis=(1, 2)) / image.sum() - centre for image in found])
    lengths = np.hypot(moved[:, 0] / 24, moved[:, 1] / 20)
    np.testing.assert_allclose(lengths, 0.1, atol=0.01)
    directions = np.arctan2(moved[:, 0], moved[:, 1])
    assert np.histogram(directions, 4, (-np.pi, np.pi))[0].min() > 30


def test_rotation_is_scipys_one_way_or_the_other(images: np.ndarray) -> None:
    square = images[:, 2:22]
    ways = set()
    for image, turned in zip(square, harm(square, "rotation", 30, background=BACKGROUND), strict=True):
        plain = image[:, :, 0].astype(float)
        off = {
            way: np.abs(turned[:, :, 0] - ndimage.rotate(plain, way * 30, reshape=False, order=1, cval=40)).max()
            for way in (-1, 1)
        }
        ways.add(min(off, key=off.__getitem__))
        assert min(off.values()) <= 2
        assert max(off.values()) > 10
    assert ways == {-1, 1}


def test_brightness_contrast_and_noise_by_their_formulas(images: np.ndarray) -> None:
    plain = images.astype(float)
    brighter = harm(images, "brightness", 0.3, background=BACKGROUND)
    np.testing.assert_allclose(brighter, np.clip(1.3 * plain, 0, 255), atol=0.51)
    mean = plain.mean(axis=(1, 2, 3), keepdims=True)
    flatter = harm(images, "contrast", -0.75, background=BACKGROUND)
    np.testing.assert_allclose(flatter, mean + 0.25 * (plain - mean), atol=0.51)
    noise = harm(np.full((50, 20, 20, 1), 128, np.uint8), "noise", 0.1, background=0.0).astype(float) - 128
    assert noise.std() == pytest.approx(25.5, rel=0.03)
    assert abs(noise.mean()) < 1


def test_the_same_is_drawn_at_every_strength(images: np.ndarray) -> None:
    weak, strong = (harm(images, "noise", s, background=0.0).astype(float) - images for s in (0.02, 0.04))
    inside = (images > 60) & (images < 180)
    np.testing.assert_allclose(strong[inside], 2 * weak[inside], atol=1.6)


def test_a_run_is_measured_on_its_validation_images(own_workspace: Workspace, stripes: Callable[..., Dataset]) -> None:
    data = stripes()
    run = fr.fit(fr.Network([fr.Flatten(), fr.Classify()]), data, epochs=10, validation=0.3)
    with Desk.open(own_workspace) as desk:
        evaluation, validation = validation_of(desk.run(run.id), own_workspace)
        classifier = classifier_of(desk.run(run.id), own_workspace)
        steps, told = measure(classifier, data, validation), []
        while True:
            try:
                told.append(next(steps))
            except StopIteration as end:
                found, forms = end.value
                break
    assert told[-1] == (25, 25)  # 90 images in one part: unharmed, and 24 times harmed
    assert (found.n, found.clean.right) == (90, round(evaluation.accuracy * 90))
    shift = found.harmed["shift"][-1]
    assert shift.accuracy < found.clean.accuracy - 0.2  # the class is where the stripe stands
    assert shift.right <= found.clean.right - shift.lost + (90 - found.clean.right)
    assert forms.shape == (25, 8, 8, 1)
    np.testing.assert_array_equal(forms[1], harm(forms[:1], KINDS[0].name, KINDS[0].strengths[0], background=0)[0])
