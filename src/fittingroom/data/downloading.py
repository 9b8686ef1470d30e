"""Downloads a data set by its name, and keeps it in the workspace like one that was imported."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from fittingroom.data.dataset import Dataset, DataSetInfo
from fittingroom.data.remote import REMOTE, Remote
from fittingroom.data.sources import BUILT_IN, load, names, new_name, take_in
from fittingroom.data.transfer import fetch
from fittingroom.errors import InvalidInput, NotFound, did_you_mean
from fittingroom.workspace import Workspace, cache_folder

Progress = Callable[[str, int, int], object]
"""Called with what is being done, how much of it is done, and of how much."""


def downloadable(workspace: Workspace) -> list[DataSetInfo]:
    """The data sets that can be downloaded, and are not in the workspace."""
    here = {info.name for info in names(workspace)}
    return [_info(remote) for remote in REMOTE.values() if remote.name not in here]


def download(
    name: str, workspace: Workspace, called: str | None = None, progress: Progress = lambda doing, done, total: None
) -> Dataset:
    """Get a data set from the internet and keep it in the workspace, as ``called``; its own name unless given.

    Files wait in the cache until they are all there: what is cut short goes on with the next call. What ``progress``
    raises ends the download. Where the data set is in the workspace already, nothing is downloaded. Raises NotFound
    for names that cannot be downloaded, DownloadFailed, InvalidInput for a name that is taken, and WorkspaceError.
    """
    remote = _remote(name)
    called = new_name(remote.name if called is None else called)
    if any(info.name == called for info in names(workspace)):
        there = load(called, workspace)
        if there.origin == remote.origin:
            return there
        raise InvalidInput(
            f'the workspace already has a data set "{called}" with other content; give another name with --name, or '
            "remove that one first"
        )
    folder = cache_folder() / "downloads" / remote.name
    before = 0
    for file in remote.files:
        done = before

        def told(here: int, done: int = done) -> None:
            progress(f"Downloading {remote.name}", done + here, remote.bytes)

        fetch([address + file.name for address in remote.addresses], folder / file.name, file.bytes, file.sha256, told)
        before += file.bytes

    def taken_in(images: int) -> None:
        progress(f"Preparing {called}", images, remote.images)

    data = take_in(remote.read(remote, folder), workspace, called, taken_in)
    shutil.rmtree(folder, ignore_errors=True)
    return data


def _remote(name: str) -> Remote:
    if name in BUILT_IN:
        raise InvalidInput(f'"{name}" is built in: there is nothing to download')
    if name not in REMOTE:
        raise NotFound(f'"{name}" cannot be downloaded; {did_you_mean(name, REMOTE)}')
    return REMOTE[name]


def _info(remote: Remote) -> DataSetInfo:
    height, width, channels = remote.shape
    return DataSetInfo(
        remote.name, "downloadable", remote.images, len(remote.class_names), (channels, height, width), ""
    )
