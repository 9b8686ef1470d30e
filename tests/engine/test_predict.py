"""Pictures of any size reach the network as its training images look, and it is said what was done to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fittingroom as fr
from fittingroom.engine.classifier import Classifier, Preprocessing
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.predict import fit_file, fit_image, predict_files
from fittingroom.engine.prepare import PreparedRun
from fittingroom.errors import InvalidData, WorkspaceError

Prepare = Callable[..., PreparedRun]
DARK = Preprocessing(shape=(1, 8, 8), class_names=("a", "b"), mean=(0.2,), spread=(0.3,), background=0.0)
BRIGHT = Preprocessing(shape=(1, 8, 8), class_names=("a", "b"), mean=(0.8,), spread=(0.3,), background=1.0)
COLOUR = Preprocessing(shape=(3, 6, 8), class_names=("a", "b"), mean=(0.5,) * 3, spread=(0.3,) * 3, background=0.5)


def drawing(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Black strokes on white, as a person draws."""
    pixels = np.full((height, width, 1), 255, np.uint8)
    pixels[height // 4 : 3 * height // 4, width // 2 - 1 : width // 2 + 1] = 0
    return pixels


def test_an_image_of_the_right_size_and_polarity_is_left_as_it_is() -> None:
    pixels = np.zeros((8, 8, 1), np.uint8)
    pixels[3:5, 3:5] = 200
    fitted = fit_image(pixels, DARK)
    assert fitted.steps == ()
    assert np.array_equal(fitted.pixels_HWC, pixels)


def test_dark_on_light_is_inverted_for_data_that_is_light_on_dark_and_not_otherwise() -> None:
    pixels = drawing(8, 8)
    assert fit_image(pixels, DARK).steps == ("inverted (bright background → dark)",)
    assert np.array_equal(fit_image(pixels, DARK).pixels_HWC, 255 - pixels)
    assert fit_image(pixels, BRIGHT).steps == ()
    assert fit_image(255 - pixels, BRIGHT).steps == ("inverted (dark background → bright)",)
    assert fit_image(pixels, DARK, "no").steps == ()
    assert fit_image(pixels, BRIGHT, "yes").steps == ("inverted (bright background → dark)",)


def test_neither_bright_nor_dark_is_never_inverted() -> None:
    grey = np.full((8, 8, 1), 128, np.uint8)
    assert fit_image(grey, DARK).steps == fit_image(grey, BRIGHT).steps == ()


def test_shrinking_averages_areas() -> None:
    pixels = np.random.default_rng(0).integers(0, 60, (32, 32, 1), dtype=np.uint8)
    fitted = fit_image(pixels, DARK)
    assert fitted.steps == ("resized 32×32 → 8×8",)
    expected = pixels.reshape(8, 4, 8, 4).mean((1, 3))
    np.testing.assert_allclose(fitted.pixels_HWC[:, :, 0], expected, atol=1.01)  # Pillow rounds after each axis


def test_other_proportions_are_padded_with_the_background() -> None:
    fitted = fit_image(drawing(16, 32), DARK)
    assert fitted.steps == (
        "inverted (bright background → dark)", "resized 16×32 → 8×8, padded to keep its proportions",
    )  # fmt: skip
    assert not fitted.pixels_HWC[:2].any()
    assert not fitted.pixels_HWC[-2:].any()
    assert fitted.pixels_HWC[3:5, 3:5].any()


def test_networks_that_are_not_square() -> None:
    fitted = fit_image(np.full((60, 80, 3), 90, np.uint8), COLOUR)
    assert fitted.steps == ("resized 60×80 → 6×8",)
    assert fitted.pixels_HWC.shape == (6, 8, 3)
    assert (fitted.pixels_HWC == 90).all()
    assert fit_image(np.full((80, 80, 3), 90, np.uint8), COLOUR).pixels_HWC.shape == (6, 8, 3)


def test_files_are_converted_as_importers_do_and_it_is_said(tmp_path: Path) -> None:
    colour = np.zeros((8, 8, 3), np.uint8)
    colour[..., 0] = 100
    Image.fromarray(colour).save(tmp_path / "red.png")
    fitted = fit_file(tmp_path / "red.png", DARK)
    assert fitted.steps == ("colours → grey",)
    assert fitted.pixels_HWC[0, 0, 0] == round(100 * 0.299)
    Image.fromarray(np.full((8, 8), 30, np.uint8)).save(tmp_path / "grey.png")
    assert fit_file(tmp_path / "grey.png", COLOUR).pixels_HWC.shape == (6, 8, 3)


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_files_that_are_no_images_are_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(content)
    with pytest.raises(InvalidData, match=r"^cannot predict .*x\.png: it is .*; give an image file$"):
        fit_file(file, DARK)
    with pytest.raises(InvalidData, match=r"^there is no image file .*missing\.png; check its name$"):
        fit_file(tmp_path / "missing.png", DARK)


def test_a_classifier_survives_its_file_and_predicts_the_same(prepare: Prepare, tmp_path: Path) -> None:
    run = prepare()
    classifier = Classifier(run.training.network, run.preprocessing, epoch=7)
    file = tmp_path / "best.safetensors"
    file.write_bytes(classifier.to_bytes())
    loaded = Classifier.load(file)
    assert (loaded.preprocessing, loaded.epoch) == (run.preprocessing, 7)
    images = run.stage.data.images[:50]
    np.testing.assert_allclose(loaded.probabilities(images), classifier.probabilities(images), atol=1e-6)
    np.testing.assert_allclose(loaded.probabilities(images).sum(1), 1, atol=1e-6)
    Image.fromarray(images[0, :, :, 0]).save(tmp_path / "first.png")
    prediction = predict_files(loaded, [tmp_path / "first.png"], "no")[0]
    probabilities = [probability for _, probability in prediction.probabilities]
    assert probabilities == sorted(probabilities, reverse=True)
    assert dict(prediction.probabilities)["stripe 1"] == pytest.approx(float(loaded.probabilities(images[:1])[0, 1]))


def test_images_of_another_size_are_refused_by_the_classifier() -> None:
    network = StackedNetwork([fr.Flatten(), fr.Classify()], (1, 8, 8), 2)
    with pytest.raises(
        InvalidData, match=r"takes images of 8×8×1 \(height×width×channels\), not an array of shape \(2, 8, 9, 1\)"
    ):
        Classifier(network, DARK, 1).probabilities(np.zeros((2, 8, 9, 1), np.uint8))


def test_weights_that_are_no_classifier_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WorkspaceError, match=r"other\.safetensors holds weights, but not a classifier of Fitting Room"):
        Classifier.load(tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"\x00" * 9)
    with pytest.raises(WorkspaceError, match=r"^cannot read the weights in .*broken\.safetensors"):
        Classifier.load(tmp_path / "broken.safetensors")
