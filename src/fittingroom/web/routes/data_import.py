"""The import of a folder of this machine in three steps: where it is, what was understood, and the import itself."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import FittingRoomError
from fittingroom.web.imports import Import, Imports, Wish
from fittingroom.web.site import Site, off_loop


async def where(request: Request) -> Response:
    """Step 1: the path, and what was typed before when it is changed."""
    site = Site.of(request)
    before = request.query_params.get("change")
    wish = Imports.of(request).find(before).wish if before else Wish()
    return site.page(request, "data/where.html", view="data", wish=wish, problem="", local=is_local(request))


async def understand(request: Request) -> Response:
    """Look into the folder, and go on to step 2; what will not do is told beside what was typed."""
    refuse_strangers(request)
    site = Site.of(request)
    form = await request.form()
    wish = Wish(**{key: str(form.get(key, "")) for key in ("path", "name", "size")})
    try:
        found = await off_loop(lambda: Import.understand(wish, site.workspace))
    except FittingRoomError as error:
        status = 200 if "hx-request" in request.headers else 422  # browsers log other answers to scripts as errors
        return site.page(request, "data/where.html", status, view="data", wish=wish, problem=str(error), local=True)
    Imports.of(request).add(found)
    return onward(request, f"/data/import/{found.id}")


async def show(request: Request) -> Response:
    """Steps 2 and 3: what was understood, how far the import has come, and in the end the data set itself."""
    site = Site.of(request)
    found = Imports.of(request).find(request.path_params["id"])
    if found.state == "done":
        return onward(request, f"/data/set?{urlencode({'name': found.name})}")
    return site.page(request, "data/check.html", view="data", found=found)


async def begin(request: Request) -> Response:
    """Step 3; asked for twice, it happens once."""
    refuse_strangers(request)
    found = Imports.of(request).find(request.path_params["id"])
    found.begin(Site.of(request).workspace)
    return RedirectResponse(f"/data/import/{found.id}", 303)


async def cancel(request: Request) -> Response:
    """End an import that goes on."""
    refuse_strangers(request)
    found = Imports.of(request).find(request.path_params["id"])
    found.cancel()
    return RedirectResponse(f"/data/import/{found.id}", 303)


def onward(request: Request, address: str) -> Response:
    """To another page, also for a part of a page that asks."""
    if "hx-request" in request.headers:
        return Response(headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def is_local(request: Request) -> bool:
    """Whether the browser runs on this very machine, whose files its user may name."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def refuse_strangers(request: Request) -> None:
    if not is_local(request):
        raise HTTPException(403, "Folders of this machine can be imported by a browser on this machine only.")


ROUTES = [
    Route("/data/import", where),
    Route("/data/import", understand, methods=["POST"]),
    Route("/data/import/{id}", show),
    Route("/data/import/{id}", begin, methods=["POST"]),
    Route("/data/import/{id}/cancel", cancel, methods=["POST"]),
]
