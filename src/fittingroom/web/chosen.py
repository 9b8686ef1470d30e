"""Which run a browser looked at last: the views that show one run begin with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "fittingroom-run"
Answer = TypeVar("Answer", bound=Response)


def choose(run: str, response: Answer) -> Answer:
    """Remember that this browser looks at a run."""
    response.set_cookie(COOKIE, run, httponly=True, samesite="lax", max_age=30 * 24 * 3600)
    return response


def chosen_among(request: Request, runs: Iterable[str]) -> str | None:
    """The run that this browser looked at last, if it is one of these."""
    run = request.cookies.get(COOKIE)
    return run if run in set(runs) else None
