"""What must happen once, however often its button is clicked: each form carries a key of its own.

``Route("/train/start", once(start), methods=["POST"])``, and ``{{ once_key() }}`` in the form:
``<input type="hidden" name="once" value="{{ once_key() }}">``. A second request with the same key gets the answer of
the first, also when that is still being made. Only redirections are remembered: a fault that was told can be mended
and sent again. Forms without a key are answered each time.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

Endpoint = Callable[[Request], Awaitable[Response]]
MOST_KEYS = 2000


def once_key() -> str:
    """A key that no other form has."""
    return secrets.token_urlsafe(12)


class Answers:
    """The answers that have been given, by the path and key of their forms; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._given: OrderedDict[tuple[str, str], asyncio.Future[Response]] = OrderedDict()

    async def to(self, key: tuple[str, str], make: Callable[[], Awaitable[Response]]) -> Response:
        """The answer that this key has had, or is about to have; else a new one."""
        task = self._given.get(key)
        if task is None:
            task = self._given[key] = asyncio.ensure_future(make())
            task.add_done_callback(lambda made: self._forget_unless_done(key, made))
            while len(self._given) > MOST_KEYS:
                self._given.popitem(last=False)
        return await asyncio.shield(task)  # a browser that goes away does not undo the work

    def _forget_unless_done(self, key: tuple[str, str], made: asyncio.Future[Response]) -> None:
        if made.cancelled() or made.exception() is not None or not leads_on(made.result()):
            self._given.pop(key, None)


def leads_on(answer: Response) -> bool:
    """Whether it sends the browser to what was made."""
    return 300 <= answer.status_code < 400 or "hx-redirect" in answer.headers


def once(endpoint: Endpoint) -> Endpoint:
    """The same endpoint, whose work is done once for each key."""

    async def guarded(request: Request) -> Response:
        key = str((await request.form()).get("once", ""))
        if not 8 <= len(key) <= 64:
            return await endpoint(request)
        answers: Answers = request.app.state.answers
        return await answers.to((request.url.path, key), lambda: endpoint(request))

    return guarded
