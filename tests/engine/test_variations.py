"""Variations for the page: training's own pixels, both ends of every strength, and the worst for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine.augment import augment
from fittingroom.engine.desk import Desk
from fittingroom.engine.variations import extremes, variations
from fittingroom.engine.worst import worst
from fittingroom.errors import InvalidSpec
from fittingroom.queue.wire import Message
from fittingroom.spec.augment import (
    AUGMENT_KINDS,
    Brightness,
    Contrast,
    Erasing,
    IntensityShift,
    Mirror,
    Noise,
    Rotation,
    Shift,
    Zoom,
)
from fittingroom.workspace import Workspace

MOMENT = {"seed": 3, "epoch": 2, "step": 17}


@pytest.fixture
def desk(own_workspace: Workspace) -> Iterator[Desk]:
    with Desk.open(own_workspace) as desk:
        yield desk


def plain(*operations: Any) -> list[dict[str, Any]]:
    return [asdict(operation) for operation in operations]


def some_images(n: int = 5, height: int = 9, width: int = 7, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, height, width, channels), dtype=np.uint8)


def test_the_preview_is_what_training_gets(desk: Desk) -> None:
    images = some_images()
    operations = [Rotation(20), Mirror(), Brightness(0.3), Noise(0.1), Erasing(0.5)]
    shown = variations(desk, Message({"operations": plain(*operations), **MOMENT}, {"images_NHWC": images}))
    trained_on = augment(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, operations, **MOMENT)
    expected = np.rint(trained_on.permute(0, 2, 3, 1).numpy() * 255)
    np.testing.assert_array_equal(shown.arrays["variants_NHWC"], expected)


def test_an_operation_that_cannot_be_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidSpec, match=r"operations\[0\]\.degrees"):
        variations(
            desk,
            Message({"operations": [{"kind": "rotation", "degrees": 999}], **MOMENT}, {"images_NHWC": some_images()}),
        )


def ends(desk: Desk, image: np.ndarray, *operations: Any) -> np.ndarray:
    answer = extremes(desk, Message({"operations": plain(*operations)}, {"image_HWC": image}))
    return answer.arrays["extremes_K2HWC"]


def test_both_ends_of_a_strength(desk: Desk) -> None:
    image = np.zeros((8, 8, 1), np.uint8)
    image[2:6, 2:6] = 100
    image[3, 4] = 200
    shifted, mirrored, dark, erased, lifted = ends(
        desk, image, Shift(0.25, 0), Mirror(0.5), Brightness(0.5), Erasing(0.5, 0.25), IntensityShift(0.2)
    )
    np.testing.assert_array_equal(shifted, [np.roll(image, -2, axis=1), np.roll(image, 2, axis=1)])
    np.testing.assert_array_equal(mirrored, [image, image[:, ::-1]])
    np.testing.assert_allclose(dark, [image * 0.5, np.clip(image * 1.5, 0, 255)], atol=0.51)
    np.testing.assert_array_equal(erased[0], image)
    assert (erased[1][2:6, 2:6] == 0).all()  # the middle quarter, four by four pixels
    np.testing.assert_allclose(lifted, [np.clip(image - 51.0, 0, 255), image + 51.0])


@pytest.mark.parametrize("kind", AUGMENT_KINDS)
def test_the_high_end_of_every_kind_can_be_seen_and_strength_0_cannot(desk: Desk, kind: str) -> None:
    image = some_images(1)[0]
    made = AUGMENT_KINDS[kind]
    (_, high), nothing = ends(desk, image, made(), made.identity())
    assert (high != image).mean() > 0.04
    np.testing.assert_array_equal(nothing, [image, image])


# The worst


def measure(desk: Desk, data: Dataset, *settings: Any, variants: int = 32, **more: Any) -> tuple[Message, list[Any]]:
    words = {
        "source": data.source, "fingerprint": data.fingerprint, "images": list(range(6)), "variants": variants,
        "settings": [plain(*operations) for operations in settings], "seed": 0, "most_foreground": 0.25,
        "most_contrast": 0.5, **more,
    }  # fmt: skip
    steps, told = worst(desk, Message(words)), []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return end.value, told


@pytest.fixture
def bars(own_workspace: Workspace) -> Dataset:
    """Bars on black as wide as the frame, in the middle: lying and standing."""
    images = np.zeros((60, 16, 16, 1), np.uint8)
    bright = np.arange(170, 200, dtype=np.uint8)[:, None, None, None]
    images[::2, 6:10] = bright
    images[1::2, :, 6:10] = bright
    return fr.load(images, np.arange(60) % 2, class_names=["lying", "standing"], name="bars")


def test_a_shift_to_the_sides_costs_a_lying_bar_up_to_half(desk: Desk, bars: Dataset) -> None:
    answer, told = measure(desk, bars, [Shift(0.5, 0)], variants=256)
    lying, standing = answer.words["found"][0]
    assert 0.49 <= lying["foreground"] <= 0.5
    assert lying["outside"] == lying["foreground"]
    assert abs(lying["over_foreground"] / lying["n"] - 3.5 / 8) < 0.05  # five of 16 columns from 4.5 pixels of 8 on
    assert (lying["n"], standing["n"]) == (3 * 256, 3 * 256)
    assert abs(standing["over_foreground"] / standing["n"] - 1 / 16) < 0.04  # two of its columns only beyond 7.5 of 8
    assert (answer.words["background"], told[-1]) == (0.0, (6, 6))


@pytest.mark.parametrize("border", ["zero", "nearest", "reflect"])
def test_a_filled_border_does_not_make_up_for_what_has_left(desk: Desk, bars: Dataset, border: str) -> None:
    answer, _ = measure(desk, bars, [Shift(0.5, 0, border=border)], variants=256)
    assert 0.49 <= answer.words["found"][0][0]["outside"] <= 0.5


def test_enlarging_leaves_less_in_the_frame(desk: Desk, bars: Dataset) -> None:
    answer, _ = measure(desk, bars, [Zoom(1.0)], variants=256)
    assert 0.45 <= answer.words["found"][0][0]["outside"] <= 0.5


@pytest.mark.parametrize("white", [False, True])
def test_what_is_erased_is_lost_on_black_and_on_white(desk: Desk, bars: Dataset, white: bool) -> None:
    images = 255 - bars.images if white else bars.images
    data = fr.load(images, bars.labels, class_names=["lying", "standing"], name="bars too")
    answer, _ = measure(desk, data, [Erasing(1.0, 0.1)], [Mirror(), Erasing(1.0, 0.1)], variants=256)
    for setting in answer.words["found"]:
        assert 0.2 < setting[0]["foreground"] <= 24 / 64  # a tenth of the area is at most 6 columns of 4 rows
        assert setting[0]["outside"] == 0


def test_darkness_and_greyness_are_told(desk: Desk, bars: Dataset) -> None:
    answer, _ = measure(desk, bars, [Brightness(0.8)], [Contrast(0.6)], [Mirror()], variants=256)
    dark, grey, mirrored = (classes[0] for classes in answer.words["found"])
    assert 0.77 <= dark["foreground"] <= 0.8
    assert dark["outside"] == 0
    assert 0.77 <= dark["contrast"] <= 0.8
    assert 0.57 <= grey["contrast"] <= 0.6
    assert (mirrored["foreground"], mirrored["contrast"], mirrored["over_foreground"]) == (0, 0, 0)
    assert answer.arrays["palest"].shape == (2, 16, 16, 1)
    assert answer.arrays["palest"][0].max() < 0.25 * 173


def test_a_trained_network_says_what_turned_images_look_like(desk: Desk, bars: Dataset) -> None:
    run = fr.fit(fr.Network([fr.Flatten(), fr.Classify()]), bars, epochs=8, batch_size=8)
    answer, _ = measure(desk, bars, [Rotation(90)], [Mirror()], run=run.id)
    (lying, _), (mirrored, _) = answer.words["found"]
    assert (mirrored["agreed"], mirrored["n"], mirrored["other"]) == (96, 96, None)
    assert 0.3 < lying["agreed"] / lying["n"] < 0.7  # beyond 45 degrees, half of the time, it stands
    assert lying["other"] == 1
    assert lying["agreed"] + lying["other_count"] == lying["n"]


def test_large_images_are_varied_in_small_steps_to_the_same_number(
    desk: Desk, bars: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fittingroom.engine.worst.STEP_VALUES", 16 * 16 * 5)
    answer, told = measure(desk, bars, [Shift(0.5, 0)], variants=32)
    assert told[-1] == (6 * 7, 6 * 7)
    assert [tally["n"] for tally in answer.words["found"][0]] == [96, 96]


def test_pictures_of_large_images_are_thinned_out(desk: Desk, own_workspace: Workspace) -> None:
    images = np.random.default_rng(2).integers(0, 256, (24, 300, 20, 1), dtype=np.uint8)
    data = fr.load(images, np.arange(24) % 2, class_names=["odd", "even"], name="tall")
    answer, _ = measure(desk, data, [Mirror(1.0)], variants=2)
    assert answer.words["apart"] == 2
    of = answer.words["found"][0][0]["worst_of"]
    np.testing.assert_array_equal(answer.arrays["worst"][0], images[of][:, ::-1][::2, ::2])


def test_the_worst_is_the_same_every_time(desk: Desk, stripes: Callable[..., Dataset]) -> None:
    data = stripes()
    answers = [measure(desk, data, [Shift(0.3), Noise()])[0] for _ in range(2)]
    assert answers[0].words == answers[1].words
    np.testing.assert_array_equal(answers[0].arrays["worst"], answers[1].arrays["worst"])
