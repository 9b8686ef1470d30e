"""The web application: routes, static files, the guard around them, and what lives as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from fittingroom.errors import FittingRoomError, InvalidInput, NotFound, WorkspaceBusy
from fittingroom.queue.stored import open_store
from fittingroom.web import routes
from fittingroom.web.bodies import Bodies
from fittingroom.web.guard import Guard
from fittingroom.web.inference import Away, Inference
from fittingroom.web.live import Hub
from fittingroom.web.now import Watcher
from fittingroom.web.once import Answers
from fittingroom.web.processes import Workers
from fittingroom.web.routes import data_upload
from fittingroom.web.site import STATIC, Site
from fittingroom.web.uploads import USUAL_LIMIT, Limits, Uploads
from fittingroom.workspace import Workspace

SECONDS_FOR_THE_PAGE = 3.0
"""The first page has the cores to itself before torch is loaded for questions that nobody has asked yet."""
STATUSES = ((NotFound, 404), (InvalidInput, 422), (WorkspaceBusy, 503), (Away, 503))


def create_app(
    workspace: Workspace, *, hosts: Iterable[str], token: str, workers: bool = True, data_root: Path | None = None,
    upload_limit: int = USUAL_LIMIT,
) -> Starlette:  # fmt: skip
    """The page of a workspace. ``workers``: whether to see to it that the processes behind it are there.

    ``data_root``: browsers on other machines may import what is below it. ``upload_limit``: bytes of one upload.
    """
    store = open_store(workspace)
    site = Site(workspace, store, data_root)
    uploads = Uploads(workspace, Limits(upload_limit))
    attendant, inference = Workers(workspace, store), Inference(workspace)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        coming = [attendant.attend(), inference.warm(SECONDS_FOR_THE_PAGE)] if workers else []
        tasks = [asyncio.create_task(each) for each in [*coming, uploads.attend()]]
        yield
        for task in tasks:
            task.cancel()
        await inference.close()
        uploads.close()
        store.close()

    app = Starlette(
        routes=[
            Route("/", lambda request: RedirectResponse("/train")),
            *routes.ALL,
            Mount("/static", Immutable(directory=STATIC, packages=[("fittingroom.report", "static")])),
        ],
        middleware=[Middleware(Guard, hosts=hosts, token=token), Middleware(Bodies, apart=data_upload.PARTS)],
        exception_handlers={FittingRoomError: told, HTTPException: missing},
        lifespan=lifespan,
    )
    app.state.site, app.state.hub, app.state.uploads = site, Hub(store), uploads
    app.state.workers, app.state.inference = attendant, inference
    app.state.answers, app.state.watcher = Answers(), Watcher(store)
    return app


class Immutable(StaticFiles):
    """Files whose addresses change with their content; those that scripts import by name alone are asked for anew."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        for_ever = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if for_ever else "no-cache"
        return response


def told(request: Request, error: Exception) -> Response:
    """What was wrong, in words: as a page, or as a line where a part of a page was asked for."""
    status = next((code for kind, code in STATUSES if isinstance(error, kind)), 500)
    template = "parts/error.html" if "hx-request" in request.headers else "error.html"
    return Site.of(request).page(request, template, status, view="", message=str(error))


def missing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = "There is no such page." if error.status_code == 404 else error.detail
    return Site.of(request).page(request, "error.html", error.status_code, view="", message=message)
