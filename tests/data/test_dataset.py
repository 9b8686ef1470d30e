"""What a data set tells about itself."""

from __future__ import annotations

import base64
import io
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittingroom.data import dataset
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import from_arrays
from fittingroom.errors import InvalidInput

RNG = np.random.default_rng(11)
IMAGES = RNG.integers(0, 256, (30, 6, 4, 3), dtype=np.uint8)
LABELS = np.arange(30) % 3


@pytest.fixture
def colours(cache: Path) -> Dataset:
    return from_arrays(IMAGES[:24], LABELS[:24], ["<red>", "green", "blue"], "colours", (IMAGES[24:], LABELS[24:]))


def test_statistics_are_those_of_the_chosen_images_by_channel(
    colours: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "BLOCK", 200)  # two images at a time
    chosen = np.array([0, 3, 5, 20, 29])
    statistics = colours.statistics(chosen)
    scaled = IMAGES[chosen].astype(np.float64) / 255
    assert statistics.mean == pytest.approx(scaled.mean(axis=(0, 1, 2)), rel=1e-12)
    assert statistics.spread == pytest.approx(scaled.std(axis=(0, 1, 2)), rel=1e-12)


def test_statistics_of_equal_pixels_have_no_spread(cache: Path) -> None:
    data = from_arrays(np.full((4, 3, 3), 51, np.uint8), [0, 1, 0, 1])
    statistics = data.statistics(np.arange(4))
    assert statistics.mean == (0.2,)
    assert statistics.spread == (0.0,)


def test_statistics_need_bounded_memory(fashion: Dataset) -> None:
    tracemalloc.start()
    fashion.statistics(np.arange(70_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fashion.images.nbytes == 54_880_000
    assert peak < 3 * 2**24 + 8 * 2**24  # a block of 16 MB, and numpy.bincount's 64-bit copy of it


def test_statistics_of_nothing_are_refused(colours: Dataset) -> None:
    with pytest.raises(InvalidInput, match="there is no mean and spread of no images; choose at least one"):
        colours.statistics(np.array([], np.int64))


def test_counts_have_a_place_for_each_class(colours: Dataset) -> None:
    assert colours.counts(np.array([0, 3, 6, 1])).tolist() == [3, 1, 0]


def test_writing_into_images_changes_no_file(colours: Dataset) -> None:
    colours.images[0] = 0
    again = from_arrays(IMAGES[:24], LABELS[:24], ["<red>", "green", "blue"], "colours", (IMAGES[24:], LABELS[24:]))
    assert np.array_equal(again.images, IMAGES)


def test_repr_is_one_line(colours: Dataset, fashion: Dataset, cache: Path) -> None:
    assert repr(fashion) == (
        '<Dataset "fashion-mnist": 60,000 training + 10,000 test images of 28×28×1, 10 classes, '
        f"fingerprint {fashion.fingerprint[:12]}>"
    )
    assert '"colours": 24 training + 6 test images of 6×4×3, 3 classes' in repr(colours)
    assert '"arrays": 30 images of 6×4×3, 3 classes' in repr(from_arrays(IMAGES, LABELS))


def test_notebooks_show_counts_and_exemplars(colours: Dataset) -> None:
    page = colours._repr_html_()
    assert "<th>class</th><th>training</th><th>test</th>" in page
    assert "<tr><td>&lt;red&gt;</td><td>8</td><td>2</td></tr>" in page
    assert "<red>" not in page
    png = re.search(r"data:image/png;base64,([^\"]+)", page)
    assert png
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(png[1]))))
    assert sheet.shape == (3 * 32, 10 * 32, 4)
    # Row 1, column 2 holds the third image of class 1 (index 7), each pixel five times in both directions.
    tile = sheet[32:64, 64:96]
    assert np.array_equal(tile[: 6 * 5 : 5, : 4 * 5 : 5, :3], IMAGES[7])
    assert (tile[:30, :20, 3] == 255).all()
    assert (tile[30:, :, 3] == 0).all()


def test_notebooks_show_large_images_small_and_many_classes_in_part(cache: Path) -> None:
    images = np.full((25, 100, 50), 200, np.uint8)
    images[:, 0, 0] = np.arange(25)
    page = from_arrays(images, np.arange(25))._repr_html_()
    assert "<p>… and 5 more classes</p>" in page
    assert page.count("<tr><td>") == 20
    png = re.search(r"data:image/png;base64,([^\"]+)", page)
    assert png
    sheet = Image.open(io.BytesIO(base64.b64decode(png[1])))
    assert sheet.size == (32, 20 * 32)
    assert sheet.getpixel((10, 20)) == (200, 200, 200, 255)
    assert sheet.getpixel((20, 20)) == (0, 0, 0, 0)  # half as wide as high
