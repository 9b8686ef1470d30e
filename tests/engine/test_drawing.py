"""What networks say of a drawing: fitted as it is, or to the frame; and how alike it is to the training images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine import likeness
from fittingroom.engine.classifier import Preprocessing
from fittingroom.engine.desk import Desk
from fittingroom.engine.drawing import drawing, fit_drawing, prepare_likeness
from fittingroom.engine.likeness import Reference
from fittingroom.queue.stored import open_store, spec_of
from fittingroom.queue.wire import Message
from fittingroom.workspace import Workspace

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def form(shape: tuple[int, int, int], background: float = 0.0) -> Preprocessing:
    channels = shape[0]
    return Preprocessing(shape, ("a", "b"), (0.3,) * channels, (0.3,) * channels, background)


def test_what_is_drawn_is_what_the_network_sees() -> None:
    seen = np.random.default_rng(0).integers(0, 256, (28, 28, 1), dtype=np.uint8)
    seen[0] = seen[-1] = seen[:, 0] = seen[:, -1] = 255  # drawn over the border, too
    pad = seen.repeat(10, axis=0).repeat(10, axis=1)
    fitted = fit_drawing(pad, 0, form((1, 28, 28)))
    np.testing.assert_array_equal(fitted.pixels_HWC, seen)
    assert fitted.steps == ("resized 280×280 → 28×28",)
    inverted = fit_drawing(pad, 0, form((1, 28, 28), background=1.0))
    np.testing.assert_array_equal(inverted.pixels_HWC, 255 - seen)


def test_half_covered_pixels_have_half_the_intensity() -> None:
    pad = np.zeros((280, 280, 1), np.uint8)
    pad[100:105, 100:110] = 200  # the upper half of one pixel of the network
    seen = fit_drawing(pad, 0, form((1, 28, 28))).pixels_HWC[:, :, 0]
    assert seen[10, 10] == 100
    assert np.count_nonzero(seen) == 1


def test_each_network_has_its_own_view_of_a_drawing() -> None:
    pad = np.zeros((280, 280, 3), np.uint8)
    pad[70:210, 70:210] = (255, 0, 0)
    grey = fit_drawing(pad, 0, form((1, 28, 28)))
    assert grey.steps == ("colours → grey", "resized 280×280 → 28×28")
    assert grey.pixels_HWC[14, 14, 0] == round(0.299 * 255)
    wide = fit_drawing(pad, 0, form((3, 32, 64)))
    assert wide.steps == ("resized 280×280 → 32×64, padded to keep its proportions",)
    assert (wide.pixels_HWC[:, :16] == 0).all()
    assert wide.pixels_HWC[16, 32].tolist() == [255, 0, 0]
    coloured = fit_drawing(pad[:, :, :1], 0, form((3, 28, 28)))
    assert coloured.steps[0] == "grey → colours"
    assert coloured.pixels_HWC[14, 14].tolist() == [255, 255, 255]


@pytest.mark.parametrize("ground", [0, 1])
def test_fitted_to_the_frame_it_is_as_large_as_digits_of_mnist_with_its_mass_in_the_middle(ground: int) -> None:
    strength = np.zeros((280, 280, 1), np.uint8)
    strength[20:60, 200:210] = 255  # an upright bar in a corner
    strength[50:60, 200:230] = 255  # with a foot
    fitted = fit_drawing(255 - strength if ground else strength, ground, form((1, 28, 28), ground), frame=True)
    assert fitted.steps[0] == "cropped, scaled to 71 % of the frame, centred by its mass"
    seen = fitted.pixels_HWC[:, :, 0].astype(float)
    mass = np.abs(seen - 255 * ground)
    rows, columns = np.flatnonzero(mass.max(1) > 100), np.flatnonzero(mass.max(0) > 100)
    assert rows[-1] - rows[0] + 1 in {20, 21}
    assert columns[-1] - columns[0] + 1 in {15, 16}
    for axis in (0, 1):
        middle = (mass.sum(1 - axis) @ np.arange(28)) / mass.sum()
        assert middle == pytest.approx(13.5, abs=0.6)


def test_nothing_drawn_is_fitted_to_no_frame() -> None:
    blank = np.zeros((280, 280, 1), np.uint8)
    assert not fit_drawing(blank, 0, form((1, 28, 28)), frame=True).pixels_HWC.any()


# -- likeness ----------------------------------------------------------------------------------------------------------


def reference_of(data: Dataset, validation: int) -> Reference:
    steps = likeness.measured(data, data.split(validation, 0))
    done = []
    while True:
        try:
            done.append(next(steps))
        except StopIteration as end:
            assert [count for count, _ in done] == sorted(count for count, _ in done)
            assert done[-1][0] == done[-1][1]
            found: Reference = end.value
            return found


def by_hand(image: Pixels, others: Pixels) -> Any:
    """Pearson's correlation with each of the others, as NumPy has it."""
    return [np.corrcoef(image.ravel(), other.ravel())[0, 1] for other in others]


def test_likeness_is_the_correlation_with_the_most_similar_training_image(
    stripes: Callable[..., Dataset],
) -> None:
    data = stripes(300, size=10)
    split = data.split(90, 0)
    reference = reference_of(data, 90)
    usual = sorted(max(by_hand(data.images[each], data.images[split.train])) for each in split.validation)
    np.testing.assert_allclose(reference.usual_V, usual, atol=1e-5)
    image = data.images[split.validation[3]] // 2 + 30  # brightness and contrast do not count
    found = reference.likeness(image)
    assert found is not None
    expected = by_hand(image, data.images[split.train])
    assert found.correlation == pytest.approx(max(expected), abs=1e-5)
    assert found.nearest == split.train[int(np.argmax(expected))]
    assert found.below == pytest.approx(np.mean(np.array(usual) > max(expected)), abs=1.01 / 90)
    assert np.mean(np.array(usual) >= reference.least) >= 0.98


def test_an_image_without_form_is_like_none(stripes: Callable[..., Dataset]) -> None:
    reference = reference_of(stripes(), 90)
    assert reference.likeness(np.zeros((8, 8, 1), np.uint8)) is None
    assert reference.likeness(np.full((8, 8, 1), 90, np.uint8)) is None


def test_large_images_are_compared_at_a_smaller_size(stripes: Callable[..., Dataset]) -> None:
    data = stripes(90, size=80, channels=3)
    reference = reference_of(data, 30)
    assert reference.forms_RD.shape[1] == 32 * 32 * 3
    training = data.images[data.split(30, 0).train[5]]
    found = reference.likeness(training)
    assert found is not None
    assert (found.correlation, found.nearest) == (pytest.approx(1, abs=1e-5), data.split(30, 0).train[5])


@pytest.fixture(scope="module")
def clothes() -> tuple[Dataset, Reference, Pixels]:
    """Fashion-MNIST, its reference, and validation images that had no part in it."""
    data = fr.load("fashion-mnist")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness, "COMPARED", 5000)
        patch.setattr(likeness, "JUDGED", 1000)
        reference = reference_of(data, 5000)
    others = np.setdiff1d(data.split(5000, 0).validation, likeness._evenly(data.split(5000, 0).validation, 1000))
    return data, reference, data.images[others[:1000]]


def flagged(reference: Reference, images: Pixels) -> float:
    """The share that is called unlike."""
    found = [reference.likeness(image) for image in images]
    return float(np.mean([each is None or each.correlation < reference.least for each in found]))


def test_of_real_images_about_as_many_are_unlike_as_is_said(clothes: tuple[Dataset, Reference, Pixels]) -> None:
    _, reference, others = clothes
    assert 0.005 <= flagged(reference, others) <= 0.04  # stated: 2 %; n = 1,000 on both sides


def test_what_is_no_image_of_the_kind_is_unlike(clothes: tuple[Dataset, Reference, Pixels]) -> None:
    _, reference, others = clothes
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
    assert flagged(reference, noise) == 1
    assert flagged(reference, 255 - others[:200]) > 0.97
    rows, columns = np.mgrid[-14:14, -14:14]
    directions = [np.cos(turn) * columns + np.sin(turn) * rows for turn in np.linspace(0, 6, 40)]
    gradients = np.stack([np.clip(128 + 7 * each, 0, 255) for each in directions]).astype(np.uint8)
    assert flagged(reference, gradients[..., np.newaxis]) > 0.6
    lines = []
    for _ in range(40):
        pad = Image.new("L", (280, 280))
        ends = generator.integers(40, 240, (2, 2)).tolist()
        ImageDraw.Draw(pad).line([tuple(end) for end in ends], fill=255, width=20)
        lines.append(np.asarray(pad.resize((28, 28), Image.Resampling.BOX))[..., np.newaxis])
    assert flagged(reference, np.stack(lines)) > 0.9


# -- what the page asks for --------------------------------------------------------------------------------------------


def test_two_networks_say_what_they_see_and_a_missing_one_keeps_none_from_it(
    own_workspace: Workspace, stripes: Callable[..., Dataset]
) -> None:
    data = stripes()
    networks = [fr.Network([fr.Flatten(), fr.Classify()]), fr.Network([fr.Flatten(), fr.Dense(4), fr.Classify()])]
    one, other = (fr.fit(network, data, epochs=1).id for network in networks)
    with open_store(own_workspace) as store:
        spec = spec_of(store.run(one)).data
    trained = int(data.split(spec.validation, spec.split_seed).train[7])
    pad = data.images[trained].repeat(5, axis=0).repeat(5, axis=1)
    runs = [{"run": run, "sha256": ""} for run in (one, "gone-1", other)]
    question = Message({"runs": runs, "ground": 0, "frame": False}, {"pixels_HWC": pad})
    with Desk.open(own_workspace) as desk:
        answer = drawing(desk, question)
        first, gone, second = answer.words["models"]
        assert "problem" not in first
        assert 'there is no run "gone-1"' in gone["problem"]
        assert first["likeness"] == second["likeness"] == "wanted"
        for number, run in ((0, one), (2, other)):
            np.testing.assert_array_equal(answer.arrays[f"fitted_{number}"], data.images[trained])
            expected = desk.classifier(run).probabilities(data.images[trained : trained + 1])[0]
            np.testing.assert_allclose(answer.arrays[f"probabilities_{number}"], expected, atol=1e-6)

        *_, (done, total) = prepare_likeness(desk, Message({"run": one}))
        assert done == total
        assert list(prepare_likeness(desk, Message({"run": other}))) == []  # the same images: nothing to be done
        first, _, second = drawing(desk, question).words["models"]
        assert first["likeness"] == second["likeness"]
        assert first["likeness"]["correlation"] == pytest.approx(1, abs=1e-5)
        assert first["likeness"]["nearest"] == trained
        assert first["likeness"]["label"] == data.class_names[data.labels[trained]]
