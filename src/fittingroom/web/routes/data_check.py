"""The data check in the page: begun with a click, with pictures of what it found, and images left out for a reason."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.data.cleaning import exclude, images_in, restore
from fittingroom.errors import FittingRoomError, InvalidInput
from fittingroom.web.checks import Checks, with_all
from fittingroom.web.data_card import PARTS, Card
from fittingroom.web.excluding import Plan, still_out
from fittingroom.web.findings import ON_A_PAGE, ON_THE_CARD, found_of, shown, titled
from fittingroom.web.inference import Inference
from fittingroom.web.once import once
from fittingroom.web.opened import opened
from fittingroom.web.sheets import whole_number
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop


def checked(card: Card, checks: Checks, shelf: Shelf) -> dict[str, Any]:
    """What the part of the card shows: the last report, and the check that goes on."""
    report = checks.report(card.data)
    findings = [] if report is None else shown(report, card, shelf)
    return {
        "card": card, "report": report, "findings": findings, "titled": titled, "most": ON_THE_CARD,
        "check": checks.task(card.data), "stale": report is not None and report.fingerprint != card.data.fingerprint,
        "whole": report is not None and with_all(report),
    }  # fmt: skip


async def show(request: Request) -> Response:
    """The check as it stands, as a part of the card; the card where that is asked for."""
    name = _name(request.query_params)
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/data/set?{urlencode({'name': name})}#check", 303)
    seen = whole_number(request.query_params, "seen", default=-1, least=0, most=100)
    return await _part(request, name, seen)


async def begin(request: Request) -> Response:
    """Check a data set; asked for twice, it happens once."""
    name = _name(await request.form())
    card = await off_loop(lambda: opened(request, name))
    Checks.of(request).begin(card.data, Inference.of(request))
    return await _onward(request, name)


async def cancel(request: Request) -> Response:
    """End a check that goes on; what it has found so far stays."""
    name = _name(await request.form())
    card = await off_loop(lambda: opened(request, name))
    if (task := Checks.of(request).task(card.data)) is not None:
        task.cancel()
    return await _onward(request, name)


async def finding(request: Request) -> Response:
    """All images of one finding, page by page, to be ticked."""
    query, name = request.query_params, _name(request.query_params)

    def about() -> dict[str, Any]:
        card = opened(request, name)
        found = found_of(Checks.of(request).report(card.data), query.get("kind", ""), card, Shelf.of(request))
        pages = max(-(-found.total // ON_A_PAGE), 1)
        page = min(whole_number(query, "page", default=1, most=10**9), pages)
        groups, tiling = found.groups((page - 1) * ON_A_PAGE, ON_A_PAGE)
        return {"card": card, "found": found, "groups": groups, "tiling": tiling, "page": page, "pages": pages,
                "first": (page - 1) * ON_A_PAGE + 1}  # fmt: skip

    return Site.of(request).page(request, "data/finding.html", view="data", **await off_loop(about))


async def ask_exclusion(request: Request) -> Response:
    """What it would mean to leave images out."""
    query = request.query_params
    return await _asked(request, query, query.get("reason", ""))


async def leave_out(request: Request) -> Response:
    """Leave images out, as a step that is recorded; those that are out already stay so."""
    site, form = Site.of(request), await request.form()
    reason, by = str(form.get("reason", "")), str(form.get("by", ""))[:60]

    def work() -> str:
        card = opened(request, _name(form))
        if images := _wanted(form, card, request):  # none is left where another tab was quicker
            exclude(card.data, images, reason, site.workspace, by)
        return card.data.source

    try:
        name = await off_loop(work)
    except FittingRoomError as error:
        return await _asked(request, form, reason, str(error), 422)
    return RedirectResponse(f"/data/set?{urlencode({'name': name})}#cleaning", 303)


async def bring_back(request: Request) -> Response:
    """Undo one step: bring back what it left out and is out to this day."""
    site, form = Site.of(request), await request.form()
    number = whole_number(QueryParams({"step": str(form.get("step", ""))}), "step", default=-1, least=0, most=10**6)

    def work() -> str:
        card = opened(request, _name(form))
        if images := still_out(number, card.data, site.workspace):
            restore(card.data, images, site.workspace)
        return card.data.source

    return RedirectResponse(f"/data/set?{urlencode({'name': await off_loop(work)})}#cleaning", 303)


async def _asked(
    request: Request, asked: QueryParams | FormData, reason: str, problem: str = "", status: int = 200
) -> Response:
    by = str(asked.get("by", ""))[:60]

    def about() -> dict[str, Any]:
        card = opened(request, _name(asked))
        try:
            plan, none = Plan.of(card, _wanted(asked, card, request)), ""
        except InvalidInput as error:
            plan, none = None, str(error)
        every = bool(asked.get("all"))
        return {"card": card, "plan": plan, "problem": problem or none, "by": by, "every": every, "titled": titled}

    found = await off_loop(about)
    back = f"/data/finding?{urlencode({'name': _name(asked), 'kind': by})}" if by else ""
    return Site.of(request).page(
        request, "data/exclude.html", status, view="data", parts=PARTS, back=back,
        reason=reason or (titled(by) if by else ""), **found,
    )  # fmt: skip


def _wanted(asked: QueryParams | FormData, card: Card, request: Request) -> list[int]:
    """All images of a finding, or those that are named; raises InvalidInput and NotFound."""
    if asked.get("all"):
        report = Checks.of(request).report(card.data)
        found = found_of(report, str(asked.get("by", "")), card, Shelf.of(request))
        return [int(image) for image in found.images]
    named = ",".join(str(each) for each in asked.getlist("images"))
    if not named:
        raise InvalidInput("no image is ticked; go back and tick those that are to be left out")
    return images_in(named)


async def _part(request: Request, name: str, seen: int = -1) -> Response:
    """``seen``: how many kinds the report that is shown has; while that is so, only how far the check has come."""
    about = await off_loop(lambda: checked(opened(request, name), Checks.of(request), Shelf.of(request)))
    task, report = about["check"], about["report"]
    same = seen == (len(report.checked) if report else 0)
    if task is not None and task.state == "running" and same:
        return Site.of(request).page(request, "data/going.html", **about)
    answer = Site.of(request).page(request, "data/found.html", **about)
    answer.headers["HX-Retarget"] = "#check"
    return answer


async def _onward(request: Request, name: str) -> Response:
    if "hx-request" in request.headers:
        return await _part(request, name)
    return RedirectResponse(f"/data/set?{urlencode({'name': name})}#check", 303)


def _name(asked: QueryParams | FormData) -> str:
    return str(asked.get("name", ""))


ROUTES = [
    Route("/data/check", show),
    Route("/data/check", begin, methods=["POST"]),
    Route("/data/check/cancel", cancel, methods=["POST"]),
    Route("/data/finding", finding),
    Route("/data/exclude", ask_exclusion),
    Route("/data/exclude", once(leave_out), methods=["POST"]),
    Route("/data/restore", once(bring_back), methods=["POST"]),
]
