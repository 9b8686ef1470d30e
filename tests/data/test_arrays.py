"""Data sets from arrays in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.data import arrays
from fittingroom.data.sources import from_arrays, load
from fittingroom.errors import InvalidData, NotFound

GREY = np.random.default_rng(5).integers(0, 256, (12, 5, 4), dtype=np.uint8)
ANSWERS = np.arange(12) % 3


def test_grey_and_colour_keep_every_pixel(cache: Path) -> None:
    grey = from_arrays(GREY, ANSWERS)
    assert np.array_equal(grey.images, GREY[..., None])
    assert grey.class_names == ("0", "1", "2")
    assert grey.labels.tolist() == ANSWERS.tolist()
    assert (grey.has_test, grey.name, grey.origin) == (False, "arrays", "arrays given in Python")
    colour = np.stack([GREY, GREY // 2, GREY // 3], axis=-1)
    assert np.array_equal(from_arrays(colour, ANSWERS).images, colour)
    assert np.array_equal(from_arrays(GREY[..., None], ANSWERS).images, GREY[..., None])
    assert np.array_equal(from_arrays(np.asfortranarray(colour), ANSWERS).images, colour)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_are_rounded_to_256_levels(
    dtype: type, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "BLOCK", 60)  # three images at a time
    data = from_arrays((GREY / 255).astype(dtype), ANSWERS)
    assert np.array_equal(data.images[..., 0], GREY)
    assert data.origin == "arrays given in Python; floats 0 to 1 were rounded to 256 levels"


def test_string_labels_become_sorted_class_names(cache: Path) -> None:
    data = from_arrays(GREY[:4], ["shoe", "bag", "shoe", "coat"])
    assert data.class_names == ("bag", "coat", "shoe")
    assert data.labels.tolist() == [2, 0, 2, 1]
    data = from_arrays(GREY[:4], ["shoe", "bag", "shoe", "coat"], class_names=["shoe", "coat", "bag"])
    assert data.labels.tolist() == [0, 2, 0, 1]


def test_an_official_test_part_follows_the_training_images(cache: Path) -> None:
    data = from_arrays(GREY[:9], ANSWERS[:9], ["x", "y", "z"], test=(GREY[9:], ANSWERS[9:]))
    assert data.test_start == 9
    assert np.array_equal(data.images[..., 0], GREY)
    assert data.split(2, 0).test.tolist() == [9, 10, 11]


def test_fingerprints_tell_contents_names_and_parts_apart(cache: Path) -> None:
    seen = [
        from_arrays(GREY, ANSWERS),
        from_arrays(255 - GREY, ANSWERS),
        from_arrays(GREY, ANSWERS[::-1].copy()),
        from_arrays(GREY, ANSWERS, ["x", "y", "z"]),
        from_arrays(GREY[:9], ANSWERS[:9], test=(GREY[9:], ANSWERS[9:])),
        from_arrays(GREY.reshape(12, 4, 5), ANSWERS),
    ]
    assert len({data.fingerprint for data in seen}) == len(seen)
    renamed = from_arrays(GREY, ANSWERS, name="mine")
    assert renamed.fingerprint == seen[0].fingerprint
    assert (renamed.name, seen[0].name) == ("mine", "arrays")


def test_another_process_opens_the_same_data_by_its_source(cache: Path) -> None:
    data = from_arrays(GREY, ANSWERS)
    assert data.source == f"cache:{data.fingerprint}"
    code = f"from fittingroom.data.sources import load; d = load({data.source!r}); print(d.fingerprint, d.images.sum())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert shown == [data.fingerprint, str(GREY.sum())]


def test_a_deleted_cache_is_told_and_restored(cache: Path) -> None:
    data = from_arrays(GREY, ANSWERS)
    (cache / "data" / f"arrays-{data.fingerprint}").rename(cache / "gone")
    with pytest.raises(NotFound) as refused:
        load(data.source)
    assert str(refused.value) == (
        f'the arrays "{data.source}" are not in the cache {cache} (any more); '
        "give the arrays again, which restores the same data set"
    )
    assert from_arrays(GREY, ANSWERS).source == data.source
    assert load(data.source).fingerprint == data.fingerprint
    with pytest.raises(NotFound, match=r'the arrays "cache:\.\./\.\./x" are not in the cache'):
        load("cache:../../x")


FLOATS = np.zeros((3, 2, 2))
BAD: list[tuple[dict[str, Any], str]] = [
    ({"images": GREY.astype(np.int64)}, "images are int64 with values 0 to 255; give uint8 values 0 to 255, or floats"),
    ({"images": GREY.astype(np.float32)}, "images are float32 with values 0 to 255; give floats 0 to 1, or uint8"),
    ({"images": FLOATS - 0.5}, "images are float64 with values -0.5 to -0.5; give floats 0 to 1"),
    ({"images": FLOATS * np.nan}, "images are float64 with values nan to nan; give floats 0 to 1"),
    ({"images": GREY > 9}, "images are bool with values False to True"),
    (
        {"images": GREY[0]},
        "images have shape (5, 4); give N×height×width (grey) or N×height×width×channels with 1 or 3",
    ),
    (
        {"images": np.zeros((12, 3, 8, 8), np.uint8)},
        "images have shape (12, 3, 8, 8); put the channels last: images.transpose(0, 2, 3, 1)",
    ),
    ({"images": np.zeros((12, 8, 8, 4), np.uint8)}, "images have shape (12, 8, 8, 4); give N×height×width"),
    ({"images": GREY[:0], "labels": []}, "images have shape (0, 5, 4, 1), so there are none; give at least one image"),
    ({"images": [[[1, 2]], [[1]]]}, "images do not make an array:"),
    ({"labels": ANSWERS[:11]}, "12 images but 11 labels; give one label for each image"),
    (
        {"labels": np.eye(3)[ANSWERS]},
        "labels have shape (12, 3); give one label for each image; from one-hot rows: lab",
    ),
    ({"labels": ANSWERS / 1}, "labels are float64; give whole numbers from 0 on, or class names"),
    ({"labels": ANSWERS + 1}, "labels run from 1 to 3, but 3 classes have the labels 0 to 2; renumber them"),
    ({"labels": ANSWERS * 10**12}, "labels run from 0 to 2000000000000, but 3 classes have the labels 0 to 2"),
    ({"labels": ANSWERS - 1}, "labels run from -1 to 1, but 3 classes"),
    ({"labels": ANSWERS * 0}, 'all labels are the same class, "0"; a classifier needs at least 2 classes'),
    ({"class_names": ["x", "y"]}, "labels run from 0 to 2, but 2 classes have the labels 0 to 1"),
    (
        {"class_names": ["w", "x", "y", "z"]},
        '1 of 4 classes have no image, the first is label 3 ("z"); number the labels from 0 without gaps',
    ),
    ({"class_names": ["x", "y", "x"]}, 'class_names has "x" twice; give each class its own name'),
    (
        {"labels": ["coat", "bag", "shirt"] * 4, "class_names": ["coat", "bag", "shirts"]},
        'label "shirt" is not in class_names; did you mean "shirts"?',
    ),
    ({"test": (GREY[:, :4], ANSWERS)}, "images are 5×4×1 but test images 4×4×1 (height×width×channels); bring them"),
    ({"test": (GREY, ANSWERS[:3])}, "12 test images but 3 test labels; give one label for each image"),
    ({"test": (GREY * 1.0, ANSWERS)}, "test images are float64 with values 0 to 255"),
    ({"test": (GREY, ["x"] * 12)}, "labels are numbers in one part and names in the other"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_what_is_no_data_set_is_refused(change: dict[str, Any], message: str, cache: Path) -> None:
    with pytest.raises(InvalidData) as refused:
        from_arrays(**{"images": GREY, "labels": ANSWERS, **change})
    assert message in str(refused.value)
    assert not cache.exists()
