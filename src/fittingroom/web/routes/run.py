"""The page of a run: the training as it goes on, and what can be asked of it."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom import queue
from fittingroom.errors import NotFound
from fittingroom.queue.stored import spec_of
from fittingroom.store import RunDetails
from fittingroom.web.site import Site, off_loop


async def watch(request: Request) -> Response:
    """A run as it goes on."""
    site = Site.of(request)
    run = await off_loop(lambda: site.store.run(request.path_params["run"]))
    return site.page(request, "run.html", view="train", **await off_loop(lambda: about(run, site)))


def about(run: RunDetails, site: Site) -> dict[str, Any]:
    """What the page of a run shows beside its curves."""
    data = None
    with contextlib.suppress(NotFound):  # it was deleted from the store by hand, or never written
        data = site.store.data_set(run.fingerprint)
    return {"run": run, "spec": spec_of(run), "data": data, "openings": site.store.openings(run.fingerprint)}


async def ask(request: Request) -> Response:
    """Stop, pause, resume or restart a run."""
    site = Site.of(request)
    run, wish = request.path_params["run"], request.path_params["wish"]
    do = {
        "stop": lambda: queue.stop(run, site.workspace, wait=0).id,
        "pause": lambda: queue.pause(run, site.workspace, wait=0).id,
        "resume": lambda: queue.resume(run, site.workspace).id,
        "restart": lambda: queue.submit_again(run, site.workspace),
    }.get(wish)
    if do is None:
        raise NotFound(f'a run cannot be asked to "{wish}"; stop, pause, resume and restart are there')
    name = await off_loop(do)
    return RedirectResponse(f"/train/{quote(name)}", 303)


ROUTES = [
    Route("/train/{run}", watch),
    Route("/train/{run}/{wish}", ask, methods=["POST"]),
]
