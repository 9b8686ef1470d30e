"""Importer of zip and tar archives of an image folder, laid out as ``layout`` tells, in one folder of its own or not.

Nothing is ever written under a name that an archive gives: members are read one at a time into memory. A compressed tar
is unpacked as a whole first, into a file of the cache folder that has no name, so that nothing is left of it whatever
happens. Links, devices and other special members are left out; names that lead out of the archive refuse it.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from fittingroom.data.forms import gallery
from fittingroom.data.forms.gallery import Gallery
from fittingroom.data.forms.layout import LITTER, listed
from fittingroom.data.forms.members import Members, opened
from fittingroom.data.grouping import BY_FOLDER
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import printable, shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
ROOT = PurePosixPath()
Tree = dict[PurePosixPath, tuple[list[PurePosixPath], list[PurePosixPath]]]
"""The folders and the files in each folder."""


def read(path: Path, wanted: Wanted = AS_IT_IS) -> Incoming:
    """The images in an archive, all brought to what is wanted.

    Raises InvalidData, also while the blocks are taken: for what is no archive, is damaged or too large, for folders
    that are not laid out so, and for all that image folders are refused for.
    """
    return gallery.read(_gallery(path, wanted), wanted)


def preview(path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of it; files that cannot be read and different sizes are told, not refused."""
    return gallery.preview(_gallery(path, wanted), wanted, progress)


def _gallery(path: Path, wanted: Wanted) -> Gallery:
    by_folder = wanted.groups == BY_FOLDER
    members = opened(path)
    tree = _tree(members, path)
    root = _top(tree)
    listing = listed(root, shown(path), lambda folder: tree.get(folder, ([], [])), by_folder)
    files = listing.files
    other = [f"{members.special:,} links or special files left out"] if members.special else []
    other += [f"{members.repeated:,} files come twice, the last one counts"] if members.repeated else []
    return Gallery(
        path=path,
        kind="archive",
        class_names=tuple(listing.class_names),
        labels=np.array(listing.labels, np.int64),
        name=lambda index: shown(files[index]),
        content=lambda index: members.read(str(files[index])),
        test_start=len(listing.training) if listing.has_test else None,
        remarks=(*listing.remarks, *other),
        name_problems=tuple(listing.name_problems),
        folders=listing.folders if by_folder else (),
        validation=np.array(listing.validation, np.int64) if listing.validation else None,
    )


def _tree(members: Members, path: Path) -> Tree:
    """The archive's folders; raises InvalidData for names that lead out of it."""
    tree: Tree = {ROOT: ([], [])}
    for name in members.names:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\\" in name or "\0" in name or place.parts[0][1:2] == ":":
            raise InvalidData(
                f'{shown(path)} holds the name "{printable(name[:200])}", which leads out of the archive; '
                "do not trust it, or make it again from the folder itself"
            )
        _folder(tree, place.parent)[1].append(place)
    return tree


def _folder(tree: Tree, folder: PurePosixPath) -> tuple[list[PurePosixPath], list[PurePosixPath]]:
    """The entries of a folder, made with those above it where it is new."""
    new = []
    while folder not in tree:
        tree[folder] = ([], [])
        new.append(folder)
        folder = folder.parent
    for place in new:
        tree[place.parent][0].append(place)
    return tree[new[0] if new else folder]


def _top(tree: Tree) -> PurePosixPath:
    """The folder that holds everything, where the archive has one around its class folders."""
    top = ROOT
    while True:
        folders = [folder for folder in tree[top][0] if folder.name[0] != "." and folder.name.lower() not in LITTER]
        if len(folders) != 1 or tree[top][1] or not tree[folders[0]][0]:
            return top
        top = folders[0]
