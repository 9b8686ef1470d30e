"""Dataset: labelled images as mapped arrays, and what can be asked of them."""

from __future__ import annotations

import base64
import html
import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.cuts import Indices
from fittingroom.data.fingerprints import content_of
from fittingroom.data.parts import Splits
from fittingroom.data.splits import split
from fittingroom.errors import InvalidInput
from fittingroom.spec.division import Division, HeldOut

BLOCK = 1 << 24  # bytes of images looked at together
EXEMPLARS, CLASSES_SHOWN, TILE = 10, 20, 32


@dataclass(frozen=True)
class Statistics:
    """Mean and spread (population standard deviation) of all pixels, for each channel, on the scale 0 to 1."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True)
class DataSetInfo:
    """One line of the list of data sets."""

    name: str
    kind: Literal["built-in", "imported", "damaged", "downloadable"]
    images: int
    classes: int
    shape: tuple[int, ...]
    """``(channels, height, width)``; empty for a damaged data set."""
    fingerprint: str
    """Of its content, whatever is excluded from it; empty for one that is damaged, or not downloaded yet."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images, prepared: nothing is in memory until it is looked at."""

    name: str
    class_names: tuple[str, ...]
    images: NDArray[np.uint8]
    """(N, height, width, channels); mapped copy-on-write from a file, training images before test images."""
    labels: NDArray[np.int64]
    """(N,): positions in ``class_names``."""
    hashes: NDArray[np.uint64]
    """(N, 2): 128 bits of BLAKE2b over the pixels of each image; equal for exact copies, whatever their labels."""
    test_start: int | None
    """Images from here on are the official test part; None when there is none."""
    fingerprint: str
    """SHA-256 over images, labels, class names, official parts and groups; with images excluded, a mark before it."""
    origin: str
    """Where it came from and what was done to it, for people."""
    source: str
    """What ``load`` takes to open the same data set again, in any process."""
    groups: Indices | None = None
    """(N,): equal for images that are never divided between parts (frames of one film, photographs of one person)."""
    own_validation: Indices | None = None
    """Sorted indices of the images that the data itself names for validation; they train unless a run asks for them."""
    excluded: Indices = field(default_factory=lambda: np.empty(0, np.int64))
    """Sorted indices of images that were taken out of the data, for a reason that is recorded: in no part."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def height(self) -> int:
        return int(self.images.shape[1])

    @property
    def width(self) -> int:
        return int(self.images.shape[2])

    @property
    def channels(self) -> int:
        return int(self.images.shape[3])

    @property
    def shape(self) -> tuple[int, int, int]:
        """One image as ``(channels, height, width)``."""
        return self.channels, self.height, self.width

    @property
    def has_test(self) -> bool:
        """Whether the test part was given with the data, rather than cut off by ``split``."""
        return self.test_start is not None

    @property
    def content(self) -> str:
        """The fingerprint of what was imported, whatever was excluded from it since."""
        return content_of(self.fingerprint)

    def split(self, validation: HeldOut, split_seed: int, folds: int | None = None, fold: int | None = None) -> Splits:
        """Training, validation and test images, by the rules of ``fittingroom.data.splits``.

        ``validation`` is a number of images, a share of the training images (0 < share < 1), or "given": those that
        the data names. With ``folds``, fold number ``fold`` validates instead. The result depends on nothing else than
        the data and these; the test part only on the data and the seed.
        Raises InvalidInput for an impossible request and InvalidData where the data cannot be divided.
        """
        return split(
            self.labels, self.hashes, self.class_names, self.test_start, validation, split_seed,
            groups=self.groups, own_validation=self.own_validation, excluded=self.excluded, folds=folds, fold=fold,
        )  # fmt: skip

    def divide(self, division: Division) -> Splits:
        """As ``split``, by what a spec says."""
        return self.split(division.validation, division.split_seed, division.folds, division.fold)

    def counts(self, indices: Indices) -> NDArray[np.int64]:
        """How many of these images each class has: (classes,)."""
        return np.bincount(self.labels[indices], minlength=len(self.class_names)).astype(np.int64, copy=False)

    def statistics(self, indices: Indices) -> Statistics:
        """Mean and spread of these images for each channel: exact, in bounded memory."""
        if not len(indices):
            raise InvalidInput("there is no mean and spread of no images; choose at least one")
        levels = np.zeros((self.channels, 256), np.int64)
        step = max(BLOCK // (self.height * self.width * self.channels), 1)
        for start in range(0, len(indices), step):
            pixels = self.images[indices[start : start + step]].reshape(-1, self.channels)
            for channel in range(self.channels):
                levels[channel] += np.bincount(pixels[:, channel], minlength=256)
        means, spreads = zip(*(_mean_and_spread(counts.tolist()) for counts in levels), strict=True)
        return Statistics(means, spreads)

    def __repr__(self) -> str:
        parts = f"{len(self):,} images"
        if self.test_start is not None:
            parts = f"{self.test_start:,} training + {len(self) - self.test_start:,} test images"
        return (
            f'<Dataset "{self.name}": {parts} of {self.height}×{self.width}×{self.channels}, '
            f"{len(self.class_names)} classes, fingerprint {self.fingerprint[:12]}>"
        )

    def _repr_html_(self) -> str:
        """For notebooks: sizes, class counts by official part, and one sheet with the first images of each class."""
        from fittingroom.data.display import sheet  # Pillow, needed only here

        shown = range(min(len(self.class_names), CLASSES_SHOWN))
        firsts = [np.flatnonzero(self.labels == label)[:EXEMPLARS] for label in shown]
        png = base64.b64encode(sheet([self.images[images] for images in firsts], TILE)).decode()  # type: ignore[misc]
        left_out = len(self.class_names) - len(shown)
        more = f"<p>… and {left_out} more classes</p>" if left_out else ""
        return (
            f"<div><p><b>{html.escape(self.name)}</b>: {html.escape(repr(self)[1:-1])}</p>"
            f"<p>{html.escape(self.origin)}</p>{self._table(len(shown))}{more}"
            f'<p><img alt="first images of each class, one row for each" src="data:image/png;base64,{png}"></p></div>'
        )

    def _table(self, rows: int) -> str:
        """Class counts, one column for each official part."""
        images = np.arange(len(self))
        parts = {"images": images}
        if self.test_start is not None:
            parts = {"training": images[: self.test_start], "test": images[self.test_start :]}
        columns = [self.counts(indices).tolist() for indices in parts.values()]
        head = "".join(f"<th>{part}</th>" for part in parts)
        body = "".join(
            f"<tr><td>{html.escape(self.class_names[row])}</td>"
            + "".join(f"<td>{counts[row]:,}</td>" for counts in columns)
            + "</tr>"
            for row in range(rows)
        )
        return f"<table><thead><tr><th>class</th>{head}</tr></thead><tbody>{body}</tbody></table>"


def _mean_and_spread(counts: list[int]) -> tuple[float, float]:
    """Of 8-bit values on the scale 0 to 1, from how often each occurs; whole numbers up to the last step."""
    number = sum(counts)
    total = sum(level * count for level, count in enumerate(counts))
    squares = sum(level * level * count for level, count in enumerate(counts))
    return total / number / 255, math.sqrt(number * squares - total * total) / number / 255
