"""How folders of images are laid out, on a disk or in an archive: one folder for each class.

    ROOT/CLASS/IMAGE.png                                     no test part, or
    ROOT/train/CLASS/IMAGE.png, ROOT/test/CLASS/IMAGE.png    an official test part

``training`` and ``testing`` will do as well; a folder ``val``, ``valid`` or ``validation`` joins the training images,
and which they are is kept. Where folders are groups, images may lie one folder deeper, in CLASS/GROUP/IMAGE.png.
Classes and files are in natural order (2 before 10). Hidden files are passed over, and files that are no images
counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Generic, NamedTuple, TypeVar

from fittingroom.data import pictures
from fittingroom.data.naming import class_problems, file_problems, first, natural, shown
from fittingroom.errors import InvalidData

TRAINING = {"train", "training"}
VALIDATION = {"val", "valid", "validation"}
TEST = {"test", "testing"}
LITTER = {"thumbs.db", "desktop.ini", "__macosx"}
LAYOUT = "expected are PATH/CLASS/IMAGE.png, or PATH/train/CLASS/IMAGE.png and PATH/test/CLASS/IMAGE.png"

P = TypeVar("P", bound=PurePath)
Entries = Callable[[P], tuple[list[P], list[P]]]
"""The folders and the other entries in a folder, in any order."""


class _ClassFolder(NamedTuple, Generic[P]):
    name: str
    path: P
    is_test: bool
    is_validation: bool
    images: list[P]


@dataclass
class Listing(Generic[P]):
    """The files of an image folder, sorted: training images before test images, then by class and name."""

    class_names: list[str] = field(default_factory=list)
    training: list[tuple[int, P]] = field(default_factory=list)
    """Position in ``class_names``, and file."""
    test: list[tuple[int, P]] = field(default_factory=list)
    has_test: bool = False
    remarks: list[str] = field(default_factory=list)
    """What was joined or left out, in words."""
    validation: list[int] = field(default_factory=list)
    """Places in ``training`` of the images that lie in a folder for validation."""
    class_folders: set[P] = field(default_factory=set)
    name_problems: list[str] = field(default_factory=list)

    @property
    def files(self) -> list[P]:
        return [path for _, path in self.training + self.test]

    @property
    def labels(self) -> list[int]:
        return [label for label, _ in self.training + self.test]

    @property
    def folders(self) -> list[str | None]:
        """For each file the folder that it lies in below that of its class; None for those that lie in that itself."""
        return [None if file.parent in self.class_folders else shown(PurePath(file.parent.name)) for file in self.files]


def listed(root: P, called: str, entries: Entries[P], groups: bool = False) -> Listing[P]:
    """Find the class folders and image files below ``root``; raises InvalidData for what cannot be a data set.

    ``called``: what errors call the whole. ``entries`` looks into one folder, and may raise InvalidData.
    ``groups``: whether class folders hold folders of images that belong together.
    """

    def look(folder: P) -> tuple[list[P], list[P]]:
        return _visible(entries(folder))

    parts, other = _parts(root, called, look)
    found: list[_ClassFolder[P]] = []
    for part, is_test in parts:
        folders, files = look(part)
        other += len(files) if part != root else 0
        for folder in folders:
            inside, others = look(folder)
            if groups:
                within = [look(group) for group in inside]
                inside = [deeper for folders, _ in within for deeper in folders]
                others = others + [file for _, files in within for file in files]
            images = [file for file in others if file.suffix.lower() in pictures.SUFFIXES]
            other += len(inside) + len(others) - len(images)
            is_validation = part != root and part.name.casefold() in VALIDATION
            found.append(_ClassFolder(shown(PurePath(folder.name)), folder, is_test, is_validation, images))
    _check_layout(root, called, parts, found)
    listing: Listing[P] = Listing(has_test=any(is_test for _, is_test in parts))
    listing.class_names = sorted({place.name for place in found}, key=natural)
    number = {name: label for label, name in enumerate(listing.class_names)}
    for label, place in sorted(((number[place.name], place) for place in found), key=lambda pair: pair[0]):
        into = listing.test if place.is_test else listing.training
        if place.is_validation:
            listing.validation += range(len(into), len(into) + len(place.images))
        into.extend((label, image) for image in place.images)
    listing.class_folders = {place.path for place in found}
    joined = [shown(PurePath(part.name)) for part, _ in parts if part.name.casefold() in VALIDATION and part != root]
    listing.remarks += [f'folder "{name}" joined the training images' for name in joined]
    listing.remarks += [f"{other:,} other files or folders left out"] if other else []
    listing.name_problems += class_problems(listing.class_names)
    for place in found:
        listing.name_problems += file_problems(shown(place.path.relative_to(root)), place.images)
    return listing


def _visible(entries: tuple[list[P], list[P]]) -> tuple[list[P], list[P]]:
    """Each in natural order; hidden files and litter left out."""
    folders, files = (
        sorted(
            (entry for entry in some if entry.name[0] != "." and entry.name.lower() not in LITTER),
            key=lambda entry: natural(entry.name),
        )
        for some in entries
    )
    return folders, files


def _parts(root: P, called: str, look: Entries[P]) -> tuple[list[tuple[P, bool]], int]:
    """The folders that hold class folders, and whether each is the test part; then the number of loose files."""
    folders, files = look(root)
    if not folders:
        loose = sum(file.suffix.lower() in pictures.SUFFIXES for file in files)
        raise InvalidData(f"{called} holds no class folders{f', but {loose:,} image files' if loose else ''}; {LAYOUT}")
    names = {folder.name.casefold() for folder in folders}
    training = [folder for folder in folders if folder.name.casefold() in TRAINING]
    if names <= TRAINING | VALIDATION | TEST and any(look(folder)[0] for folder in training):
        return [(folder, folder.name.casefold() in TEST) for folder in folders], len(files)
    return [(root, False)], len(files)


def _check_layout(root: P, called: str, parts: list[tuple[P, bool]], found: list[_ClassFolder[P]]) -> None:
    filled = {place.path.parent for place in found}
    empty = [place.path for place in found if not place.images] + [part for part, _ in parts if part not in filled]
    if empty:
        raise InvalidData(
            f"{called} has folders without images: "
            f"{first([shown(path.relative_to(root)) for path in empty])}; fill or remove each of them. {LAYOUT}"
        )
    training = {place.name for place in found if not place.is_test}
    test_only = sorted({place.name for place in found} - training, key=natural)
    if test_only:
        raise InvalidData(
            f"{called} has classes with test images only: {first(test_only)}; add training images of these "
            "classes or remove them"
        )
    if len(training) < 2:
        raise InvalidData(
            f"{called} has one class ({first(sorted(training))}), and a classifier needs at least 2; {LAYOUT}"
        )
