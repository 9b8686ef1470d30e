"""Who may talk to the page: only this site, in a browser that was given the token.

Loopback is not enough: every user of a shared machine reaches it, and any web page that a browser has open can send
requests there, also under a name of its own (DNS rebinding). So each request and socket has to name this host, come
from this site, and carry the token. The token is in the address that ``fittingroom web`` prints; the first visit turns
it into a cookie.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

FOREIGN = 403
UNKNOWN = 401
TOO_LONG = 414
LONGEST_PATH = 2000
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware around everything, static files and sockets included."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], token: str) -> None:
        """``hosts``: what the Host header may be, port included; ``token``: what a browser has to know."""
        self.app, self.token = app, token
        self.hosts = frozenset(hosts)
        self.origins = frozenset(f"{scheme}://{host}" for scheme in ("http", "https") for host in self.hosts)
        port = min(self.hosts).rpartition(":")[2]
        self.cookie = f"fittingroom-{port}"  # cookies know hosts, but no ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(HTTPConnection(scope))
        if refusal is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(code=1008)
        else:
            await refusal(scope, receive, _with_headers(send))

    def _refusal(self, request: HTTPConnection) -> Response | None:
        """What to answer instead of letting a request in; None when it may come in."""
        if request.headers.get("host") not in self.hosts:
            return PlainTextResponse("This address is not one of this page. Use the one that was printed.\n", FOREIGN)
        if not self._same_site(request.scope, request.headers):
            return PlainTextResponse("This request comes from another site.\n", FOREIGN)
        if len(request.scope["path"]) > LONGEST_PATH:
            return PlainTextResponse("This address is too long.\n", TOO_LONG)
        given = request.query_params.get("token")
        if given is not None and request.scope["type"] == "http" and self._is_token(given):
            return self._welcome(request.url)
        if self._is_token(request.cookies.get(self.cookie, "")):
            return None
        return PlainTextResponse(
            "This page belongs to whoever started it. Open the whole address that `fittingroom web` printed, with its "
            "token.\n",
            UNKNOWN,
        )

    def _same_site(self, scope: Scope, headers: Headers) -> bool:
        """Whether the browser says that the request was made by this site, or typed by a person."""
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins:
            return False
        if scope["type"] == "websocket":
            return origin is not None
        fetched_by = headers.get("sec-fetch-site", "none")
        reading = scope["method"] in {"GET", "HEAD"}
        navigating = reading and headers.get("sec-fetch-mode") == "navigate"
        return fetched_by in {"same-origin", "none"} or navigating

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _welcome(self, url: URL) -> Response:
        """The same address without the token, which is a cookie from now on."""
        others = [(key, value) for key, value in parse_qsl(url.query, keep_blank_values=True) if key != "token"]
        response = RedirectResponse(f"/{url.path.lstrip('/')}{'?' * bool(others)}{urlencode(others)}", status_code=303)
        response.set_cookie(self.cookie, self.token, httponly=True, samesite="lax", max_age=365 * 24 * 3600)
        return response


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
