"""The view Draw: which networks look at the pad, what form the pad has for them, and what goes to and fro.

A message is one line of JSON, then pixels (uint8, height × width × channels). A drawing says of which form it is, and
which networks are asked; the answer says of which forms the images are that follow it, one after the other.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fittingroom.data import pictures
from fittingroom.data.fitting import FittedImage, fit, with_channels
from fittingroom.errors import InvalidData, InvalidInput
from fittingroom.queue.outline import Outline
from fittingroom.queue.wire import Message
from fittingroom.store import RunSummary

Pixels = NDArray[np.uint8]
COMFORTABLE, LARGEST = 280, 448
"""Pixels of the pad's longer side: so many times the network's as fit in, and never more than the second."""
MOST_SIDE, MOST_MODELS = 1024, 2
MOST_BYTES = 10_000_000
"""Of an image file."""
FORMS = {"channels": (1, 3), "height": range(1, MOST_SIDE + 1), "width": range(1, MOST_SIDE + 1)}


@dataclass(frozen=True)
class Pad:
    """The form of the pad: that of the first network's images, each pixel so many times as large."""

    height: int
    width: int
    channels: int
    """3 where any of the networks sees colours."""
    ground: int
    """0 where training images have a dark background, 1 where they have a bright one."""
    pixel: float
    """Pixels of the pad for one of the network's."""

    @classmethod
    def of(cls, models: Sequence[Outline]) -> Pad:
        _, height, width = models[0].shape
        longer = max(height, width)
        times = max(1, COMFORTABLE // longer) if longer <= LARGEST else LARGEST / longer
        channels = max(model.shape[0] for model in models)
        ground = int(models[0].background >= 0.5)
        return cls(max(1, round(times * height)), max(1, round(times * width)), channels, ground, times)

    def enlarged(self, pixels_HWC: Pixels) -> Pixels:
        """An image of the first network's form on the pad: its pixels are seen, and the network sees it unchanged."""
        image = Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC)
        larger = np.asarray(image.resize((self.width, self.height), Image.Resampling.NEAREST))
        return with_channels(larger.reshape(self.height, self.width, -1), self.channels)


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a page has drawn, and whom it asks."""

    id: int
    """Its number, which the answer repeats."""
    runs: Sequence[Mapping[str, str]]
    """Each with the SHA-256 of the weights that the page knows of."""
    ground: int
    frame: bool
    """Whether it is to be fitted to the frame."""
    pixels_HWC: Pixels

    @classmethod
    def read(cls, content: bytes) -> Drawing:
        """From what a browser sent; raises InvalidInput for anything else."""
        line, _, pixels = content.partition(b"\n")
        try:
            head = json.loads(line)
            form = tuple(head[name] for name in ("height", "width", "channels"))
            runs = [{name: str(given[name]) for name in ("run", "sha256")} for given in head["runs"]]
            whole = all(type(head[name]) is int and head[name] in allowed for name, allowed in FORMS.items())
            if not whole or len(pixels) != np.prod(form) or not 1 <= len(runs) <= MOST_MODELS:
                raise ValueError
            pixels_HWC = np.frombuffer(pixels, np.uint8).reshape(form)
            return cls(int(head["id"]), runs, int(bool(head["ground"])), bool(head["frame"]), pixels_HWC)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise InvalidInput("this is no drawing; load the page again") from None

    def question(self) -> Message:
        """As the process that computes is asked."""
        words = {"runs": self.runs, "ground": self.ground, "frame": self.frame}
        return Message(words, {"pixels_HWC": self.pixels_HWC})


def answer_bytes(id: int, answer: Message) -> bytes:
    """What networks say of a drawing, as the page gets it."""
    images: list[Pixels] = []
    models = []
    for number, said in enumerate(answer.words["models"]):
        model = dict(said)
        for name in ("fitted", "nearest"):
            if (image := answer.arrays.get(f"{name}_{number}")) is not None:
                model[name] = image.shape
                images.append(image)
        if (probabilities_K := answer.arrays.get(f"probabilities_{number}")) is not None:
            model["probabilities"] = [round(value, 6) for value in probabilities_K.tolist()]
        models.append(model)
    return to_bytes({"id": id, "models": models}, *images)


def on_pad(pad: Pad, pixels_HWC: Pixels, **words: object) -> bytes:
    """An image that is put on the pad, with words about it."""
    return to_bytes({**words, **asdict(pad)}, pad.enlarged(pixels_HWC))


def to_bytes(words: Mapping[str, Any], *images: Pixels) -> bytes:
    return b"".join([json.dumps(words).encode(), b"\n", *(image.tobytes() for image in images)])


def fitted_picture(content: bytes, name: str, model: Outline) -> FittedImage:
    """An image file as a network sees it, and what was done to make it so: as ``fittingroom predict`` does.

    Raises InvalidData with the file's name where it cannot be read.
    """
    grey = model.shape[0] == 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        try:
            header, pixels_HWC = pictures.header(path), pictures.pixels(path, grey=grey)
        except pictures.Unreadable as error:
            shown = re.sub(r"[\x00-\x1f]", " ", name)[:80] or "the file"
            raise InvalidData(f"{shown} cannot be shown to a network: it {error}; choose an image file") from None
    steps = [*header.conversions, *(["colours → grey"] if grey and not header.is_grey else [])]
    fitted = fit(pixels_HWC, model.shape[1:], model.background)
    return FittedImage(fitted.pixels_HWC, (*steps, *fitted.steps))


def with_weights(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The runs whose networks can look at a drawing."""
    return [run for run in runs if run.best_epoch is not None]
