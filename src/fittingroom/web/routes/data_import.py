"""The import of images in three steps: where they are, what was understood, and the import itself.

They are in a folder of this machine, as far as the browser reaches, or in an upload. Which formats there are is the
data room's business; the page asks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os.path import isdir  # which does not raise for names that are too long
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.data.formats import FORMATS, loose_suffixes, member_suffixes, stem
from fittingroom.data.wanted import Wanted
from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.web.imports import LOST, Import, Imports
from fittingroom.web.places import Place, Reach, is_local, reach_of
from fittingroom.web.sheets import FOR_EVER
from fittingroom.web.site import Site, off_loop
from fittingroom.web.uploads import Upload, Uploads
from fittingroom.web.wizard.pictures import LARGE_TILE, TILE, box, sheet_of_classes, sheet_of_fits
from fittingroom.web.wizard.source import Source
from fittingroom.web.wizard.wish import Wish, command


async def where(request: Request) -> Response:
    """Step 1: the path or the files, and what was typed before when it is changed."""
    before = request.query_params.get("change")
    wish = Imports.of(request).find(before).wish if before else None
    problem = str(LOST) if "lost" in request.query_params else ""
    return await _where(request, Wish.read(request.query_params, wish), problem)


async def _where(
    request: Request, wish: Wish, problem: str = "", status: int = 200, columns: Sequence[str] = ()
) -> Response:
    uploads = Uploads.of(request)
    upload, reach = None, reach_of(request)
    if wish.upload:
        try:
            upload = _held(uploads.find(wish.upload))
        except NotFound as error:
            problem, wish = problem or str(error), replace(wish, upload="")
    return Site.of(request).page(
        request, "data/where.html", status, view="data", wish=wish, problem=problem, reach=reach, upload=upload,
        local=is_local(request), limits=uploads.limits, formats=FORMATS, members=member_suffixes(),
        wholes=loose_suffixes(), columns=columns,
    )  # fmt: skip


def _held(upload: Upload) -> Upload:
    """An upload whose files are there; raises NotFound."""
    if upload.is_gone:
        raise NotFound(upload.problem)
    return upload


async def understand(request: Request) -> Response:
    """Look into the files, and go on to step 2; what will not do is told beside what was typed."""
    form = await request.form()
    wish = Wish.read(form)
    try:
        found = await off_loop(lambda: Import.understand(wish, _source(request, wish)))
    except FittingRoomError as error:
        by_script = "hx-request" in request.headers or "by_script" in form
        status = 200 if by_script else 422  # browsers log other answers to scripts as errors
        columns = await off_loop(lambda: _columns(request, wish))
        return await _where(request, wish, str(error), status, columns)
    Imports.of(request).add(found)
    return onward(request, address_of(found, wish if wish.path else Wish()))


def _columns(request: Request, wish: Wish) -> Sequence[str]:
    """Those that could tell the class in files that were not understood."""
    try:
        return _source(request, wish).columns
    except (FittingRoomError, HTTPException):
        return ()


def _source(request: Request, wish: Wish) -> Source:
    if wish.upload:
        return Source.uploaded(_held(Uploads.of(request).find(wish.upload)))
    return Source.typed(wish.path, reach_or_refuse(request))


async def choose(request: Request) -> Response:
    """The folders in a folder of this machine, so that nobody has to type a path."""
    reach = reach_or_refuse(request)
    asked = request.query_params.get("at", "")

    def look() -> dict[str, Any]:
        path = reach.start
        try:
            path = reach.find(asked) if asked else path
            return {"place": Place.at(path, reach), "problem": ""}
        except InvalidInput as error:
            near = next((above for above in path.parents if reach.holds(above) and isdir(above)), reach.start)
            return {"place": Place.at(near, reach), "problem": str(error)}

    return Site.of(request).page(request, "data/folders.html", view="data", **await off_loop(look))


async def show(request: Request) -> Response:
    """Steps 2 and 3: what was understood, how far the import has come, and in the end the data set itself.

    All that was chosen is in the address, so that it survives a reload, another tab and a new start of the server.
    """
    site = Site.of(request)
    try:
        found = Imports.of(request).find(request.path_params["id"])
    except NotFound as error:
        return await _again(request, Wish.read(request.query_params), error)
    running = found.state in {"looking", "running"}
    if found.state == "done":
        return onward(request, f"/data/set?{urlencode({'name': found.name})}")
    wish = Wish.read(request.query_params, found.wish)
    plan = None if running else await off_loop(lambda: found.plan(wish, site.workspace))
    wish = plan.wish if plan else wish
    return site.page(
        request, "data/check.html", view="data", found=found, running=running, plan=plan,
        wish=wish, here=address_of(found, wish),
        own=stem(Path(found.source.called)), command=command, box=box, large_tile=LARGE_TILE, tile_size=TILE,
    )  # fmt: skip


async def _again(request: Request, wish: Wish, error: NotFound) -> Response:
    """Step 1 with all that was chosen for an import that is not known any more; 404 where that is nothing."""
    if not wish.path and "hx-request" not in request.headers:
        return await _where(request, wish, str(error), 404)
    return onward(request, f"/data/import?lost=1&{wish.query}")


async def begin(request: Request) -> Response:
    """Step 3; asked for twice, it happens once."""
    told = await request.form()
    try:
        found = allowed(request)
    except NotFound as error:
        return await _again(request, Wish.read(told), error)
    wish, workspace = Wish.read(told, found.wish), Site.of(request).workspace
    plan = await off_loop(lambda: found.plan(wish, workspace))
    if plan is not None:
        found.begin(plan, workspace)
    return RedirectResponse(address_of(found, wish if told else Wish()), 303)


async def cancel(request: Request) -> Response:
    """End an import that goes on."""
    found = allowed(request)
    found.cancel()
    return RedirectResponse(address_of(found, Wish.read(await request.form())), 303)


async def classes(request: Request) -> Response:
    """``/data/import/{id}/classes?size=…``: a row of exemplars for each class, as they would be imported."""
    found = allowed(request)
    pictures, wanted = Imports.of(request).pictures(found), _wanted(request, found)
    exemplars = await pictures.ready()
    return _png(await off_loop(lambda: sheet_of_classes(exemplars, wanted, pictures.columns)))


async def fits(request: Request) -> Response:
    """``/data/import/{id}/fits?size=…``: one exemplar by each policy."""
    found = allowed(request)
    wanted = _wanted(request, found)
    if wanted.size is None:
        raise InvalidInput("there is no size to bring images to; give one, such as size=64x64")
    exemplars = await Imports.of(request).pictures(found).ready()
    return _png(await off_loop(lambda: sheet_of_fits(exemplars, wanted)))


def _wanted(request: Request, found: Import) -> Wanted:
    return Wish.read(request.query_params, found.wish).wanted()


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers=FOR_EVER)


def address_of(found: Import, wish: Wish) -> str:
    """Of its page, with what was chosen there."""
    return f"/data/import/{found.id}{f'?{wish.query}' if wish.query else ''}"


def allowed(request: Request) -> Import:
    """The import that is meant; refused where it is of a folder that this browser may not name."""
    found = Imports.of(request).find(request.path_params["id"])
    if found.source.upload is None:
        reach_or_refuse(request).find(str(found.source.path))
    return found


def is_possible(request: Request) -> bool:
    """Whether this browser may import anything at all."""
    return reach_of(request) is not None or Uploads.of(request).limits.total > 0


def onward(request: Request, address: str) -> Response:
    """To another page, also for a part of a page that asks."""
    if "hx-request" in request.headers:
        return Response(headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def reach_or_refuse(request: Request) -> Reach:
    reach = reach_of(request)
    if reach is None:
        raise HTTPException(
            403,
            "Folders of this machine can be imported by a browser on this machine only, unless `fittingroom web` is "
            "started with --data-root.",
        )
    return reach


ROUTES = [
    Route("/data/import", where),
    Route("/data/import", understand, methods=["POST"]),
    Route("/data/folders", choose),
    Route("/data/import/{id}", show),
    Route("/data/import/{id}", begin, methods=["POST"]),
    Route("/data/import/{id}/cancel", cancel, methods=["POST"]),
    Route("/data/import/{id}/classes", classes),
    Route("/data/import/{id}/fits", fits),
]
