"""Uploads: announced, sent part by part, and then imported by the same wizard as a folder of this machine.

What is sent by the island ``data-upload`` is answered as JSON: ``{"problem": …}`` in words where it will not do.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.web.intake import Intake
from fittingroom.web.sheets import whole_number
from fittingroom.web.site import off_loop
from fittingroom.web.uploads import MOST_FILES, Elsewhere, TooMuch, Upload, Uploads

BLOCK = 1 << 20
"""Bytes that are written at once."""
PARTS = re.compile(r"/data/upload/[0-9a-f]{32}/part")
"""Addresses whose bodies go to the disk as they come."""
Handler = Callable[[Request], Awaitable[Response]]


def in_json(work: Handler) -> Handler:
    """A route whose errors are for a script: the words as JSON, with a status that says what kind they are."""

    async def handler(request: Request) -> Response:
        try:
            return await work(request)
        except FittingRoomError as error:
            return JSONResponse({"problem": str(error)}, status_of(error))

    return handler


def status_of(error: FittingRoomError) -> int:
    match error:
        case TooMuch():
            return 413
        case Elsewhere():
            return 409
        case NotFound():
            return 404
        case InvalidInput():
            return 422
    return 507


@in_json
async def begin(request: Request) -> Response:
    """Announce an upload: how many files, and how many bytes in all."""
    form = await request.form()
    numbers = [str(form.get(key, "")) for key in ("files", "bytes")]
    if not all(text.isascii() and text.isdigit() and len(text) < 16 for text in numbers):
        raise InvalidInput("an upload begins with the number of its files and bytes")
    upload = await off_loop(partial(Uploads.of(request).begin, *map(int, numbers)))
    return JSONResponse({"id": upload.id}, 201)


@in_json
async def state(request: Request) -> Response:
    """How far it has come, also for a browser whose line was cut."""
    return told(Uploads.of(request).find(request.path_params["id"]))


@in_json
async def part(request: Request) -> Response:
    """The next part; one that will not do ends the upload, one that is cut off may be sent again."""
    upload = Uploads.of(request).find(request.path_params["id"])
    number = whole_number(request.query_params, "number", default=0, least=0, most=MOST_FILES)
    intake = await off_loop(lambda: Intake(upload, number))
    try:
        waiting = bytearray()
        async for chunk in request.stream():
            waiting += chunk
            if len(waiting) >= BLOCK:
                await off_loop(partial(intake.feed, bytes(waiting)))
                waiting.clear()
        await off_loop(partial(intake.feed, bytes(waiting)))
        intake.complete()
    except ClientDisconnect:
        pass
    except FittingRoomError as error:
        await off_loop(partial(upload.drop, str(error)))
        raise
    finally:
        await off_loop(intake.close)
    return told(upload)


async def cancel(request: Request) -> Response:
    """Give it up; also when nobody waits for the answer."""
    await off_loop(partial(Uploads.of(request).find(request.path_params["id"]).drop, "The upload was cancelled."))
    return RedirectResponse("/data/import", 303)


def told(upload: Upload) -> Response:
    return JSONResponse(
        {"parts": upload.parts, "files": upload.files_here, "bytes": upload.bytes_here, "problem": upload.problem}
    )


ROUTES = [
    Route("/data/upload", begin, methods=["POST"]),
    Route("/data/upload/{id}", state),
    Route("/data/upload/{id}/part", part, methods=["POST"]),
    Route("/data/upload/{id}/cancel", cancel, methods=["POST"]),
]
