"""A study file in the page: pasted or chosen, checked as on the command line, seen, and started."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import FittingRoomError, InvalidInput
from fittingroom.web.once import once
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop
from fittingroom.web.study.begin import begin
from fittingroom.web.study.files import files_within_reach
from fittingroom.web.study.in_short import in_short
from fittingroom.web.study.opened import LONGEST, Opened, open_text, packed, unpacked
from fittingroom.web.study.time import StudyTime, expect_plan

ADDRESS = "/studies/open"


async def setup(request: Request) -> Response:
    """The text that the address holds, and what it comes to."""
    text = unpacked(request.query_params.get("text", ""))
    return await _show(request, await _open(request, text, request.query_params))


async def check(request: Request) -> Response:
    """Read a text; its address is the answer, so that a reload loses nothing."""
    form = await request.form()
    text = _text_of(form)
    try:
        address = _address(text, small=_is_small(form))
    except InvalidInput as error:
        return await _show(request, Opened(text), str(error))
    if "hx-request" not in request.headers:
        return RedirectResponse(address, 303)
    answer = await _show(request, await _open(request, text, form))
    answer.headers["HX-Push-Url"] = address
    return answer


async def time(request: Request) -> Response:
    """How long the study would take; asks again until that is known."""
    text = unpacked(request.query_params.get("text", ""))
    found = await _open(request, text, request.query_params)
    return Site.of(request).page(request, "studies/time.html", expected=await _expect(request, found, begin=True))


async def start(request: Request) -> Response:
    """Put the study into the queue, and go to see it."""
    form = await request.form()
    found = await _open(request, _text_of(form), form)
    if found.plan is None or not found.ready:
        return await _show(request, found, "This study cannot start yet.")
    try:
        return await begin(request, found.plan.study)
    except InvalidInput as error:
        return await _show(request, found, str(error))


def _text_of(form: FormData) -> str:
    return str(form.get("text", "")).replace("\r\n", "\n")


def _is_small(said: QueryParams | FormData) -> bool:
    return said.get("size") == "small"


def _address(text: str, path: str = "", *, small: bool) -> str:
    """Raises InvalidInput for a text that is too long for an address."""
    query = {"text": packed(text)} | ({"size": "small"} if small else {})
    return f"{ADDRESS}{path}?{urlencode(query)}" if text else ADDRESS


async def _open(request: Request, text: str, said: QueryParams | FormData) -> Opened:
    site, shelf, reach = Site.of(request), Shelf.of(request), files_within_reach(request)
    return await off_loop(lambda: open_text(text, site, reach, shelf.split, small=_is_small(said)))


async def _show(request: Request, found: Opened, problem: str = "") -> Response:
    status = 422 if problem and "hx-request" not in request.headers else 200
    return Site.of(request).page(
        request, "studies/open.html", status, view="studies", opened=found, plan=found.plan, problem=problem,
        in_short=list(in_short(found.in_common)) if found.in_common else [], most=LONGEST,
        expected=await _expect(request, found, begin=False),
    )  # fmt: skip


async def _expect(request: Request, found: Opened, *, begin: bool) -> StudyTime:
    if found.plan is None:
        return StudyTime("none")
    try:
        ask = _address(found.text, "/time", small=found.small)
        return await expect_plan(request, found.plan, ask, begin=begin)
    except FittingRoomError as error:
        return StudyTime("failed", details=str(error))


ROUTES = [
    Route(ADDRESS, setup),
    Route(ADDRESS, check, methods=["POST"]),
    Route(f"{ADDRESS}/time", time),
    Route(f"{ADDRESS}/start", once(start), methods=["POST"]),
]
