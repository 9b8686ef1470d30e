"""Prepared folders: complete or absent, whatever happens to the processes that write them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fittingroom.data import fashion_mnist
from fittingroom.data.dataset import Dataset
from fittingroom.data.forms import gallery
from fittingroom.data.incoming import Incoming
from fittingroom.data.prepared import Damaged, open_prepared
from fittingroom.data.sources import from_arrays, import_data, load, names
from fittingroom.data.wanted import Wanted
from fittingroom.errors import InvalidData, WorkspaceError
from fittingroom.workspace import Workspace

OPEN = "from fittingroom.data.sources import load; print(load('fashion-mnist').fingerprint)"
FINGERPRINT = fashion_mnist.INFO.fingerprint


def test_the_images_are_mapped_and_not_read(fashion: Dataset, shared_cache: Path) -> None:
    base = fashion.images.base
    assert isinstance(base, np.memmap)
    assert base.mode == "c"
    assert Path(base.filename or "") == shared_cache / "data" / "fashion-mnist" / "images.npy"
    assert fashion.images.flags.writeable  # torch warns about arrays that are not


def test_equal_hashes_mean_equal_pixels(cache: Path) -> None:
    images = np.zeros((6, 4, 4), np.uint8)
    images[1, 0, 0] = images[4, 0, 0] = 1
    images[2, 3, 3] = 1
    hashes = [row.tobytes() for row in from_arrays(images, [0, 1, 0, 1, 0, 1]).hashes]
    assert all(len(content) == 16 for content in hashes)
    assert [hashes.index(content) for content in hashes] == [0, 1, 2, 0, 1, 0]


@pytest.fixture
def things(tmp_path: Path, picture: Callable[..., object]) -> Path:
    """An image folder: four images of 6×5 in two classes."""
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        picture(tmp_path / "things" / name)
    return tmp_path / "things"


def cut_images(folder: Path) -> None:
    with (folder / "images.npy").open("r+b") as file:
        file.truncate(200)


def lengthen_labels(folder: Path) -> None:
    with (folder / "labels.npy").open("ab") as file:
        file.write(b"more")


def swap_arrays(folder: Path) -> None:
    (folder / "hashes.npy").write_bytes((folder / "labels.npy").read_bytes())


def edit_meta(**changes: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        meta = json.loads((folder / "meta.json").read_bytes())
        (folder / "meta.json").write_text(json.dumps(meta | changes))

    return edit


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (cut_images, "mmap length is greater than file size"),
    (lengthen_labels, r"labels.npy has 164 bytes, not 160"),
    (swap_arrays, r"hashes.npy holds int64 \(4,\), not uint64 \(4, 2\)"),
    (lambda folder: (folder / "images.npy").unlink(), "No such file"),
    (lambda folder: (folder / "images.npy").write_bytes(b"PK\3\4 not an array"), "magic string is not correct"),
    (lambda folder: (folder / "images.npy").write_bytes(b""), "magic"),
    (lambda folder: (folder / "meta.json").write_bytes(b'{"format": 1, "na'), "Unterminated string"),
    (lambda folder: (folder / "meta.json").write_bytes(b"[]"), "list indices"),
    (edit_meta(shape=[4, 6, 5]), "not enough values"),
    (edit_meta(shape=[5, 6, 5, 1]), r"images.npy holds uint8 \(4, 6, 5, 1\), not uint8 \(5, 6, 5, 1\)"),
    (edit_meta(format=2), "it has format 2, and this version reads 1"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES, ids=[reason[:25] for _, reason in DAMAGES])
def test_damage_is_noticed_and_the_cache_rebuilt(
    damage: Callable[[Path], object], reason: str, cache: Path, things: Path
) -> None:
    sound = load(things)
    fingerprint, images = sound.fingerprint, sound.images.tolist()
    del sound  # a file that shrinks while it is mapped would end the process
    (folder,) = (cache / "data").iterdir()
    damage(folder)
    with pytest.raises(Damaged, match=reason) as refused:
        open_prepared(folder, "x")
    assert str(refused.value).startswith(f"the prepared data set in {folder} is damaged: ")
    rebuilt = load(things)
    assert rebuilt.fingerprint == fingerprint
    assert rebuilt.images.tolist() == images
    assert list((cache / "data").iterdir()) == [folder]


def test_a_damaged_import_is_told_and_listed(workspace: Workspace, things: Path) -> None:
    import_data(things, workspace)
    cut = workspace.data / "things" / "images.npy"
    cut.write_bytes(cut.read_bytes()[:-1])
    with pytest.raises(InvalidData) as refused:
        load("things", workspace)
    assert str(refused.value).startswith(f"the prepared data set in {cut.parent} is damaged: ")
    assert str(refused.value).endswith('; remove data set "things" and import it again')
    assert [(info.name, info.kind) for info in names(workspace)][2:] == [("things", "damaged")]


def temporary_folders(cache: Path) -> list[Path]:
    return list((cache / "data").glob(".*.tmp"))


def test_a_process_killed_while_preparing_leaves_nothing_half(cache: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", OPEN], stdout=subprocess.DEVNULL)
    started, sizes = time.monotonic(), [0]
    while not 0 < max(sizes) < 50_000_000:  # until it is in the midst of writing images
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < started + 60
        written = [folder / "images.npy" for folder in temporary_folders(cache)]
        sizes = [file.stat().st_size for file in written if file.exists()] or [0]
    process.send_signal(signal.SIGKILL)
    process.wait()
    (left,) = temporary_folders(cache)
    assert not (cache / "data" / "fashion-mnist").exists()
    assert not (left / "meta.json").exists()
    assert load("fashion-mnist").fingerprint == FINGERPRINT
    assert left.exists()  # it could still belong to a living process
    yesterday = time.time() - 25 * 3600
    os.utime(left, (yesterday, yesterday))
    from_arrays(np.zeros((2, 2, 2), np.uint8), [0, 1])  # whoever prepares next sweeps
    assert temporary_folders(cache) == []


def test_processes_preparing_at_once_both_succeed(cache: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", OPEN], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in processes] == [FINGERPRINT] * 2
    assert [process.returncode for process in processes] == [0, 0]
    assert [entry.name for entry in (cache / "data").iterdir()] == ["fashion-mnist"]


def test_a_second_process_that_was_faster_wins(
    cache: Path, things: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = load(things)
    (place,) = (cache / "data").iterdir()
    place.rename(tmp_path / "other")
    original = gallery.read

    def slow(found: gallery.Gallery, wanted: Wanted) -> Incoming:
        (tmp_path / "other").rename(place)
        (place / "winner").touch()
        return original(found, wanted)

    monkeypatch.setattr(gallery, "read", slow)
    assert load(things).fingerprint == sound.fingerprint
    assert (place / "winner").exists()
    assert temporary_folders(cache) == []


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
from fittingroom.errors import WorkspaceError
from fittingroom.data.sources import load
try:
    load("fashion-mnist")
except WorkspaceError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [20_000_000, 54_880_128 - 1])
def test_a_full_disk_is_told_and_leaves_nothing(cache: Path, limit: int) -> None:
    code = FULL.replace("LIMIT, LIMIT", f"{limit}, {limit}")
    shown = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True)
    folder = cache / "data" / "fashion-mnist"
    assert shown.stdout.strip() == (
        f"cannot prepare data set fashion-mnist in {folder}: File too large; "
        "free some space or choose another cache folder with FITTINGROOM_CACHE"
    )
    assert list((cache / "data").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        WorkspaceError, match="Not a directory; free some space or choose another cache folder with FIT"
    ):
        from_arrays(np.zeros((2, 2, 2), np.uint8), [0, 1])
