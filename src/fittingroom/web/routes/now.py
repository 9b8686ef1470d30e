"""What the machine is doing, asked for by every open page every few seconds."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fittingroom.web.now import Watcher


async def now(request: Request) -> Response:
    """What is trained, how far it is, and how many runs wait."""
    watcher: Watcher = request.app.state.watcher
    return JSONResponse(asdict(await watcher.now()), headers={"Cache-Control": "no-store"})


ROUTES = [Route("/now", now)]
