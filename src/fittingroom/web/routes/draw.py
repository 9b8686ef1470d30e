"""The view Draw: a pad, and what one network or two say of it as it is drawn."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.queue.outline import Outline, outline_of
from fittingroom.queue.stored import spec_of
from fittingroom.store import RunDetails, RunSummary
from fittingroom.web.draw import MOST_BYTES, Pad, fitted_picture, on_pad, with_weights
from fittingroom.web.draw_live import Conversation
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop

RUNS_TO_CHOOSE_FROM = 200
NO_DRAWING = 4400
"""Code of a socket that is closed because it was sent something else."""


@dataclass(frozen=True)
class Chosen:
    """The runs that look at the pad: what is known of each, or why it cannot look."""

    details: RunDetails
    outline: Outline | None
    problem: str = ""

    @classmethod
    def read(cls, run: str, site: Site) -> Chosen:
        """Raises NotFound."""
        details = site.store.run(run)
        try:
            return cls(details, outline_of(details, site.workspace))
        except FittingRoomError as error:
            return cls(details, None, str(error))


async def show(request: Request) -> Response:
    """The pad with the networks that are asked for; the newest one with weights unless the address says others."""
    site = Site.of(request)

    def read() -> tuple[list[RunSummary], list[Chosen]]:
        runs = with_weights(site.store.runs(RUNS_TO_CHOOSE_FROM))
        return runs, [Chosen.read(run, site) for run in asked_for(request, runs)]

    try:
        runs, chosen = await off_loop(read)
    except NotFound:
        if "hx-request" not in request.headers:
            raise
        return Response(headers={"HX-Redirect": "/draw"})  # a run was deleted since the page was shown
    if not chosen:
        return site.page(request, "draw/none.html", view="draw")
    outlines = [each.outline for each in chosen if each.outline]
    pad = Pad.of(outlines) if outlines else None
    query = urlencode([("run", outline.run) for outline in outlines])
    return site.page(
        request, "draw/pad.html", view="draw", runs=runs, chosen=chosen, pad=pad, query=query, most_bytes=MOST_BYTES
    )


def asked_for(request: Request, runs: Sequence[RunSummary]) -> list[str]:
    """One run or two, each once: ``?run=starter-1&run=mlp-1``."""
    wanted = [run for run in request.query_params.getlist("run") if run]
    return list(dict.fromkeys(wanted))[:2] or [run.id for run in runs[:1]]


Answering = Callable[[Request], Awaitable[Response]]


def told_to_the_pad(answering: Answering) -> Answering:
    """What was wrong as JSON, for the pad to show; as success, because browsers log all else as an error of ours."""

    @wraps(answering)
    async def telling(request: Request) -> Response:
        try:
            return await answering(request)
        except FittingRoomError as error:
            return JSONResponse({"problem": str(error)})

    return telling


@told_to_the_pad
async def example(request: Request) -> Response:
    """A random validation image of the first network's data, as the pad takes it."""
    site, shelf = Site.of(request), Shelf.of(request)

    def choose() -> bytes:
        first, *others = outlines_of(request, site)
        details = site.store.run(first.run)
        data, spec = shelf.find(details.fingerprint), spec_of(details).data
        splits, _ = shelf.divided(data, spec.division)
        index = int(random.choice(splits.validation))
        label = data.class_names[int(data.labels[index])]
        return on_pad(Pad.of([first, *others]), data.images[index], image=index, label=label)

    return binary(await off_loop(choose))


@told_to_the_pad
async def picture(request: Request) -> Response:
    """An image file, sent as it is, fitted to the first network as ``predict`` does, as the pad takes it."""
    site, name = Site.of(request), request.query_params.get("name", "")
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise InvalidInput(f"this file has more than {MOST_BYTES // 1_000_000} MB; choose a smaller one")

    def read() -> bytes:
        outlines = outlines_of(request, site)
        fitted = fitted_picture(content, name, outlines[0])
        return on_pad(Pad.of(outlines), fitted.pixels_HWC, steps=fitted.steps)

    return binary(await off_loop(read))


def outlines_of(request: Request, site: Site) -> list[Outline]:
    """Of the networks that an address names; raises what tells why one cannot be used."""
    runs = asked_for(request, ())
    if not runs:
        raise InvalidInput("no run is named; load the page again")
    return [outline_of(site.store.run(run), site.workspace) for run in runs]


def binary(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


async def live(socket: WebSocket) -> None:
    """What the networks say of each drawing that comes."""
    await socket.accept()
    try:
        await Conversation(socket).hold()
    except InvalidInput:
        await socket.close(NO_DRAWING)
    except WebSocketDisconnect:  # the page went away while it was told something
        return


ROUTES: list[BaseRoute] = [
    Route("/draw", show),
    Route("/draw/example", example),
    Route("/draw/picture", picture, methods=["POST"]),
    WebSocketRoute("/draw/live", live),
]
