"""Pictures for the view Look inside, as PNG. Their addresses name weights and picture, so browsers may keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue.wire import Message
from fittingroom.web.inference import Inference
from fittingroom.web.inside import maps
from fittingroom.web.inside.choice import Choice
from fittingroom.web.inside.look import LARGE, MOST_FOLDED, MOST_SHOWN, VERSION
from fittingroom.web.inside.pictures import LONGEST, Picture, Pictures
from fittingroom.web.sheets import FOR_EVER, MOST_IMAGES, MOST_PIXELS, image_of, large, whole_number
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop


async def maps_of(request: Request) -> Response:
    """``/inside/maps/{weights}/{layer}?run=cnn-1&image=1234&first=0&count=16&columns=4&cell=28``

    ``scale=channel`` gives each map a scale of its own; ``fold=1`` folds a vector into one map.
    """
    picture = await off_loop(lambda: _picture(request))
    fold = request.query_params.get("fold") == "1"
    first, count, columns, cell = _wanted(request, MOST_FOLDED if fold else MOST_SHOWN)
    asked = {"layer": request.path_params["layer"], "first": first, "count": count, "side": cell}
    answer = await _ask(request, "maps", asked, picture)
    values_CHW = _some(answer.arrays["maps_CHW"])
    if fold:
        if values_CHW.shape[1:] != (1, 1):
            raise InvalidInput("only a vector can be folded; leave fold out")
        values_CHW = maps.folded(values_CHW.ravel())[np.newaxis]
    largest = None if _own_scale(request) else answer.words["largest"]
    return await _drawn(lambda: maps.sheet(values_CHW, largest, columns, cell))


async def filters_of(request: Request) -> Response:
    """``/inside/filters/{weights}?run=cnn-1&first=0&count=16&columns=4&cell=28``: the first weights of a network."""
    first, count, columns, cell = _wanted(request, MOST_SHOWN)
    answer = await _ask(request, "filters", {"first": first, "count": count, "side": cell})
    if not answer.words["form"]:
        raise NotFound("the first weights of this network have no form of an image")
    weights_FHWC = _some(answer.arrays["weights_FHWC"])
    largest = None if _own_scale(request) else answer.words["largest"]
    if weights_FHWC.shape[3] == 3:
        return await _drawn(lambda: maps.coloured(weights_FHWC, largest, columns, cell))
    return await _drawn(lambda: maps.sheet(weights_FHWC[..., 0], largest, columns, cell))


async def picture_of(request: Request) -> Response:
    """``/inside/picture/{weights}?run=cnn-1&drawing=…``: what is looked at, as the network takes it."""
    picture = await off_loop(lambda: _picture(request))
    answer = await _ask(request, "inside", {}, picture)
    return await _drawn(lambda: large(answer.arrays["image_HWC"]))


async def _ask(request: Request, what: str, words: dict[str, Any], picture: Picture | None = None) -> Message:
    """The answer, if it is about the weights that the address names; raises NotFound."""
    arrays = {} if picture is None else {"picture_HWC": picture.pixels_HWC}
    words |= {} if picture is None else {"exact": picture.exact}
    run = request.query_params.get("run", "")
    answer = await Inference.of(request).ask(what, {"run": run, **words}, arrays)
    if answer.words["sha256"][:VERSION] != request.path_params["weights"]:
        raise NotFound(f"{run} has other weights than those; load the page again")
    return answer


def _picture(request: Request) -> Picture:
    """The picture that an address names; raises NotFound or InvalidInput."""
    site, query = Site.of(request), request.query_params
    choice = Choice.read(query, query.get("run", ""))
    if choice.drawing:
        return Pictures.of(request).find(choice.drawing)
    if choice.image is None:
        raise NotFound("the address names no picture; add image or drawing")
    data = Shelf.of(request).find(site.store.run(choice.run).fingerprint)
    return Picture(image_of(data, choice.image))


def _wanted(request: Request, most: int) -> tuple[int, int, int, int]:
    """First, count, columns and cell."""
    query = request.query_params
    first = whole_number(query, "first", default=0, least=0, most=1 << 30)
    count = whole_number(query, "count", default=1, most=most)
    columns = whole_number(query, "columns", default=1, most=MOST_IMAGES)
    cell = whole_number(query, "cell", default=LARGE, most=LONGEST)
    if count * cell * cell > MOST_PIXELS and most == MOST_SHOWN:
        raise InvalidInput(f"{count} maps of {cell} pixels make too large a sheet; ask for fewer or smaller ones")
    return first, count, columns, cell


def _own_scale(request: Request) -> bool:
    return request.query_params.get("scale") == "channel"


def _some(values: NDArray[np.floating]) -> NDArray[np.floating]:
    if not len(values):
        raise NotFound("there are no such channels")
    return values


async def _drawn(draw: Callable[[], bytes]) -> Response:
    return Response(await off_loop(draw), media_type="image/png", headers=FOR_EVER)


ROUTES = [
    Route("/inside/maps/{weights}/{layer}", maps_of),
    Route("/inside/filters/{weights}", filters_of),
    Route("/inside/picture/{weights}", picture_of),
]
