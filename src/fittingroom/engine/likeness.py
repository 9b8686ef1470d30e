"""How alike an image is to the images that a run was trained on: measured, and measured of validation images too.

The measure is the correlation of an image's pixels with those of the most similar training image (Pearson's r over all
pixels and channels): it sees form, not brightness or contrast. What it is worth is told by validation images, which
are of the same kind and were not trained on: 98 % of them reach a value that the reference knows, and an image below
it is unlike. The network has no part in it: in its last features random noise can lie among the training images.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Splits

COMPARED, JUDGED = 10_000, 5_000
"""At most so many training images are compared with, and so many validation images tell what is usual."""
LARGEST = 32
"""Pixels; larger images are compared at about this size, by area averages."""
MOST_NUMBERS = 1 << 24
"""In the reference: 64 MB."""
REACHED = 0.98
"""Share of validation images that is at least as alike as what is not called unlike."""
GATHERED, COMPARED_AT_ONCE = 250, 20
FLAT = 1.0
"""Level; images that spread less around their mean have no form that could be compared."""
Steps = Generator[tuple[int, int], None, "Reference"]


@dataclass(frozen=True)
class Likeness:
    """What was measured of one image."""

    correlation: float
    """With the most similar training image, -1 to 1."""
    nearest: int
    """That image's position in the data set."""
    below: float
    """Share of the validation images that are more alike."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Training images to compare with, and how alike validation images are to them."""

    data: Dataset
    forms_RD: Tensor
    """Each without its mean, and of length 1."""
    images_R: NDArray[np.int64]
    """Positions in the data set."""
    usual_V: NDArray[np.float32]
    """Of validation images, sorted."""

    @property
    def least(self) -> float:
        """What 98 % of the validation images reach."""
        return float(self.usual_V[int((1 - REACHED) * len(self.usual_V))])

    @torch.inference_mode()
    def likeness(self, pixels_HWC: NDArray[np.uint8]) -> Likeness | None:
        """Of an image of the data set's form; None where it is flat and has no form."""
        form_D = forms(pixels_HWC[np.newaxis])[0]
        if not form_D.any():
            return None
        alike_R = self.forms_RD @ form_D
        nearest = int(alike_R.argmax())
        correlation = float(alike_R[nearest])
        rank = int(np.searchsorted(self.usual_V, np.float32(correlation), side="right"))
        return Likeness(min(correlation, 1.0), int(self.images_R[nearest]), 1 - rank / len(self.usual_V))


def measured(data: Dataset, splits: Splits) -> Steps:
    """Make the reference of a data set's split, in steps of some milliseconds."""
    _, height, width = data.shape
    size = _compared_size(height, width)
    number = max(1, min(COMPARED, MOST_NUMBERS // (data.channels * size[0] * size[1])))
    compared, judged = _evenly(splits.train, number), _evenly(splits.validation, JUDGED)
    total = len(compared) + len(judged)
    parts = []
    for start in range(0, len(compared), GATHERED):
        parts.append(forms(data.images[compared[start : start + GATHERED]]))
        yield min(start + GATHERED, len(compared)), total
    forms_RD = torch.cat(parts)
    usual = []
    for start in range(0, len(judged), COMPARED_AT_ONCE):
        chosen_VD = forms(data.images[judged[start : start + COMPARED_AT_ONCE]])
        with torch.inference_mode():
            usual.append((chosen_VD @ forms_RD.T).amax(1).numpy())
        yield len(compared) + min(start + COMPARED_AT_ONCE, len(judged)), total
    return Reference(data, forms_RD, compared, np.sort(np.concatenate(usual)))


@torch.inference_mode()
def forms(images_NHWC: NDArray[np.uint8]) -> Tensor:
    """forms_ND: what is compared of images, each without its mean and of length 1; zeros where an image is flat."""
    images_NCHW = torch.from_numpy(np.ascontiguousarray(images_NHWC)).permute(0, 3, 1, 2).float()
    size = _compared_size(*images_NHWC.shape[1:3])
    if size != images_NHWC.shape[1:3]:
        images_NCHW = torch.nn.functional.interpolate(images_NCHW, size, mode="area")
    flat_ND = images_NCHW.flatten(1)
    centred_ND = flat_ND - flat_ND.mean(1, keepdim=True)
    length_N1 = centred_ND.norm(dim=1, keepdim=True)
    has_form_N1 = length_N1 > FLAT * flat_ND.shape[1] ** 0.5
    return torch.where(has_form_N1, centred_ND / length_N1.clamp(min=1e-6), 0.0)


def _compared_size(height: int, width: int) -> tuple[int, int]:
    """The form at which images of this size are compared."""
    shrink = max(height, width) / LARGEST
    return (height, width) if shrink <= 1 else (max(1, round(height / shrink)), max(1, round(width / shrink)))


def _evenly(indices: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of them, evenly chosen."""
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).astype(np.int64)]
