"""The importer of image folders: layouts, order, and everything that it refuses."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fittingroom.data.forms import folder
from fittingroom.data.forms.stamps import stamp
from fittingroom.data.incoming import Incoming
from fittingroom.data.wanted import Wanted
from fittingroom.errors import InvalidData

Picture = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "things"


def taken(path: Path, size: tuple[int, int] | None = None) -> tuple[Incoming, NDArray[np.uint8]]:
    incoming = folder.read(path, Wanted(size=size))
    return incoming, np.concatenate(list(incoming.blocks))


def refusal(path: Path) -> str:
    with pytest.raises(InvalidData) as refused:
        taken(path)
    return str(refused.value)


def test_classes_and_files_are_in_natural_order(root: Path, picture: Picture) -> None:
    names = ["class 2/img10.png", "class 2/img9.PNG", "class 10/a.bmp", "Class 1/b.tif", "class 2/IMG1.png"]
    images = {name: picture(root / name) for name in names}
    incoming, pixels = taken(root)
    assert incoming.class_names == ("Class 1", "class 2", "class 10")
    assert incoming.labels.tolist() == [0, 1, 1, 1, 2]
    order = ["Class 1/b.tif", "class 2/IMG1.png", "class 2/img9.PNG", "class 2/img10.png", "class 10/a.bmp"]
    assert np.array_equal(pixels[..., 0], [images[name] for name in order])
    assert incoming.image_shape == (6, 5, 1)
    assert incoming.test_start is None
    assert incoming.origin == f"image folder {root}"


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "Testing")])
def test_a_test_folder_is_the_official_test_part(names: tuple[str, str], root: Path, picture: Picture) -> None:
    train, test = names
    images = [
        picture(root / train / "a" / "1.png"),
        picture(root / train / "b" / "1.png", seed=1),
        picture(root / train / "b" / "2.png"),
        picture(root / test / "b" / "1.png", seed=2),
    ]
    incoming, pixels = taken(root)
    assert np.array_equal(pixels[..., 0], images)
    assert incoming.labels.tolist() == [0, 1, 1, 1]
    assert incoming.test_start == 3
    assert incoming.class_names == ("a", "b")


def test_a_validation_folder_joins_the_training_images(root: Path, picture: Picture) -> None:
    for name in ("train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/7.png"):
        picture(root / name)
    incoming, pixels = taken(root)
    assert incoming.labels.tolist() == [0, 0, 1, 1]
    assert incoming.test_start is None
    assert incoming.origin == f'image folder {root}; folder "val" joined the training images'
    assert len(pixels) == 4


def test_a_class_may_be_called_train(root: Path, picture: Picture) -> None:
    for name in ("train/1.png", "bus/1.png"):
        picture(root / name)
    assert taken(root)[0].class_names == ("bus", "train")


def test_litter_is_passed_over_and_other_files_are_counted(root: Path, picture: Picture) -> None:
    for name in ("a/1.png", "b/1.png", "b/.hidden.png", ".git/x.png", "__MACOSX/x.png"):
        picture(root / name)
    for name in ("a/Thumbs.db", ".DS_Store", "b/.DS_Store", "desktop.ini"):
        (root / name).touch()
    for name in ("labels.csv", "a/notes.txt", "a/sketch.svg"):
        (root / name).touch()
    (root / "b" / "more").mkdir()
    incoming, pixels = taken(root)
    assert len(pixels) == 2
    assert incoming.origin == f"image folder {root}; 4 other files or folders left out"


def test_grey_and_colour_together_have_three_channels(root: Path, picture: Picture) -> None:
    grey, colour = picture(root / "a" / "1.png"), picture(root / "b" / "1.png", (6, 5, 3))
    incoming, pixels = taken(root)
    assert incoming.image_shape == (6, 5, 3)
    assert np.array_equal(pixels[0], np.stack([grey] * 3, axis=-1))
    assert np.array_equal(pixels[1], colour)
    assert incoming.origin == f"image folder {root}; grey repeated in 3 channels in 1 of 2 images"


def test_different_sizes_are_refused_with_counts(root: Path, picture: Picture) -> None:
    for number in range(3):
        picture(root / "a" / f"{number}.png", (6, 5))
    picture(root / "b" / "1.png", (7, 9))
    assert refusal(root) == (
        f"the images in {root} have different sizes (height×width): 3 of 6×5, 1 of 7×9; import them with one size, "
        "such as --size 6x5, in Python size=(6, 5): each is then scaled to fit and centred on white, "
        "unless --fit says crop or stretch"
    )
    incoming, pixels = taken(root, size=(8, 10))
    assert pixels.shape == (4, 8, 10, 1)
    assert incoming.origin == f"image folder {root}; scaled to fit 8×10 and centred on white"
    (root / "b" / "0.png").write_bytes(b"no picture")
    assert refusal(root).endswith(
        f"\nBesides, 1 of 5 image files in {root} cannot be read; replace or remove them:\n"
        "  b/0.png is none of PNG, JPEG, BMP, GIF, WEBP, TIFF"
    )


def test_all_bad_files_are_gathered_and_ten_told(root: Path, picture: Picture) -> None:
    for number in range(20):
        picture(root / "a" / f"{number}.png", (40, 40))
        picture(root / "b" / f"{number}.png", (40, 40))
    for number in range(12):
        (root / "a" / f"{number}.png").write_bytes(b"")
    whole = (root / "b" / "3.png").read_bytes()
    (root / "b" / "3.png").write_bytes(whole[: len(whole) // 2])  # its header is sound
    assert refusal(root).splitlines() == [
        f"13 of 40 image files in {root} cannot be read; replace or remove them:",
        *(f"  a/{number}.png is empty" for number in range(10)),
        "  … and 3 more",
    ]
    for number in range(12):
        (root / "a" / f"{number}.png").unlink()
    first, second = refusal(root).splitlines()
    assert first == f"1 of 28 image files in {root} cannot be read; replace or remove them:"
    assert second.startswith("  b/3.png is damaged (")


def test_no_readable_file_at_all_is_told(root: Path) -> None:
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        (root / name / "1.jpg").write_text("<html>")
    assert refusal(root).startswith(f"2 of 2 image files in {root} cannot be read")


def test_a_picture_that_turns_out_larger_than_it_says_is_told(root: Path, picture: Picture) -> None:
    picture(root / "a" / "1.png", (6, 5))
    exif = Image.Exif()
    exif[0x0112] = 6
    (root / "b").mkdir()
    Image.new("L", (5, 6)).save(root / "b" / "1.png", exif=exif)
    data = (root / "b" / "1.png").read_bytes()
    chunk = data.index(b"eXIf") - 4
    length = int.from_bytes(data[chunk : chunk + 4], "big") + 12
    moved = data[:chunk] + data[chunk + length : -12] + data[chunk : chunk + length] + data[-12:]
    (root / "b" / "1.png").write_bytes(moved)  # orientation after the pixels: allowed, and known only once decoded
    assert refusal(root).endswith("\n  b/1.png says it is 6×5 but turns out to be 5×6")


LAYOUT = "expected are PATH/CLASS/IMAGE.png, or PATH/train/CLASS/IMAGE.png and PATH/test/CLASS/IMAGE.png"


def test_folders_that_are_no_data_set_are_refused(root: Path, picture: Picture) -> None:
    root.mkdir()
    assert refusal(root) == f"{root} holds no class folders; {LAYOUT}"
    picture(root / "1.png")
    picture(root / "2.png")
    assert refusal(root) == f"{root} holds no class folders, but 2 image files; {LAYOUT}"
    picture(root / "shoe" / "1.png")
    assert refusal(root) == f"{root} has one class (shoe), and a classifier needs at least 2; {LAYOUT}"
    (root / "bag").mkdir()
    (root / "coat").mkdir()
    assert refusal(root) == (f"{root} has folders without images: bag, coat; fill or remove each of them. {LAYOUT}")
    assert refusal(root / "1.png") == (
        f"{root / '1.png'} cannot be read: Not a directory; give a folder that you may read. {LAYOUT}"
    )


def test_parts_that_do_not_fit_are_refused(root: Path, picture: Picture) -> None:
    for name in ("train/a/1.png", "train/b/1.png", "test/c/1.png", "test/a/1.png"):
        picture(root / name)
    assert refusal(root) == (
        f"{root} has classes with test images only: c; add training images of these classes or remove them"
    )
    (root / "test").rename(root / "elsewhere")
    (root / "test").mkdir()
    (root / "elsewhere").rename(root / ".elsewhere")
    assert refusal(root).startswith(f"{root} has folders without images: test; ")


def test_links_in_circles_and_odd_names_end(root: Path, picture: Picture) -> None:
    picture(root / "a" / "1.png")
    picture(root / "b" / "1.png")
    (root / "a" / "up").symlink_to(root)
    (root / "b" / "self").symlink_to(root / "b" / "self")
    assert taken(root)[0].origin.endswith("2 other files or folders left out")
    (root / "b" / "self.png").symlink_to(root / "b" / "self.png")
    assert refusal(root).endswith("\n  b/self.png is no regular file (a broken link, or no file at all)")
    (root / "b" / "self.png").unlink()
    os.mkdir(os.fsencode(root) + b"/\xff")
    os.rename(root / "b" / "1.png", os.fsencode(root) + b"/\xff/\xfe.png")
    picture(root / "b" / "1.png")
    assert taken(root)[0].class_names == ("\\xff", "a", "b")
    assert stamp(folder.files(root), root)


def test_the_stamp_changes_with_the_files(root: Path, picture: Picture) -> None:
    for name in ("a/1.png", "b/1.png"):
        picture(root / name)
    stamps = [stamp(folder.files(root), root)]
    assert stamp(folder.files(root), root) == stamps[0]
    (root / "notes.txt").touch()
    assert stamp(folder.files(root), root) == stamps[0]
    os.utime(root / "a" / "1.png", ns=(1, 1))
    stamps.append(stamp(folder.files(root), root))
    picture(root / "a" / "2.png")
    stamps.append(stamp(folder.files(root), root))
    (root / "a" / "2.png").rename(root / "b" / "2.png")
    stamps.append(stamp(folder.files(root), root))
    assert len(set(stamps)) == 4
