"""The socket that brings what is new of a run."""

from __future__ import annotations

import asyncio
import json

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from fittingroom.errors import NotFound
from fittingroom.web.live import Hub
from fittingroom.web.snapshot import Cursor

MOST_UPDATES_A_SECOND = 10
GONE, NOT_OURS = 4404, 1003
"""Codes of a socket that is closed: there is no such run any more; what came is nothing that the page says."""


async def follow(socket: WebSocket) -> None:
    """Send what is new of a run to a page that says first what it has; end when either goes away."""
    await socket.accept()
    hub: Hub = socket.app.state.hub
    try:
        seen = Cursor.read(json.loads(await socket.receive_text()))
        async with hub.watching(socket.path_params["run"]) as tailer:
            leaving = asyncio.create_task(_left(socket))
            while not leaving.done():
                waiting = asyncio.create_task(tailer.news(seen))
                await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    waiting.cancel()
                    return
                update = waiting.result()
                if update is None:
                    raise NotFound("deleted")
                await socket.send_text(json.dumps(update))
                seen = Cursor(**update["cursor"])
                await asyncio.sleep(1 / MOST_UPDATES_A_SECOND)
    except NotFound:
        await socket.close(GONE)
    except WebSocketDisconnect:
        return
    except (KeyError, RecursionError, ValueError):  # no words of this page
        await socket.close(NOT_OURS)


async def _left(socket: WebSocket) -> None:
    """Until the page goes away; what it says meanwhile is of no interest."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return


ROUTES = [WebSocketRoute("/live/{run}", follow)]
