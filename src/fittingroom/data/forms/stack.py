"""Images of one shape, one after the other: what arrays, IDX files and tables of pixels come to.

Values become 8 bits by one rule for all parts of a data set: 0 to 255 stay as they are, floats 0 to 1 are multiplied by
255 and rounded, 16-bit values are divided by 257, true and false become 255 and 0. Anything else is refused, with the
place of the first value that will not do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fittingroom.data import framing, grouping
from fittingroom.data.forms import classes, levels
from fittingroom.data.incoming import (
    CLASSES_SHOWN,
    LARGEST_SHOWN,
    Exemplars,
    Incoming,
    Preview,
    Progress,
    exemplars_each,
)
from fittingroom.data.naming import class_problems, shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData, InvalidInput

BLOCK = 1 << 22  # values taken together
MOST_IMAGES = 100_000_000


@dataclass(frozen=True, eq=False)
class Part:
    """Images and labels that belong together."""

    where: str
    """Which file or array, for people."""
    shape: tuple[int, ...]
    """As they are stored: (N, height, width), (N, height, width, channels) or (N, channels, height, width)."""
    dtype: np.dtype[Any]
    blocks: Callable[[], Iterator[NDArray[Any]]]
    """The images in order, a bounded number at a time, shaped as above; may be asked for more than once."""
    labels: NDArray[Any]
    """As ``classes.row_of`` takes them."""
    labels_where: str
    column: Sequence[str | None] | None = None
    """For each image what the column that names groups says; None where no such column is meant."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Everything about such images but the pixels."""

    path: Path
    kind: str
    training: tuple[Part, ...]
    test: tuple[Part, ...] = ()
    validation: tuple[int, ...] = ()
    """Which of the parts in ``training`` the data itself names for validation."""
    class_names: Sequence[str] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.training + self.test


@dataclass(frozen=True, eq=False)
class _Plan:
    """What has been decided before the pixels are taken."""

    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    test_start: int | None
    groups: NDArray[np.int64] | None
    validation: NDArray[np.int64] | None
    remarks: tuple[str, ...]
    shape: tuple[int, int, int]
    """(height, width, channels) before anything that is wanted."""
    to_8_bits: Callable[[NDArray[Any]], NDArray[np.uint8]]
    conversions: tuple[str, ...]


def read(stack: Stack, wanted: Wanted) -> Incoming:
    """The images, all brought to what is wanted; raises InvalidData, also while the blocks are taken."""
    return _incoming(stack, _planned(stack, wanted), wanted)


def preview(stack: Stack, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of them; every image is read once, so that what is told is so.

    ``progress`` is called with the number of images looked at, and of all; what it raises ends the looking.
    Raises InvalidData for all that ``read`` refuses.
    """
    plan = _planned(stack, wanted)
    images: list[list[NDArray[np.uint8]]] = [[] for _ in plan.class_names[:CLASSES_SHOWN]]
    done, training = 0, plan.test_start or len(plan.labels)
    each = exemplars_each(len(plan.class_names))
    progress(0, len(plan.labels))
    for block in _incoming(stack, plan, AS_IT_IS).blocks:
        for label in range(len(images)) if done < training else ():
            missing = each - len(images[label])
            here = np.flatnonzero(plan.labels[done : done + len(block)] == label)[:missing] if missing else ()
            images[label] += [framing.small(block[index], LARGEST_SHOWN) for index in here]
        done += len(block)
        progress(done, len(plan.labels))
    counts = [
        tuple(np.bincount(labels, minlength=len(plan.class_names)).tolist())
        for labels in (plan.labels[:training], plan.labels[training:])
    ]

    def exemplars(wanted: Wanted) -> Exemplars:
        return tuple(tuple(framing.exemplar(image, wanted, LARGEST_SHOWN) for image in row) for row in images)

    def understood(wanted: Wanted) -> Preview:
        return Preview(
            path=stack.path,
            kind=stack.kind,
            wanted=wanted,
            class_names=plan.class_names,
            training=counts[0],
            test=None if plan.test_start is None else counts[1],
            sizes=((plan.shape[:2], len(plan.labels)),),
            channels=wanted.channels or plan.shape[2],
            remarks=plan.remarks,
            conversions=_told(plan, wanted),
            name_problems=tuple(class_problems(plan.class_names)),
            exemplars=lambda: exemplars(wanted),
            again=lambda other: understood(replace(other, groups=wanted.groups, label=wanted.label)),
        )

    return understood(wanted)


def _told(plan: _Plan, wanted: Wanted) -> tuple[str, ...]:
    """What is done to the pixels, in words."""
    return *plan.conversions, *framing.recoloured(plan.shape[2], wanted), *framing.told(wanted)


def _planned(stack: Stack, wanted: Wanted) -> _Plan:
    groups = _groups(stack, wanted)
    rows, told = [], []
    for part in stack.parts:
        row, conversion = classes.row_of(part.labels, part.labels_where)
        if len(row) != part.shape[0]:
            raise InvalidData(
                f"{part.where} has {part.shape[0]:,} images but {part.labels_where} {len(row):,} labels; "
                "give one label for each image"
            )
        rows.append(row)
        told.append(conversion)
    shape, moved = _common_shape(stack)
    where = ", ".join(part.labels_where for part in stack.training)
    names, labels = classes.numbered(rows, len(stack.training), where, stack.class_names)
    to_8_bits, rounding = levels.scale(stack.parts)
    told += [moved, rounding]
    return _Plan(
        class_names=names,
        labels=labels,
        test_start=sum(map(len, rows[: len(stack.training)])) if stack.test else None,
        groups=groups,
        remarks=stack.remarks if groups is None else (*stack.remarks, grouping.told(groups, wanted.groups or "")),
        validation=_validation(stack),
        shape=shape,
        to_8_bits=to_8_bits,
        conversions=tuple(dict.fromkeys(filter(None, told))),
    )


def _incoming(stack: Stack, plan: _Plan, wanted: Wanted) -> Incoming:
    size = wanted.size or plan.shape[:2]
    shape = (size[0], size[1], wanted.channels or plan.shape[2])
    return Incoming(
        class_names=plan.class_names,
        labels=plan.labels,
        image_shape=shape,
        blocks=_blocks(stack, plan, wanted, max(BLOCK // (shape[0] * shape[1] * shape[2]), 1)),
        test_start=plan.test_start,
        groups=plan.groups,
        validation=plan.validation,
        origin="; ".join([f"{stack.kind} {shown(stack.path)}", *plan.remarks, *_told(plan, wanted)]),
    )


def _groups(stack: Stack, wanted: Wanted) -> NDArray[np.int64] | None:
    """What must not be divided; raises InvalidInput where it was asked for and no column can tell it."""
    if wanted.groups is None:
        return None
    texts: list[str | None] = []
    for part in stack.parts:
        if part.column is None:
            raise InvalidInput(
                f'groups = "{wanted.groups}", but the images of this {stack.kind} have neither paths nor columns '
                "that could group them; give them as an image folder, or as a list of images with a column"
            )
        texts += part.column
    return grouping.numbered(texts)


def _validation(stack: Stack) -> NDArray[np.int64] | None:
    """Places of the images that the data itself names for validation."""
    ends = np.cumsum([0, *(part.shape[0] for part in stack.training)])
    found = [np.arange(ends[part], ends[part + 1]) for part in stack.validation]
    return np.concatenate(found) if found else None


def _common_shape(stack: Stack) -> tuple[tuple[int, int, int], str]:
    """(height, width, channels) of every image, and what is done about their order."""
    shapes = [image_shape(part) for part in stack.parts]
    for part, shape in zip(stack.parts, shapes, strict=True):
        if shape != shapes[0]:
            one, other = (_text(shape) for shape in (shapes[0], shape))
            raise InvalidData(
                f"{stack.parts[0].where} has images of {one} but {part.where} of {other} (height×width×channels); "
                "bring them to one shape"
            )
    moved = any(_channels_first(part.shape) for part in stack.parts)
    return shapes[0], "channels moved behind height and width" if moved else ""


def image_shape(part: Part) -> tuple[int, int, int]:
    """(height, width, channels) of the images of a part; raises InvalidData for what are no images."""
    shape = part.shape
    if len(shape) == 3:
        shape = (*shape, 1)
    elif _channels_first(shape):
        shape = (shape[0], *shape[2:], shape[1])
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise InvalidData(
            f"{part.where} has shape {part.shape}, which are no images; give N×height×width (grey) or "
            "N×height×width×channels with 1 or 3 channels"
        )
    number, height, width, channels = shape
    if not (number and height and width):
        raise InvalidData(f"{part.where} has shape {part.shape}, so there are no images; give at least one")
    most = Image.MAX_IMAGE_PIXELS or MOST_IMAGES
    if number > MOST_IMAGES or height * width > most:
        raise InvalidData(
            f"{part.where} says that it holds {number:,} images of {height}×{width}; more than {MOST_IMAGES:,} images, "
            f"or {most:,} pixels in one, are not taken: look whether the file is what it should be"
        )
    return height, width, channels


def _channels_first(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3)


def _blocks(stack: Stack, plan: _Plan, wanted: Wanted, step: int) -> Iterator[NDArray[np.uint8]]:
    for part in stack.parts:
        number = 0
        for stored in part.blocks():
            number += len(stored)
            values = np.moveaxis(stored, 1, 3) if _channels_first(part.shape) else stored
            for start in range(0, len(values), step):
                some = plan.to_8_bits(values[start : start + step]).reshape(-1, *plan.shape)
                yield framing.arranged(some, wanted)
        if number != part.shape[0]:
            raise InvalidData(
                f"{part.where} should hold {part.shape[0]:,} images and ends after {number:,}; "
                "it is not complete, or has changed meanwhile"
            )


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
