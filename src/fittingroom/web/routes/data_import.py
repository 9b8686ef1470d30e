"""The import of images in three steps: where they are, what was understood, and the import itself.

They are in a folder of this machine, as far as the browser reaches, or in an upload. Which formats there are is the
data room's business; the page asks it.
"""

from __future__ import annotations

from os.path import isdir  # which does not raise for names that are too long
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.data.formats import FORMATS, file_suffixes, member_suffixes
from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.web.imports import Import, Imports, Source, Wish
from fittingroom.web.places import Place, Reach, is_local, reach_of
from fittingroom.web.site import Site, off_loop
from fittingroom.web.uploads import Upload, Uploads


async def where(request: Request) -> Response:
    """Step 1: the path or the files, and what was typed before when it is changed."""
    before = request.query_params.get("change")
    return await _where(request, Imports.of(request).find(before).wish if before else Wish())


async def _where(request: Request, wish: Wish, problem: str = "", status: int = 200) -> Response:
    uploads = Uploads.of(request)
    upload, reach = None, reach_of(request)
    if wish.upload:
        try:
            upload = _held(uploads.find(wish.upload))
        except NotFound as error:
            problem, wish = problem or str(error), Wish(name=wish.name, size=wish.size)
    return Site.of(request).page(
        request, "data/where.html", status, view="data", wish=wish, problem=problem, reach=reach, upload=upload,
        local=is_local(request), limits=uploads.limits, formats=FORMATS, members=member_suffixes(),
        wholes=file_suffixes(),
    )  # fmt: skip


def _held(upload: Upload) -> Upload:
    """An upload whose files are there; raises NotFound."""
    if upload.is_gone:
        raise NotFound(upload.problem)
    return upload


async def understand(request: Request) -> Response:
    """Look into the files, and go on to step 2; what will not do is told beside what was typed."""
    form = await request.form()
    wish = Wish(**{key: str(form.get(key, "")) for key in ("path", "name", "size", "upload")})
    try:
        found = await off_loop(lambda: Import.understand(wish, _source(request, wish), Site.of(request).workspace))
    except FittingRoomError as error:
        status = 200 if "hx-request" in request.headers else 422  # browsers log other answers to scripts as errors
        return await _where(request, wish, str(error), status)
    Imports.of(request).add(found)
    return onward(request, f"/data/import/{found.id}")


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
    """Steps 2 and 3: what was understood, how far the import has come, and in the end the data set itself."""
    site = Site.of(request)
    found = Imports.of(request).find(request.path_params["id"])
    if found.state == "done":
        return onward(request, f"/data/set?{urlencode({'name': found.name})}")
    return site.page(request, "data/check.html", view="data", found=found)


async def begin(request: Request) -> Response:
    """Step 3; asked for twice, it happens once."""
    found = allowed(request)
    found.begin(Site.of(request).workspace)
    return RedirectResponse(f"/data/import/{found.id}", 303)


async def cancel(request: Request) -> Response:
    """End an import that goes on."""
    found = allowed(request)
    found.cancel()
    return RedirectResponse(f"/data/import/{found.id}", 303)


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
]
