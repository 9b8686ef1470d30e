"""How large a request may be: forms are read into memory, so nobody may send one that does not fit there."""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 32_000_000
"""Bytes of a form: a spec as text, an image to be classified."""


class Bodies:
    """ASGI middleware that ends the reading of bodies that are too large."""

    def __init__(self, app: ASGIApp, *, apart: re.Pattern[str], most: int = LARGEST) -> None:
        """``apart``: addresses whose routes write their bodies to disk as they come, and limit them themselves."""
        self.app, self.apart, self.most = app, apart, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self.apart.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        announced = Request(scope).headers.get("content-length", "0")
        seen = int(announced) if announced.isdecimal() and int(announced) > self.most else 0

        async def receiving() -> Message:
            nonlocal seen
            message: Message = {} if seen > self.most else await receive()
            seen += len(message.get("body", b""))
            if seen > self.most:
                raise HTTPException(413, f"A request may have {self.most // 1_000_000} MB; this one has more.")
            return message

        await self.app(scope, receiving, send)
