"""Harmed copies of validation images, and how many of them a run still recognizes."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fittingroom.data.dataset import Dataset
from fittingroom.engine.augment import interpolate
from fittingroom.engine.classifier import Classifier
from fittingroom.engine.desk import Desk
from fittingroom.engine.images import as_floats
from fittingroom.engine.random import stream
from fittingroom.measure.robustness import KINDS, MOST_IMAGES, Corruption, Robustness
from fittingroom.queue.stored import validation_of
from fittingroom.queue.wire import Message

AT_ONCE = 100
"""Images in one step, so that whoever waits meanwhile waits for some milliseconds."""
SEED = 0
Pixels = NDArray[np.uint8]
Steps = Generator[tuple[int, int], None, tuple[Robustness, Pixels]]


def measure(classifier: Classifier, data: Dataset, validation: NDArray[np.int64]) -> Steps:
    """Score the same validation images unharmed and harmed, a hundred at a time; yields how far it has come.

    Returns the scores, and one image in all its forms: unharmed, then by kind and strength. What is random of a kind
    (directions, signs, noise) is the same at all its strengths and for every run with these validation images.
    """
    chosen = stream(SEED, "robustness/images").permutation(validation)[:MOST_IMAGES]
    parts = [chosen[start : start + AT_ONCE] for start in range(0, len(chosen), AT_ONCE)]
    total = len(parts) * (1 + sum(len(kind.strengths) for kind in KINDS))
    background = classifier.preprocessing.background
    counts = [[(0, 0)] * len(kind.strengths) for kind in KINDS]
    clean, done = 0, 0
    forms = [data.images[chosen[0]]]
    for number, part in enumerate(parts):
        images_NHWC = data.images[part]
        before_N = classifier.probabilities(images_NHWC).argmax(1) == data.labels[part]
        clean += int(before_N.sum())
        yield (done := done + 1), total
        for row, kind in zip(counts, KINDS, strict=True):
            for column, strength in enumerate(kind.strengths):
                harmed_NHWC = harm(images_NHWC, kind.name, strength, background=background, part=number)
                right_N = classifier.probabilities(harmed_NHWC).argmax(1) == data.labels[part]
                right, lost = row[column]
                row[column] = right + int(right_N.sum()), lost + int((before_N & ~right_N).sum())
                if number == 0:
                    forms.append(harmed_NHWC[0])
                yield (done := done + 1), total
    return Robustness.of(len(chosen), clean, counts), np.stack(forms)


def harm(images_NHWC: Pixels, kind: Corruption, strength: float, *, background: float, part: int = 0) -> Pixels:
    """Images as they would be stored after they were harmed. What comes into view has the ``background`` (0 to 1)."""
    draws = stream(SEED, f"robustness/{kind}", part)
    x_NCHW = as_floats(torch.from_numpy(images_NHWC))
    n, channels, height, width = x_NCHW.shape
    if kind == "noise":
        noise = draws.standard_normal((n, height, width, channels), dtype=np.float32)
        x_NCHW = x_NCHW + strength * torch.from_numpy(noise).permute(0, 3, 1, 2)
    elif kind == "blur":
        x_NCHW = _blurred(x_NCHW - background, strength * height) + background
    elif kind == "shift":
        angle = draws.uniform(0, 2 * np.pi, n)
        away = np.stack([strength * width * np.cos(angle), strength * height * np.sin(angle)], axis=1)
        x_NCHW = _moved(x_NCHW, np.broadcast_to(np.eye(2), (n, 2, 2)), -away, background)
    elif kind == "rotation":
        angle = np.radians(strength) * draws.choice([-1.0, 1.0], n)
        turns = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
        x_NCHW = _moved(x_NCHW, turns, np.zeros((n, 2)), background)
    elif kind == "brightness":
        x_NCHW = x_NCHW * (1 + strength)
    else:
        mean = x_NCHW.mean(dim=(1, 2, 3), keepdim=True)
        x_NCHW = mean + (x_NCHW - mean) * (1 + strength)
    return x_NCHW.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy()


def _moved(x_NCHW: Tensor, linear_N22: NDArray[np.float64], away_N2: NDArray[np.float64], background: float) -> Tensor:
    """Each pixel from where the affine map says, with the background around the image."""
    source_N23 = np.concatenate([linear_N22, away_N2[:, :, None]], axis=2)
    return interpolate((x_NCHW - background).contiguous(), source_N23, "zeros") + background


def _blurred(x_NCHW: Tensor, deviation: float) -> Tensor:
    """Convolved with a Gaussian, cut off at four standard deviations; nothing lies around the image."""
    reach = int(4 * deviation + 0.5)
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / deviation) ** 2)
    weights = (weights / weights.sum()).expand(x_NCHW.shape[1], 1, 1, -1)
    across = F.conv2d(x_NCHW, weights, padding=(0, reach), groups=x_NCHW.shape[1])
    return F.conv2d(across, weights.transpose(2, 3), padding=(reach, 0), groups=x_NCHW.shape[1])


def answer(desk: Desk, asked: Message) -> Generator[tuple[int, int], None, Message]:
    """For a run: how many images were recognized, and one image in all its forms, ``forms_NHWC``."""
    run = asked.words["run"]
    _, validation = validation_of(desk.run(run), desk.workspace)
    found, forms_NHWC = yield from measure(desk.classifier(run), desk.data_of(run), validation)
    counts = [[(each.right, each.lost) for each in found.harmed[kind.name]] for kind in KINDS]
    return Message({"n": found.n, "clean": found.clean.right, "counts": counts}, {"forms_NHWC": forms_NHWC})
