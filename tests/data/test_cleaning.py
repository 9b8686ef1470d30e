"""Images that are taken out of a data set: recorded with their reason, in no part, brought back to the same data."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.data.cleaning import as_of, cleaned, exclude, exclusions, images_in, journal, restore
from fittingroom.data.dataset import Dataset
from fittingroom.data.lineage import TrainedOn, seen_faults
from fittingroom.data.sources import from_arrays, import_data, load, load_as, names, remove
from fittingroom.errors import InvalidData, InvalidInput, WorkspaceError
from fittingroom.spec.data import DataSpec
from fittingroom.workspace import Workspace


def numbers(count: int = 60) -> Dataset:
    """Small images in three classes, all different, without a test part."""
    pixels = np.arange(count * 16, dtype=np.uint32).view(np.uint8).reshape(count, 8, 8)
    return from_arrays(pixels, np.arange(count) % 3, name="numbers")


def files_in(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_excluded_images_are_in_no_part_and_come_back(workspace: Workspace, cache: Path) -> None:
    data = numbers()
    arrays = files_in(cache)
    before = data.split(0.2, 0)
    out = exclude(data, [7, 3], "blurred", workspace)
    assert out.excluded.tolist() == [3, 7]
    after = load(data.source, workspace).split(0.2, 0)
    for part in ("train", "validation", "test"):
        assert getattr(after, part).tolist() == [image for image in getattr(before, part) if image not in (3, 7)]
    assert after.excluded == 2
    assert files_in(cache) == arrays
    back = restore(data, None, workspace)
    assert back.fingerprint == data.fingerprint
    assert load(data.source, workspace).split(0.2, 0).train.tolist() == before.train.tolist()


def test_images_that_were_left_out_anyway_are_counted_among_those_taken_out(workspace: Workspace, cache: Path) -> None:
    pixels = np.arange(60 * 16, dtype=np.uint32).view(np.uint8).reshape(60, 8, 8)
    test = (pixels[[0, 51, 52]], np.arange(3))  # image 0 trains no more, for it tests
    data = from_arrays(pixels[:51], np.arange(51) % 3, name="numbers", test=test)
    out = exclude(data, [0, 1, 2], "blurred", workspace).split(0.2, 0)
    assert (out.dropped, out.excluded, out.excluded_besides) == (1, 2, 1)
    assert "3 images were taken out of this data and are in no part; 1 of them were left out anyway." in out.told


def test_the_journal_says_why_and_what_found_them_and_forgets_nothing(workspace: Workspace) -> None:
    data = numbers()
    exclude(data, [1, 2, 3], "near copies", workspace, by="near duplicates")
    exclude(data, [3, 4], "  out of\nfocus ", workspace)
    restore(data, [2], workspace)
    now = [(each.images, each.step.reason, each.step.by) for each in exclusions(data.content, workspace)]
    assert now == [((1, 3), "near copies", "near duplicates"), ((4,), "out of focus", "")]
    steps = [(step.action, step.images) for step in journal(data.content, workspace)]
    assert steps == [("exclude", (1, 2, 3)), ("exclude", (4,)), ("restore", (2,))]
    assert all(step.time.endswith("+00:00") for step in journal(data.content, workspace))
    assert cleaned(data, workspace).excluded.tolist() == [1, 3, 4]
    again = len(journal(data.content, workspace))
    exclude(data, [1], "once more", workspace)  # out already
    assert len(journal(data.content, workspace)) == again


def test_every_state_has_a_fingerprint_of_its_own_and_can_be_opened_again(workspace: Workspace) -> None:
    data = numbers()
    first = exclude(data, [5], "a", workspace)
    second = exclude(data, [6], "b", workspace)
    third = restore(data, [5], workspace)
    prints = [each.fingerprint for each in (data, first, second, third)]
    assert len(set(prints)) == 4
    assert {each.content for each in (data, first, second, third)} == {data.fingerprint}
    assert [load_as(data.source, each, workspace).excluded.tolist() for each in prints] == [[], [5], [5, 6], [6]]
    assert as_of(data, f"0000000000000000-{data.content}", workspace).excluded.tolist() == []
    assert load(data.source, workspace).fingerprint == third.fingerprint
    other = Workspace(workspace.root / "other")
    assert load(data.source, other).fingerprint == data.fingerprint  # cleaning belongs to a workspace
    assert exclude(data, [6], "elsewhere", other).fingerprint == third.fingerprint  # and says what, not when


def test_built_in_data_is_cleaned_without_touching_the_cache(
    fashion: Dataset, shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITTINGROOM_CACHE", str(shared_cache))
    own, arrays = Workspace(tmp_path / "workspace"), {path: path.stat().st_mtime_ns for path in shared_cache.rglob("*")}
    exclude(fashion, [0, 60_000], "try", own)
    splits = load("fashion-mnist", own).split(5000, 0)
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 69_998
    assert splits.excluded_from_test == 1
    assert splits.told[-1].startswith("1 of them were test images: scores are of the 9,999 that are left")
    assert {path: path.stat().st_mtime_ns for path in shared_cache.rglob("*")} == arrays
    assert next(info for info in names(own) if info.name == "fashion-mnist").fingerprint == fashion.fingerprint


def test_an_import_that_is_removed_and_made_again_has_its_journal(
    tmp_path: Path, workspace: Workspace, picture: Callable[..., Any]
) -> None:
    for kind in ("cat", "dog"):
        for image in range(8):
            picture(tmp_path / "pets" / kind / f"{kind}{image}.png")
    data = import_data(tmp_path / "pets", workspace)
    exclude(data, [2], "no cat at all", workspace)
    remove("pets", workspace)
    assert [path.name for path in workspace.data.iterdir()] == []
    assert import_data(tmp_path / "pets", workspace).excluded.tolist() == [2]
    assert load(tmp_path / "pets", workspace).excluded.tolist() == [2]  # the same images, wherever they are opened


def test_two_processes_that_clean_at_once_lose_nothing(workspace: Workspace, cache: Path) -> None:
    data = numbers(120)
    code = (
        "import sys\n"
        "from fittingroom.data.cleaning import exclude\n"
        "from fittingroom.data.sources import load\n"
        "from fittingroom.workspace import Workspace\n"
        "data, workspace = load(sys.argv[1]), Workspace.find()\n"
        "for image in range(int(sys.argv[2]), 50, 2):\n"
        "    exclude(data, [image], f'image {image}', workspace)\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, data.source, str(first)]) for first in (0, 1)]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    assert load(data.source, workspace).excluded.tolist() == list(range(50))
    assert sorted(step.reason for step in journal(data.content, workspace)) == sorted(f"image {i}" for i in range(50))
    assert not list(workspace.cleaning.glob("*.tmp"))


def test_weights_from_before_a_cleaning_have_seen_nothing_new(workspace: Workspace) -> None:
    data = numbers()
    as_split = DataSpec(source=data.source, validation=6)
    earlier = TrainedOn.of(as_split, data.fingerprint)
    out = exclude(data, [0, 1, 2], "try", workspace)
    assert seen_faults([earlier], "numbers-1", out, out.divide(as_split.division), workspace) == ([], [])
    faults, _ = seen_faults([earlier], "numbers-1", out, out.split(6, 9), workspace)
    assert faults[0].fix == "split the data as there, with data.validation = 6 and data.split_seed = 0"
    later = TrainedOn.of(as_split, out.fingerprint)
    restore(data, None, workspace)
    assert seen_faults([later], "numbers-2", data, data.divide(as_split.division), workspace) == ([], [])


@pytest.mark.parametrize(
    ("images", "reason", "message"),
    [
        ([60], "why", "image 60 is not in numbers, whose images are 0 to 59"),
        ([-1], "why", "image -1 is not in numbers"),
        ([60, 61], "why", "images 60, 61 are not in numbers, whose images are 0 to 59"),
        ([], "why", "no images are named; give at least one"),
        ([1], " \n", "no reason is given for taking images out; say why in 1 to 500 characters"),
        ([1], "x" * 501, "a reason of 501 characters is given for taking images out"),
        (
            range(0, 60, 3),
            "why",
            "that would leave too little: no training images for 1 of 3 classes: 0 (20 images",
        ),
    ],
)
def test_what_cannot_be_excluded_is_told_and_nothing_is_written(
    images: Any, reason: str, message: str, workspace: Workspace
) -> None:
    data = numbers()
    with pytest.raises(InvalidInput) as refused:
        exclude(data, images, reason, workspace)
    assert message in str(refused.value)
    assert journal(data.content, workspace) == []
    with pytest.raises(InvalidInput, match="image 4 is not excluded in numbers"):
        restore(data, [4], workspace)


@pytest.mark.parametrize(
    "written",
    [
        b"", b"[]", b"{}", b'{"format": 2, "steps": []}', b'{"format": 1, "steps": [3]}',
        b'{"format": 1, "steps": [{"time": "t", "action": "forget", "images": [1]}]}',
        b'{"format": 1, "steps": [{"time": "t", "action": "exclude", "images": ["1"]}]}',
        b'{"format": 1, "steps": [{"time": "t", "action": "exclude", "images": [-1]}]}',
        b'{"format": 1, "steps": [{"action": "exclude"}]}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_a_damaged_journal_is_never_taken_for_none(written: bytes, workspace: Workspace) -> None:
    data = numbers()
    workspace.cleaning.mkdir(parents=True)
    path = workspace.cleaning / f"{data.content}.json"
    path.write_bytes(written)
    for attempt in (lambda: load(data.source, workspace), lambda: exclude(data, [1], "why", workspace)):
        with pytest.raises(InvalidData) as refused:
            attempt()
        assert str(refused.value).startswith(f"{path}, which says what images are excluded from a data set, is damaged")
        assert str(refused.value).endswith("or move it away, which brings all excluded images back")
    assert path.read_bytes() == written


def test_a_journal_that_cannot_be_written_leaves_the_old_one(workspace: Workspace) -> None:
    data = numbers()
    exclude(data, [1], "first", workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(WorkspaceError, match="No space left on device; free some space"):
            exclude(data, [2], "second", workspace)
    assert load(data.source, workspace).excluded.tolist() == [1]
    assert [path.suffix for path in workspace.cleaning.iterdir() if not path.name.startswith(".")] == [".json"]


@pytest.mark.parametrize(
    ("text", "images"),
    [("3", [3]), ("3, 17,200-203", [3, 17, 200, 201, 202, 203]), ("[4, 5]", [4, 5]), ("1\n2\n\n9 \n", [1, 2, 9]),
     (json.dumps([1, 2], indent=1), [1, 2]), ("7-7", [7])],
)  # fmt: skip
def test_images_can_be_listed_in_several_ways(text: str, images: list[int]) -> None:
    assert images_in(text) == images


@pytest.mark.parametrize("text", ["", "a", "5-3", "-1", "1.5", "1;2", "0-99999999999"])
def test_what_lists_no_images_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"no image; give the numbers of images|more images than any data set has"):
        images_in(text)
