"""Sheets of varied images, made by the process behind the page with the function that training calls."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fittingroom.data.dataset import Dataset
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.spec.augment import Augmentation
from fittingroom.spec.record import validated
from fittingroom.spec.run import to_plain
from fittingroom.web.augment.choice import CELL, MOST_NUMBER, MOST_VALUES, OF_ONE_IMAGE, ROWS
from fittingroom.web.inference import Inference
from fittingroom.web.sheets import Pixels, image_of, sheet, whole_number, whole_numbers
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import off_loop

FOR_A_WHILE = {"Cache-Control": "private, max-age=3600"}
"""Another version of the program might draw otherwise."""


async def variations(request: Request) -> Response:
    """``/augment/sheet/{fingerprint}?images=3,17&each=8&operations=[…]&seed=0&epoch=1&step=1``.

    A row for each image: as it is, then its variations. All variations are one batch, in this order.
    """
    query, data = request.query_params, await _data(request)
    images = whole_numbers(query.get("images", ""))
    each = whole_number(query, "each", default=8, most=OF_ONE_IMAGE)
    moment = {
        name: whole_number(query, name, default=least, least=least, most=2**32 - 1 if name == "seed" else MOST_NUMBER)
        for name, least in (("seed", 0), ("epoch", 1), ("step", 1))
    }
    if len(images) > ROWS or (len(images) * each > 1 and len(images) * each * np.prod(data.shape) > MOST_VALUES):
        raise InvalidInput("these are too many variations for one preview; ask for fewer images or fewer of each")
    originals = np.stack(await off_loop(lambda: [image_of(data, image) for image in images]))
    answer = await Inference.of(request).ask(
        "augment",
        {"operations": _operations(query.get("operations", "")), **moment},
        {"images_NHWC": np.repeat(originals, each, axis=0)},
    )
    varied = answer.arrays["variants_NHWC"].reshape(len(images), each, *originals.shape[1:])
    rows = [pixels for own, others in zip(originals, varied, strict=True) for pixels in (own, *others)]
    return await _png(rows, 1 + each)


async def ends(request: Request) -> Response:
    """``/augment/ends/{fingerprint}?image=3&operations=[…]``.

    A row for each operation: the image at its lowest draw, as it is, and at its highest.
    """
    query, data = request.query_params, await _data(request)
    image = whole_number(query, "image", default=0, least=0, most=len(data) - 1)
    operations = _operations(query.get("operations", ""))
    if not operations:
        raise NotFound("there is nothing to be seen without an operation; add one")
    own = await off_loop(lambda: np.array(image_of(data, image)))
    answer = await Inference.of(request).ask("augment extremes", {"operations": operations}, {"image_HWC": own})
    rows = [pixels for low, high in answer.arrays["extremes_K2HWC"] for pixels in (low, own, high)]
    return await _png(rows, 3)


async def worst(request: Request) -> Response:
    """``/augment/worst/{job}``: for each class an image, its worst variation, an image, and its palest one."""
    job = Inference.of(request).job(request.path_params["job"])
    if job.result is None or "worst" not in job.result.arrays:
        raise NotFound("this has not been measured; measure it again")
    words, arrays = job.result.words, job.result.arrays
    data = await off_loop(lambda: Shelf.of(request).find(words["fingerprint"]))

    def rows() -> list[Pixels]:
        thin = slice(None, None, words["apart"])
        return [
            pixels
            for figures, worst, palest in zip(words["found"][0], arrays["worst"], arrays["palest"], strict=True)
            for of, varied in (("worst_of", worst), ("palest_of", palest))
            for pixels in (data.images[figures[of]][thin, thin], varied)
        ]

    return await _png(await off_loop(rows), 4)


async def _data(request: Request) -> Dataset:
    return await off_loop(lambda: Shelf.of(request).find(request.path_params["fingerprint"]))


def _operations(text: str) -> list[dict[str, Any]]:
    """The operations in an address, checked; raises InvalidInput."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("the operations in this address cannot be read; load the page again") from None
    found = validated(Augmentation, {"operations": given}, "The operations are not possible").operations
    plain: list[dict[str, Any]] = to_plain(found, full=True)
    return plain


async def _png(rows: list[Pixels], columns: int) -> Response:
    return Response(await off_loop(lambda: sheet(rows, columns, CELL)), media_type="image/png", headers=FOR_A_WHILE)


ROUTES = [
    Route("/augment/sheet/{fingerprint}", variations),
    Route("/augment/ends/{fingerprint}", ends),
    Route("/augment/worst/{job}", worst),
]
