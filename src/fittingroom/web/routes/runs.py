"""The view Runs: all that was trained."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fittingroom.web.site import Site, off_loop


async def listing(request: Request) -> Response:
    """Every run, newest first, with what the workspace takes on the disk."""
    site = Site.of(request)
    runs = await off_loop(site.store.runs)
    use = await off_loop(site.store.disk_use)
    return site.page(request, "runs.html", view="runs", runs=runs, use=use)


ROUTES = [Route("/runs", listing)]
