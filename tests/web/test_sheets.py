"""Images of data sets as PNG: every pixel where it belongs, and every address refused that asks for too much."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import import_data, load
from fittingroom.errors import InvalidInput
from fittingroom.store import DataRecord, Store
from fittingroom.web.sheets import firsts, large, sheet, strip
from fittingroom.web.shelf import Shelf
from fittingroom.workspace import Workspace

Pixels = NDArray[np.uint8]


def random_images(n: int, height: int, width: int, channels: int = 1) -> Pixels:
    return np.random.default_rng(3).integers(0, 256, (n, height, width, channels), dtype=np.uint8)


def decoded(png: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(png)))


def enlarged(image: Pixels, times: int) -> Pixels:
    return image.repeat(times, axis=0).repeat(times, axis=1)


def pixels_at(page: TestClient, address: str) -> Pixels:
    answer = page.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return decoded(answer.content)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_row_by_row_without_gaps(channels: int) -> None:
    images = random_images(6, 4, 3, channels)
    grid = decoded(sheet(list(images), columns=3, cell=6))
    assert grid.shape[:2] == (2 * 8, 3 * 6)
    for place, image in enumerate(images):
        row, column = divmod(place, 3)
        shown = grid[8 * row : 8 * row + 8, 6 * column : 6 * column + 6]
        assert np.array_equal(shown.reshape(8, 6, channels), enlarged(image, 2))


@pytest.mark.parametrize(("channels", "mode"), [(1, "LA"), (3, "RGBA")])
def test_places_left_over_are_transparent(channels: int, mode: str) -> None:
    picture = Image.open(io.BytesIO(sheet(list(random_images(3, 5, 5, channels)), columns=2, cell=5)))
    assert picture.mode == mode
    alpha = np.asarray(picture)[..., -1]
    assert (alpha[5:, 5:] == 0).all()
    assert (alpha[:5] == 255).all()
    assert (alpha[5:, :5] == 255).all()


def test_larger_images_are_scaled_down_each_for_itself() -> None:
    images = [np.full((20, 10, 1), level, np.uint8) for level in (0, 255, 90)]
    grid = decoded(sheet(images, columns=3, cell=4))
    assert grid.shape == (8, 12)
    assert [np.unique(grid[:, 4 * place : 4 * place + 4]).tolist() for place in range(3)] == [[0], [255], [90]]


def test_a_sheet_has_a_largest_size() -> None:
    with pytest.raises(InvalidInput, match=r"400 images of 100×2 in 20 columns of 256 pixels make too large a sheet"):
        sheet([random_images(1, 100, 2)[0]] * 400, columns=20, cell=256)


def test_one_image_is_enlarged_by_whole_factors() -> None:
    image = random_images(1, 28, 14, 3)[0]
    assert np.array_equal(decoded(large(image)), enlarged(image, 16))
    assert np.array_equal(decoded(large(image, times=3)), enlarged(image, 3))
    assert decoded(large(random_images(1, 500, 600)[0])).shape == (500, 600)


def test_first_images_of_each_class() -> None:
    labels = np.array([2, 0, 0, 2, 0, 2, 0])
    assert [places.tolist() for places in firsts(labels, classes=4, each=3)] == [[1, 2, 4], [], [0, 3, 5], []]


def test_a_strip_takes_the_classes_in_turn(stripes: Callable[..., Dataset]) -> None:
    data = stripes(30, classes=4, test=10)
    assert strip(data) == list(range(20))
    assert len(strip(stripes(12, classes=6, test=3))) == 15


@pytest.fixture
def imported(page: TestClient, photos: Path, own_workspace: Workspace) -> Dataset:
    return import_data(photos, own_workspace)


def test_the_address_of_a_sheet(page: TestClient, imported: Dataset) -> None:
    address = f"/data/sheet/{imported.fingerprint}?images=3,89,20,3&columns=2&cell=16"
    grid = pixels_at(page, address)
    for place, index in enumerate([3, 89, 20, 3]):
        row, column = divmod(place, 2)
        shown = grid[16 * row : 16 * row + 16, 16 * column : 16 * column + 16, np.newaxis]
        assert np.array_equal(shown, enlarged(imported.images[index], 2))
    assert page.get(address).headers["cache-control"] == "private, max-age=31536000, immutable"


def test_cells_are_56_pixels_wide_and_ten_columns_unless_asked(page: TestClient, imported: Dataset) -> None:
    assert pixels_at(page, f"/data/sheet/{imported.fingerprint}?images=1,2").shape[:2] == (56, 560)


def test_the_address_of_one_image(page: TestClient, imported: Dataset) -> None:
    shown = pixels_at(page, f"/data/image/{imported.fingerprint}/77?times=5")
    assert np.array_equal(shown[..., np.newaxis], enlarged(imported.images[77], 5))
    assert pixels_at(page, f"/data/image/{imported.fingerprint}/77").shape == (448, 448)


def test_the_address_of_a_strip(page: TestClient, imported: Dataset) -> None:
    shown = pixels_at(page, f"/data/strip/{imported.fingerprint}")
    assert shown.shape == (2 * 56, 10 * 56)
    assert np.array_equal(shown[:56, 56:112, np.newaxis], enlarged(imported.images[30], 7)), "first of the second class"


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("images=90", 404, "there is no image 90 in &#34;photos&#34;; its images are 0 to 89"),
        ("images=1,-2", 422, "no list of image numbers"),
        ("images=", 422, "no list of image numbers"),
        ("images=" + "1," * 400 + "1", 422, "401 images are too many"),
        ("images=1&cell=257", 422, "cell = &#34;257&#34; is not possible; give a whole number from 1 to 256"),
        ("images=1&columns=0", 422, "columns = &#34;0&#34; is not possible"),
        ("images=1&columns=²", 422, "columns = &#34;²&#34; is not possible"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    page: TestClient, imported: Dataset, query: str, status: int, told: str
) -> None:
    answer = page.get(f"/data/sheet/{imported.fingerprint}?{query}")
    assert answer.status_code == status
    assert told in answer.text


def test_an_unknown_fingerprint_is_told(page: TestClient) -> None:
    for address in ("/data/sheet/feedbeef?images=1", "/data/image/feedbeef/1", "/data/strip/feedbeef"):
        answer = page.get(address)
        assert answer.status_code == 404
        assert "no data set with the fingerprint feedbeef any more" in answer.text


def test_data_that_runs_remember_is_found_until_it_changes(page: TestClient, store: Store, photos: Path) -> None:
    data = load(photos)
    store.remember_data(
        DataRecord(data.fingerprint, data.name, data.source, data.class_names, {"train": 90}, data.shape)
    )
    assert pixels_at(page, f"/data/image/{data.fingerprint}/5?times=1").shape == (8, 8)
    (photos / "left" / "0.png").unlink()
    page.app.state.only_ones[Shelf].forget(data.fingerprint)  # type: ignore[attr-defined]
    assert page.get(f"/data/image/{data.fingerprint}/5").status_code == 404
