"""What networks say of a drawing: what each of them sees of it, every class's probability, and how alike it is."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.fitting import FittedImage, fit, is_opposite, resampled, with_channels
from fittingroom.engine import likeness
from fittingroom.engine.classifier import Classifier, Preprocessing
from fittingroom.engine.desk import Desk
from fittingroom.engine.likeness import Reference
from fittingroom.errors import FittingRoomError
from fittingroom.queue.stored import spec_of
from fittingroom.queue.wire import Message

FRAME = 20 / 28
"""Of the frame's size: how large MNIST's digits are in it."""
TRACE = 8
"""Levels that a pixel differs from the ground at least where something is drawn."""
Pixels = NDArray[np.uint8]
Measured = tuple[dict[str, Any], dict[str, Pixels]]


def drawing(desk: Desk, asked: Message) -> Message:
    """What each of the ``runs`` says of the drawing ``pixels_HWC``; ``ground``: its background, 0 or 1.

    ``frame``: whether the drawing is cropped, scaled and centred first. For run number i there are ``fitted_i``,
    ``probabilities_i`` and, where its likeness is measured, ``nearest_i``.
    """
    words: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    measured: dict[Hashable, Measured] = {}
    for number, given in enumerate(asked.words["runs"]):
        try:
            said, more = _said_by(desk, given["run"], given["sha256"], asked, measured)
        except FittingRoomError as error:
            said, more = {"problem": str(error)}, {}
        words.append({"run": given["run"], **said})
        arrays |= {f"{name}_{number}": array for name, array in more.items()}
    return Message({"models": words}, arrays)


def _said_by(
    desk: Desk, run: str, sha256: str, asked: Message, measured: dict[Hashable, Measured]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What one network says; ``measured``: likenesses that others may share, of the same image to the same data."""
    classifier: Classifier = desk.kept(("classifier", run, sha256), lambda: desk.classifier(run))
    fitted = fit_drawing(
        asked.arrays["pixels_HWC"], asked.words["ground"], classifier.preprocessing, frame=asked.words["frame"]
    )
    probabilities_K = classifier.probabilities(fitted.pixels_HWC[np.newaxis])[0]
    of = _key(desk, run), fitted.pixels_HWC.tobytes()
    if of not in measured:
        measured[of] = _likeness(desk, run, fitted.pixels_HWC)
    words, arrays = measured[of]
    return (
        {"epoch": classifier.epoch, "steps": fitted.steps, **words},
        {"fitted": fitted.pixels_HWC, "probabilities": probabilities_K, **arrays},
    )


def fit_drawing(pixels_HWC: Pixels, ground: float, preprocessing: Preprocessing, *, frame: bool = False) -> FittedImage:
    """As a network sees a drawing: what is drawn is what it sees, but for channels, polarity and size.

    It is inverted where the pad's ground is not the training images', whatever the drawing covers of it.
    """
    channels, height, width = preprocessing.shape
    steps = []
    if pixels_HWC.shape[2] != channels:
        steps.append("colours → grey" if channels == 1 else "grey → colours")
        pixels_HWC = with_channels(pixels_HWC, channels)
    if frame:
        steps.append(f"cropped, scaled to {round(100 * FRAME)} % of the frame, centred by its mass")
        pixels_HWC = _framed(pixels_HWC, round(255 * ground), width / height)
    opposite = is_opposite(ground, preprocessing.background)
    fitted = fit(pixels_HWC, (height, width), preprocessing.background, "yes" if opposite else "no")
    return FittedImage(fitted.pixels_HWC, (*steps, *fitted.steps))


def _framed(pixels_HWC: Pixels, ground: int, proportions: float) -> Pixels:
    """As MNIST was made: what is drawn scaled to 20/28 of the frame, its centre of mass in the frame's middle."""
    strength_HW = np.abs(pixels_HWC.astype(np.int16) - ground).max(axis=2)
    rows, columns = np.flatnonzero((strength_HW >= TRACE).any(1)), np.flatnonzero((strength_HW >= TRACE).any(0))
    if not len(rows):
        return pixels_HWC
    height = pixels_HWC.shape[0]
    frame = np.full((height, round(height * proportions), pixels_HWC.shape[2]), ground, np.uint8)
    cropped = pixels_HWC[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = FRAME * min(frame.shape[0] / cropped.shape[0], frame.shape[1] / cropped.shape[1])
    tall, wide = (max(1, round(scale * side)) for side in cropped.shape[:2])
    scaled = resampled(cropped, wide, tall)
    mass_HW = np.abs(scaled.astype(np.float64) - ground).sum(axis=2)
    middle = [
        (mass_HW.sum(1 - axis) @ np.arange(side)) / max(mass_HW.sum(), 1) for axis, side in enumerate((tall, wide))
    ]
    top, left = (
        min(max(round((frame.shape[axis] - 1) / 2 - middle[axis]), 0), frame.shape[axis] - side)
        for axis, side in enumerate((tall, wide))
    )
    frame[top : top + tall, left : left + wide] = scaled
    return frame


def _likeness(desk: Desk, run: str, pixels_HWC: Pixels) -> Measured:
    """How alike an image is to a run's training images; ``wanted`` where that has to be prepared first."""
    reference: Reference | None = desk.known(_key(desk, run))
    if reference is None:
        return {"likeness": "wanted"}, {}
    found = reference.likeness(pixels_HWC)
    if found is None:
        return {"likeness": "flat"}, {}
    data = reference.data
    words = {
        **asdict(found),
        "label": data.class_names[int(data.labels[found.nearest])],
        "least": reference.least,
        "training": len(reference.images_R),
        "validation": len(reference.usual_V),
    }
    return {"likeness": words}, {"nearest": data.images[found.nearest]}


def prepare_likeness(desk: Desk, asked: Message) -> Generator[tuple[int, int], None, Message]:
    """What likeness is measured by, for the data of a ``run``; kept at hand."""
    run = asked.words["run"]
    key = _key(desk, run)
    if desk.known(key) is None:
        data = desk.data_of(run)
        spec = spec_of(desk.run(run)).data
        reference = yield from likeness.measured(data, data.divide(spec.division))
        desk.kept(key, lambda: reference)
    return Message({})


def _key(desk: Desk, run: str) -> Hashable:
    """Runs on the same split of the same data are measured by the same images."""

    def key() -> Hashable:
        details = desk.run(run)
        spec = spec_of(details).data
        return "likeness", details.fingerprint, spec.division

    known: Hashable = desk.kept(("likeness of", run), key)
    return known
