"""Images of data sets as PNG: a whole grid in one file, because 400 files take ten times as long as one.

Addresses hold the fingerprint of the data set, so what they answer never changes, and browsers may keep it.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fittingroom.data.dataset import Dataset
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import off_loop

CELL, LARGEST_CELL = 56, 256
MOST_IMAGES, MOST_PIXELS = 400, 1 << 26
LARGE = 448
"""About how many pixels one image has when it is shown alone, height or width."""
STRIP = 20
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
Pixels = NDArray[np.uint8]


def sheet(images_HWC: Sequence[Pixels], columns: int, cell: int = CELL) -> bytes:
    """Images of one size (uint8, height × width × channels) row by row in a grid without gaps, as PNG bytes.

    Each is ``cell`` pixels wide, proportions kept; enlarged ones show their pixels. Places left over are transparent.
    """
    rows = -(-len(images_HWC) // columns)
    height, width, channels = images_HWC[0].shape
    tall = cell_height(height, width, cell)
    if rows * tall * columns * cell > MOST_PIXELS:
        raise InvalidInput(
            f"{len(images_HWC)} images of {height}×{width} in {columns} columns of {cell} pixels make too large a "
            f"sheet; ask for fewer images, fewer columns or smaller cells"
        )
    mode = "L" if channels == 1 else "RGB"
    paper = Image.new(mode if len(images_HWC) == rows * columns else mode + "A", (columns * cell, rows * tall))
    how = Image.Resampling.NEAREST if cell >= width else Image.Resampling.BILINEAR
    for place, pixels in enumerate(images_HWC):
        row, column = divmod(place, columns)
        paper.paste(picture(pixels).resize((cell, tall), how), (column * cell, row * tall))
    return png(paper)


def cell_height(height: int, width: int, cell: int = CELL) -> int:
    """Of a cell of a sheet in pixels, where images have this height and width and cells are ``cell`` wide."""
    return max(round(cell * height / width), 1)


def address_of_sheet(data: Dataset, images: Sequence[int], columns: int, cell: int = CELL) -> str:
    """Where these images of a data set are to be had as one sheet."""
    query = {"images": ",".join(map(str, images)), "columns": columns, "cell": cell}
    return f"/data/sheet/{data.fingerprint}?{urlencode(query, safe=',')}"


def large(image_HWC: Pixels, times: int | None = None) -> bytes:
    """One image as PNG bytes, each pixel ``times`` × ``times`` large; as large as is good to look at unless given."""
    height, width, _ = image_HWC.shape
    factor = times or max(LARGE // max(height, width), 1)
    if factor > 1 and factor * height * factor * width > MOST_PIXELS:
        raise InvalidInput(
            f"an image of {height}×{width} is too large to be shown {factor} times as large; ask for less"
        )
    return png(picture(image_HWC).resize((factor * width, factor * height), Image.Resampling.NEAREST))


def picture(image_HWC: Pixels) -> Image.Image:
    return Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)


def png(image: Image.Image) -> bytes:
    """As a file, quickly: it goes no further than to a browser on a fast line."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def firsts(labels: NDArray[np.int64], classes: int, each: int) -> list[NDArray[np.int64]]:
    """For each class the positions of its first images in ``labels``, at most ``each``."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(classes + 1))
    return [order[start : min(start + each, end)] for start, end in itertools.pairwise(starts)]


def strip(data: Dataset) -> list[int]:
    """A few images that stand for a data set: the first ones of its classes, the classes in turn."""
    classes = len(data.class_names)
    shown = np.unique(np.linspace(0, classes - 1, min(classes, STRIP)).astype(int))
    each = firsts(data.labels, classes, -(-STRIP // len(shown)))
    turns = [int(each[label][turn]) for turn in range(STRIP) for label in shown if turn < len(each[label])]
    return turns[:STRIP]


async def sheet_of(request: Request) -> Response:
    """``/data/sheet/{fingerprint}?images=3,17,204&columns=10&cell=56``: these images in a grid."""
    shelf, fingerprint = Shelf.of(request), request.path_params["fingerprint"]
    query = request.query_params
    images = whole_numbers(query.get("images", ""))
    columns = whole_number(query, "columns", default=10, most=MOST_IMAGES)
    cell = whole_number(query, "cell", default=CELL, most=LARGEST_CELL)

    def draw() -> bytes:
        data = shelf.find(fingerprint)
        return sheet([image_of(data, index) for index in images], columns, cell)

    return _answer(await off_loop(draw))


async def strip_of(request: Request) -> Response:
    """``/data/strip/{fingerprint}``: two rows of images that stand for the data set."""
    shelf, fingerprint = Shelf.of(request), request.path_params["fingerprint"]

    def draw() -> bytes:
        data = shelf.find(fingerprint)
        return sheet([data.images[index] for index in strip(data)], STRIP // 2)

    return _answer(await off_loop(draw))


async def large_image(request: Request) -> Response:
    """``/data/image/{fingerprint}/{index}?times=16``: one image, large."""
    shelf, fingerprint, index = Shelf.of(request), request.path_params["fingerprint"], request.path_params["index"]
    times = whole_number(request.query_params, "times", default=0, most=LARGE)
    return _answer(await off_loop(lambda: large(image_of(shelf.find(fingerprint), index), times or None)))


def image_of(data: Dataset, index: int) -> Pixels:
    """One image; raises NotFound when there is no such."""
    if not 0 <= index < len(data):
        raise NotFound(f'there is no image {index} in "{data.name}"; its images are 0 to {len(data) - 1}')
    pixels: Pixels = data.images[index]
    return pixels


def whole_numbers(text: str) -> list[int]:
    """``3,17,204`` as numbers, 1 to 400 of them."""
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise InvalidInput(f'images = "{text[:60]}" is no list of image numbers; give some, such as images=3,17,204')
    if len(parts) > MOST_IMAGES:
        raise InvalidInput(f"{len(parts)} images are too many for one sheet; ask for at most {MOST_IMAGES}")
    return [int(part) for part in parts]


def whole_number(query: QueryParams, name: str, *, default: int, most: int, least: int = 1) -> int:
    """A number within bounds in an address; the default where it is left out or left empty."""
    text = query.get(name) or ""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
        raise InvalidInput(f'{name} = "{text[:60]}" is not possible; give a whole number from {least} to {most}')
    return int(text)


def _answer(png: bytes) -> Response:
    return Response(png, media_type="image/png", headers=FOR_EVER)


ROUTES = [
    Route("/data/sheet/{fingerprint}", sheet_of),
    Route("/data/strip/{fingerprint}", strip_of),
    Route("/data/image/{fingerprint}/{index:int}", large_image),
]
