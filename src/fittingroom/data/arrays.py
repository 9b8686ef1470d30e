"""Importer of NumPy arrays: images and labels that are in memory already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittingroom.data.incoming import Incoming
from fittingroom.errors import InvalidData, did_you_mean

BLOCK = 1 << 24  # values converted together


def read(
    images: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str] | None,
    test: tuple[ArrayLike, ArrayLike] | None,
) -> Incoming:
    """Check and take in arrays as ``fittingroom.data.sources.from_arrays`` describes them; raises InvalidData."""
    parts = [(images, labels)] if test is None else [(images, labels), test]
    pictures = [_images(part[0], where) for part, where in zip(parts, ("images", "test images"), strict=False)]
    answers = [_labels(part[1], where) for part, where in zip(parts, ("labels", "test labels"), strict=False)]
    for picture, answer, where in zip(pictures, answers, ("", "test "), strict=False):
        if len(picture) != len(answer):
            raise InvalidData(
                f"{len(picture):,} {where}images but {len(answer):,} {where}labels; give one label for each image"
            )
    if pictures[0].shape[1:] != pictures[-1].shape[1:]:
        raise InvalidData(
            f"images are {_shape(pictures[0])} but test images {_shape(pictures[-1])} (height×width×channels); "
            "bring them to one shape"
        )
    names, numbers = _classes(answers, class_names)
    return Incoming(
        class_names=names,
        labels=numbers,
        image_shape=pictures[0].shape[1:],
        blocks=_blocks(pictures),
        test_start=None if test is None else len(pictures[0]),
        origin=f"arrays given in Python{_conversion(pictures)}",
    )


def _array(values: ArrayLike, where: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise InvalidData(f"{where} do not make an array: {error}; bring them to one shape first") from error


def _images(images: ArrayLike, where: str) -> NDArray[Any]:
    """Images as N×H×W×C, uint8 or floats in 0..1."""
    array = _array(images, where)
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or array.shape[3] not in (1, 3):
        fix = "give N×height×width (grey) or N×height×width×channels with 1 or 3 channels"
        if array.ndim == 4 and array.shape[1] in (1, 3):
            fix = f"put the channels last: {where.replace(' ', '_')}.transpose(0, 2, 3, 1)"
        raise InvalidData(f"{where} have shape {array.shape}; {fix}")
    if not array.size:
        raise InvalidData(f"{where} have shape {array.shape}, so there are none; give at least one image")
    if array.dtype == np.uint8:
        return array
    low, high = array.min(), array.max()
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidData(
            f"{where} are {array.dtype} with values {low} to {high}; give uint8 values 0 to 255, or floats 0 to 1"
        )
    if not (low >= 0 and high <= 1):  # also when either is NaN
        raise InvalidData(
            f"{where} are {array.dtype} with values {low:g} to {high:g}; give floats 0 to 1, or uint8 values 0 to 255"
        )
    return array


def _labels(labels: ArrayLike, where: str) -> NDArray[Any]:
    """Labels as one row of whole numbers or strings."""
    array = _array(labels, where)
    if array.ndim != 1:
        fix = "give one label for each image"
        if array.ndim == 2:
            fix += f"; from one-hot rows: {where.replace(' ', '_')}.argmax(axis=1)"
        raise InvalidData(f"{where} have shape {array.shape}; {fix}")
    if array.dtype.kind not in "iuUT" and not all(isinstance(label, str) for label in array):
        raise InvalidData(f"{where} are {array.dtype}; give whole numbers from 0 on, or class names")
    return array


def _classes(
    answers: list[NDArray[Any]], class_names: Sequence[str] | None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Class names and labels as positions in them."""
    if any(answer.dtype.kind in "iu" for answer in answers):
        if not all(answer.dtype.kind in "iu" for answer in answers):
            raise InvalidData("labels are numbers in one part and names in the other; give the same kind in both")
        numbers = np.concatenate(answers).astype(np.int64)
        names = [str(label) for label in range(len(np.unique(numbers)))] if class_names is None else list(class_names)
    else:
        words = [str(label) for answer in answers for label in answer]
        names = sorted(set(words)) if class_names is None else list(class_names)
        position = {name: label for label, name in enumerate(names)}
        unknown = sorted(set(words) - position.keys())
        if unknown:
            raise InvalidData(f'label "{unknown[0]}" is not in class_names; {did_you_mean(unknown[0], names)}')
        numbers = np.array([position[word] for word in words], np.int64)
    _check_classes(names, numbers)
    return tuple(names), numbers


def _check_classes(names: list[str], labels: NDArray[np.int64]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidData(f'class_names has "{twice}" twice; give each class its own name')
    low, high = labels.min(), labels.max()
    if low < 0 or high >= len(names):
        raise InvalidData(
            f"labels run from {low} to {high}, but {len(names)} classes have the labels 0 to {len(names) - 1}; "
            "renumber them, or give as many class_names as there are classes"
        )
    empty = np.flatnonzero(np.bincount(labels, minlength=len(names)) == 0)
    if len(empty):
        raise InvalidData(
            f"{len(empty)} of {len(names)} classes have no image, the first is label {empty[0]} "
            f'("{names[empty[0]]}"); number the labels from 0 without gaps, and name only classes that occur'
        )
    if len(names) < 2:
        raise InvalidData(f'all labels are the same class, "{names[0]}"; a classifier needs at least 2 classes')


def _blocks(parts: list[NDArray[Any]]) -> Iterator[NDArray[np.uint8]]:
    for images in parts:
        step = max(BLOCK // int(np.prod(images.shape[1:])), 1)
        for start in range(0, len(images), step):
            block = images[start : start + step]
            yield block if block.dtype == np.uint8 else np.rint(block * 255.0).astype(np.uint8)


def _conversion(parts: list[NDArray[Any]]) -> str:
    if all(images.dtype == np.uint8 for images in parts):
        return ""
    return "; floats 0 to 1 were rounded to 256 levels"


def _shape(images: NDArray[Any]) -> str:
    return "×".join(str(size) for size in images.shape[1:])
