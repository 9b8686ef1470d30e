"""Labels as arrays and tables have them, turned into class names and positions in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.naming import first, natural, printable
from fittingroom.errors import InvalidData

MOST = 10_000
"""More different labels than this are no classes."""


def row_of(labels: NDArray[Any], where: str) -> tuple[NDArray[Any], str]:
    """Labels as one row (N,) of whole numbers or text, and what was done to them in words.

    Takes N, N×1, one-hot N×classes, and floats that are whole numbers; raises InvalidData, naming ``where``.
    """
    told = ""
    if labels.dtype.hasobject:
        labels = _texts(labels, where)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        labels, told = _from_one_hot(labels, where), "one-hot labels turned into class numbers"
    if labels.ndim != 1:
        raise InvalidData(f"{where} has shape {labels.shape}; give one label for each image, or one-hot rows")
    if labels.dtype.kind == "f":
        whole = (np.abs(labels) < 2**53) & (labels == np.rint(labels))  # False for what is no number, too
        if not whole.all():
            at = int(np.argmin(whole))
            raise InvalidData(f"{where} has the label {labels[at]} for image {at}; give whole numbers or class names")
        labels = labels.astype(np.int64)
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "backslashreplace")
    if labels.dtype.kind not in "biuU":
        raise InvalidData(f"{where} holds {labels.dtype} values; give whole numbers or class names")
    return labels, told


def _texts(labels: NDArray[Any], where: str) -> NDArray[Any]:
    if missing := [at for at, label in enumerate(labels.ravel().tolist()) if label is None or label != label]:
        raise InvalidData(f"{where} has no label for image {missing[0]}; give every image a class")
    if not all(isinstance(label, str) for label in labels.ravel()):
        raise InvalidData(f"{where} holds Python objects; give whole numbers or class names")
    return labels.astype(np.str_)


def _from_one_hot(labels: NDArray[Any], where: str) -> NDArray[np.int64]:
    ones = (labels == 1).sum(axis=1) == 1
    others = ((labels == 0) | (labels == 1)).all(axis=1)
    good = ones & others
    if not good.all():
        at = int(np.argmin(good))
        raise InvalidData(
            f"{where} has shape {labels.shape}, but row {at} is no one-hot row (one 1, else 0); "
            "give one label for each image, or one-hot rows"
        )
    return np.asarray(np.argmax(labels, axis=1), np.int64)


def numbered(
    rows: Sequence[NDArray[Any]], training: int, where: str, class_names: Sequence[str] | None = None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Class names, and the labels of all rows in one (N,) as positions in them.

    ``rows``: as ``row_of`` gives them, the first ``training`` of them for training and the others for testing.
    ``class_names``: for the numbers 0, 1, … unless they are those found in the labels: numbers in their order,
    text in natural order. Raises InvalidData for what is no set of classes, naming ``where``.
    """
    is_text = {row.dtype.kind == "U" for row in rows}
    if len(is_text) > 1:
        raise InvalidData(f"{where} has labels that are numbers in one part and text in another; give one kind")
    found, positions = np.unique(np.concatenate(list(rows)), return_inverse=True)
    if not len(found):
        raise InvalidData(f"{where} has no labels; give at least one image of each of 2 classes")
    if len(found) > MOST:
        raise InvalidData(
            f"{where} has {len(found):,} different labels, such as {found[0]}, {found[1]}, {found[2]}; these are no "
            f"classes (at most {MOST:,}): look whether another column or array holds the labels"
        )
    names = [printable(str(value)) for value in found.tolist()]
    if is_text == {True}:
        names, positions = _in_natural_order(names, positions, where)
    elif class_names is not None:
        names, positions = _given(list(class_names), found, positions, where)
    _check(names, positions, sum(map(len, rows[:training])), where)
    return tuple(names), positions.astype(np.int64)


def _in_natural_order(names: list[str], positions: NDArray[np.intp], where: str) -> tuple[list[str], NDArray[np.intp]]:
    if "" in names:
        at = int(np.argmax(positions == names.index("")))
        raise InvalidData(f"{where} has no label for image {at}; give every image a class")
    order = sorted(range(len(names)), key=lambda label: natural(names[label]))
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    return [names[label] for label in order], place[positions]


def _given(
    names: list[str], found: NDArray[Any], positions: NDArray[np.intp], where: str
) -> tuple[list[str], NDArray[np.intp]]:
    names = [printable(name) for name in names]
    if nameless := [at for at, name in enumerate(names) if not name.strip()]:
        raise InvalidData(f"{where} has no name for class {nameless[0]}, counted from 0; name every class")
    if found[0] < 0 or found[-1] >= len(names):
        raise InvalidData(
            f"{where} has labels from {found[0]} to {found[-1]}, but {len(names)} class names, which have the labels "
            f"0 to {len(names) - 1}; renumber the labels, or name every class"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidData(f'{where} has two classes called "{twice}"; give each class its own name')
    return names, found.astype(np.intp)[positions]


def _check(names: list[str], labels: NDArray[np.intp], training: int, where: str) -> None:
    if len(names) < 2:
        raise InvalidData(f'{where} has one class ("{names[0]}"), and a classifier needs at least 2')
    empty = np.bincount(labels[:training], minlength=len(names)) == 0
    if empty.any():
        missing = [f'"{names[label]}"' for label in np.flatnonzero(empty)]
        raise InvalidData(f"{where} has no training images of {first(missing)}; add some, or leave these classes out")
