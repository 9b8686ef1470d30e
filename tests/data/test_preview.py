"""What a folder would come to, told before anything is written; and an import that tells how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fittingroom.data.sources import import_data, load, preview_data
from fittingroom.errors import InvalidData, InvalidInput, NotFound
from fittingroom.workspace import Workspace

Picture = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def root(tmp_path: Path, picture: Picture) -> Path:
    """train: a 3, b 2; test: a 1, b 2."""
    folder = tmp_path / "things"
    for name in ("train/a/1", "train/a/2", "train/a/3", "train/b/1", "train/b/2", "test/a/1", "test/b/1", "test/b/2"):
        picture(folder / f"{name}.png")
    return folder


def test_a_preview_says_what_an_import_would_make(root: Path, workspace: Workspace) -> None:
    name, preview = preview_data(root)
    assert (name, preview.path, preview.images) == ("things", root, 8)
    assert preview.class_names == ("a", "b")
    assert (preview.training, preview.test) == ((3, 2), (1, 2))
    assert preview.sizes == (((6, 5), 8),)
    assert (preview.channels, preview.notes, preview.unreadable) == (1, (), ())
    assert not workspace.root.exists(), "nothing is written"


def test_without_a_test_folder_there_is_no_test_part(tmp_path: Path, picture: Picture) -> None:
    for name in ("x/a/1.png", "x/b/1.png"):
        picture(tmp_path / name)
    assert preview_data(tmp_path / "x")[1].test is None


def test_files_that_cannot_be_read_and_sizes_that_differ_are_told(root: Path, picture: Picture) -> None:
    picture(root / "train/b/9.png", (4, 4, 3))
    (root / "train/a/2.png").write_bytes(b"no picture")
    (root / "train/a/notes.txt").write_text("left out")
    _, preview = preview_data(root)
    assert preview.sizes == (((6, 5), 7), ((4, 4), 1))
    assert preview.channels == 3
    assert preview.unreadable == ("train/a/2.png is none of PNG, JPEG, BMP, GIF, WEBP, TIFF",)
    assert preview.training == (3, 3)
    assert "1 other files or folders left out" in preview.notes
    assert "grey repeated in 3 channels in 7 of 8 images" in preview.notes


def test_a_preview_refuses_what_an_import_refuses(root: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no folder .*nowhere"):
        preview_data(root / "nowhere")
    with pytest.raises(NotFound, match=r"there is no file .*nowhere\.npz; give the path of labelled images"):
        preview_data(root / "nowhere.npz")
    with pytest.raises(InvalidInput, match='"two words" cannot be the name'):
        preview_data(root, "two words")
    with pytest.raises(InvalidInput, match="is no height and width"):
        preview_data(root, size=(0, 5))
    with pytest.raises(InvalidData, match="holds no class folders, but 3 image files"):
        preview_data(root / "train" / "a")


def test_an_import_tells_every_image(root: Path, workspace: Workspace) -> None:
    told: list[int] = []
    data = import_data(root, workspace, progress=told.append)
    assert told == [1, 2, 3, 4, 5, 6, 7, 8]
    assert data.fingerprint == load(root).fingerprint


def test_what_the_listener_raises_ends_the_import_and_leaves_nothing(root: Path, workspace: Workspace) -> None:
    class Enough(Exception):
        pass

    def stop(images: int) -> None:
        if images == 3:
            raise Enough

    with pytest.raises(Enough):
        import_data(root, workspace, progress=stop)
    assert list(workspace.data.iterdir()) == []
