"""Data sets for other programs: read again by NumPy, by Pillow and by the importers."""

from __future__ import annotations

import dataclasses
import errno
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fittingroom as fr
from fittingroom.data import exporting
from fittingroom.data.cleaning import exclude
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import import_data
from fittingroom.errors import InvalidInput, WorkspaceUnusable
from fittingroom.library.exporting import export_data
from fittingroom.workspace import Workspace

NAMES = ["T-shirt/top", "Bag", "bag"]


def made(shape: tuple[int, ...] = (8, 9), *, test: bool = True, number: int = 60) -> Dataset:
    """Random images in three classes whose names are not in alphabetical order."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (number + 12, *shape), np.uint8)
    labels = np.arange(number + 12) % 3
    given = (images[number:], labels[number:]) if test else None
    if not test:
        images, labels = images[:number], labels[:number]
        return fr.load(images, labels, class_names=NAMES, name="made")
    return fr.load(images[:number], labels[:number], class_names=NAMES, test=given, name="made")


def test_npz_has_the_names_of_keras(tmp_path: Path) -> None:
    data = made()
    written = export_data(data, "npz", tmp_path / "made.npz")
    with np.load(tmp_path / "made.npz") as arrays:
        assert sorted(arrays) == ["class_names", "x_test", "x_train", "y_test", "y_train"]
        assert np.array_equal(arrays["x_train"], data.images[:60, :, :, 0])
        assert np.array_equal(arrays["x_test"], data.images[60:, :, :, 0])
        assert arrays["y_test"].tolist() == data.labels[60:].tolist()
        assert arrays["class_names"].tolist() == NAMES
        assert (arrays["x_train"].dtype, arrays["y_train"].dtype) == (np.uint8, np.int64)
    assert (written.images, written.notes) == ({"train": 60, "test": 12}, ())


@pytest.mark.parametrize(("shape", "test"), [((8, 9), True), ((8, 9, 3), True), ((8, 9), False)])
def test_npz_is_imported_as_it_was(
    shape: tuple[int, ...], test: bool, tmp_path: Path, own_workspace: Workspace
) -> None:
    data = made(shape, test=test)
    export_data(data, "npz", tmp_path / "made.npz")
    assert import_data(tmp_path / "made.npz", own_workspace).fingerprint == data.fingerprint


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 3)], ids=["grey", "colour"])
def test_a_folder_is_imported_with_every_image_in_its_class_and_part(
    shape: tuple[int, ...], tmp_path: Path, own_workspace: Workspace
) -> None:
    data = made(shape)
    written = export_data(data, "folder", tmp_path / "made")
    assert written.notes == (
        'Names that not every file system takes were changed: "T-shirt/top" is in "T-shirt_top", '
        '"bag" is in "bag (2)".',
    )
    back = import_data(tmp_path / "made", own_workspace)
    assert back.class_names == ("Bag", "bag (2)", "T-shirt_top")
    assert back.test_start == data.test_start
    for part in (slice(None, 60), slice(60, None)):
        for own, other in ((0, 2), (1, 0), (2, 1)):
            mine = data.images[part][data.labels[part] == own]
            assert np.array_equal(mine, back.images[part][back.labels[part] == other])
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "made/test/Bag/02.png")).squeeze(), data.images[61].squeeze()
    )


def test_names_that_file_systems_refuse_are_changed_and_never_shared() -> None:
    folders, notes = exporting.class_folders(["a", "A", "CON", "con.txt", ".hidden", "..", "x.", "q?", "q*", "é"])
    assert folders == ("a", "A (2)", "_CON", "_con.txt", "_.hidden", "_", "x", "q_", "q_ (2)", "é")
    assert '"A" is in "A (2)"' in notes[0]
    assert '"é"' not in notes[0]
    assert exporting.class_folders(["0", "1"]) == (("0", "1"), ())


def test_divided_parts_are_those_of_a_run(tmp_path: Path) -> None:
    data = made(test=False)
    splits = data.split(0.1, 0)
    written = export_data(data, "npz", tmp_path / "made.npz", divided=True)
    with np.load(tmp_path / "made.npz") as arrays:
        for name, indices in (("train", splits.train), ("val", splits.validation), ("test", splits.test)):
            assert np.array_equal(arrays[f"x_{name}"], data.images[indices, :, :, 0])
            assert np.array_equal(arrays[f"y_{name}"], data.labels[indices])
    assert written.images == {part: len(getattr(splits, part)) for part in ("train", "validation", "test")}
    assert export_data(data, "npz", tmp_path / "whole.npz").images == {"train": 60}


def test_excluded_images_stay_behind(tmp_path: Path) -> None:
    data = dataclasses.replace(made(), excluded=np.array([3, 70]))
    written = export_data(data, "npz", tmp_path / "made.npz")
    assert written.images == {"train": 59, "test": 11}
    assert written.notes == ("2 excluded images are left out.",)
    with np.load(tmp_path / "made.npz") as arrays:
        assert np.array_equal(arrays["x_train"], np.delete(data.images[:60, :, :, 0], 3, axis=0))
        assert np.array_equal(arrays["y_test"], np.delete(data.labels[60:], 10))
    assert export_data(data, "npz", tmp_path / "parts.npz", divided=True).images["test"] == 11


@pytest.fixture
def upside_down(tmp_path: Path) -> Path:
    """A spec that turns images upside down, in half of all cases."""
    file = tmp_path / "turned.toml"
    file.write_text(
        'format = 1\nname = "turned"\n[data]\nsource = "fashion-mnist"\nvalidation = 0.2\n'
        '[[augment]]\nkind = "upside_down"\n[[network]]\nlayer = "flatten"\n[[network]]\nlayer = "classify"\n'
    )
    return file


def test_augmentation_varies_training_images_alone(tmp_path: Path, upside_down: Path) -> None:
    data = made()
    splits = data.split(0.2, 0)
    written = export_data(data, "npz", tmp_path / "made.npz", augment=upside_down, copies=4)
    own = data.images[splits.train, :, :, 0]
    with np.load(tmp_path / "made.npz") as arrays:
        assert np.array_equal(arrays["x_val"], data.images[splits.validation, :, :, 0])
        assert np.array_equal(arrays["x_test"], data.images[60:, :, :, 0])
        copies = arrays["x_train"].reshape(4, len(own), 8, 9)
        assert np.array_equal(arrays["y_train"].reshape(4, -1), np.tile(data.labels[splits.train], (4, 1)))
    plain, turned = (copies == own).all(axis=(2, 3)), (copies == own[:, ::-1]).all(axis=(2, 3))
    assert (plain ^ turned).all()
    assert 0.3 < turned.mean() < 0.7
    assert len({row.tobytes() for row in turned}) == 4  # each copy has draws of its own
    assert written.notes[-1] == 'Training images were varied by "turned" (upside_down), 4 of each, seed 0.'


def test_what_cannot_be_exported_is_told_and_nothing_is_written(tmp_path: Path, upside_down: Path) -> None:
    data = made()
    (tmp_path / "taken").mkdir()
    with pytest.raises(InvalidInput, match="taken exists, and nothing is replaced"):
        export_data(data, "folder", tmp_path / "taken")
    with pytest.raises(InvalidInput, match='"nzp" is no form of export; did you mean "npz"'):
        export_data(data, "nzp", tmp_path / "out")
    with pytest.raises(InvalidInput, match="copies = 0 is not possible"):
        export_data(data, "npz", tmp_path / "out", augment=upside_down, copies=0)
    with pytest.raises(InvalidInput, match="copies = 2 is not possible; give 1 to 100, together with --augment"):
        export_data(data, "npz", tmp_path / "out", copies=2)
    with pytest.raises(InvalidInput, match="has no augmentation"):
        export_data(data, "npz", tmp_path / "out", augment="starter")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "workspace") == ["taken", "turned.toml"]


@pytest.mark.parametrize("kind", ["npz", "folder"])
def test_an_export_that_is_ended_leaves_nothing(kind: str, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_data(made(), kind, tmp_path / "here" / "made", told=stop)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("kind", ["npz", "folder"])
def test_a_full_disk_is_told_and_leaves_nothing(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "open", full)
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(WorkspaceUnusable, match="No space left on device; free some space or give another place"):
        export_data(made(), kind, tmp_path / "here" / "made")
    assert list((tmp_path / "here").iterdir()) == []


def test_something_that_comes_into_being_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "made.npz"
    with pytest.raises(InvalidInput, match="came into being meanwhile"):
        export_data(made(), "npz", place, told=lambda done, total: place.write_text("mine"))
    assert place.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


def test_the_command_says_what_was_written(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fittingroom.cli import main

    def call(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["fittingroom", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    out = call("data", "export", photos, "--to", "npz", "--out", tmp_path / "p.npz", "--json")
    assert json.loads(out)["images"] == {"train": 90}
    assert "no test part of its own" in json.loads(out)["notes"][0]


def test_what_was_taken_out_of_the_data_is_not_exported(tmp_path: Path, own_workspace: Workspace) -> None:
    data = exclude(made(), [0, 3, 61], "blurred", own_workspace)
    written = export_data(data, "npz", tmp_path / "made.npz")
    assert written.images == {"train": 58, "test": 11}
    assert written.notes == ("3 images that were taken out of this data are not exported.",)
    with np.load(tmp_path / "made.npz") as arrays:
        assert np.array_equal(arrays["x_test"], data.images[[60, *range(62, 72)], :, :, 0])
    divided = export_data(data, "npz", tmp_path / "divided.npz", divided=True)
    assert sum(divided.images.values()) == 69
    assert "3 images were taken out of this data and are in no part." in divided.notes
