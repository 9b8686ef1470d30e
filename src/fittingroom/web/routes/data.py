"""The view Data: which data sets there are, what is in each, and which one a run will be trained on."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.data import sources
from fittingroom.data.fingerprints import content_of
from fittingroom.errors import NotFound, did_you_mean
from fittingroom.web import sheets
from fittingroom.web.checks import Checks
from fittingroom.web.data_card import CLASSES, PARTS, PER_PAGE, Browse, Card, Page
from fittingroom.web.drafts import Plain, draft_of, keep
from fittingroom.web.excluding import entries
from fittingroom.web.opened import card_of, chosen_in, kind_of, wishes_of
from fittingroom.web.routes import data_check, data_digits, data_download, data_import, data_upload
from fittingroom.web.sheets import whole_number
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop


async def listing(request: Request) -> Response:
    """Every data set, and which one is chosen."""
    site = Site.of(request)
    _, draft = draft_of(request, site.workspace)
    found, offers = await off_loop(lambda: (sources.names(site.workspace), data_download.offers(request)))
    return site.page(
        request, "data/list.html", view="data", found=found, offers=offers, chosen=chosen_in(draft),
        can_import=data_import.is_possible(request), held_out="held_out" in request.query_params,
    )  # fmt: skip


async def one(request: Request) -> Response:
    """The card of a data set, and a page of its images."""
    site, shelf, checks = Site.of(request), Shelf.of(request), Checks.of(request)
    _, draft = draft_of(request, site.workspace)
    name = request.query_params.get("name", "")

    def about() -> dict[str, Any]:
        kind = kind_of(request, name, draft)
        found = card_of(name, draft, shelf)
        page = Page.of(Browse.read(request.query_params, found), found)
        return {
            **data_check.checked(found, checks, shelf), "kind": kind, "page": page,
            "openings": site.store.openings(found.data.fingerprint), "steps": entries(found.data, site.workspace),
        }  # fmt: skip

    return site.page(
        request, "data/set.html", view="data", chosen=chosen_in(draft), parts=PARTS, per_page=PER_PAGE,
        most_classes=None if request.query_params.get("classes") == "all" else CLASSES,
        fresh_seed=secrets.randbelow(10_000), **await off_loop(about),
    )  # fmt: skip


async def look(request: Request) -> Response:
    """One image, large, with the ones before and after it."""
    site, shelf = Site.of(request), Shelf.of(request)
    _, draft = draft_of(request, site.workspace)
    name = request.query_params.get("name", "")

    def about() -> dict[str, Any]:
        kind_of(request, name, draft)
        found = card_of(name, draft, shelf)
        image = whole_number(request.query_params, "image", default=0, least=0, most=len(found.data) - 1)
        before, after, browse = Browse.read(request.query_params, found).around(image, found)
        return {"card": found, "image": image, "before": before, "after": after, "browse": browse}

    return site.page(request, "data/look.html", view="data", parts=PARTS, **await off_loop(about))


async def use(request: Request) -> Response:
    """Choose a data set for the draft, and hold out the usual share where the draft's wish does not fit."""
    site, shelf = Site.of(request), Shelf.of(request)
    key, draft = draft_of(request, site.workspace)
    name = str((await request.form()).get("name", ""))

    def divide() -> Card:
        kind_of(request, name, draft)
        return card_of(name, draft, shelf)

    found = await off_loop(divide)
    wishes: Plain = {**wishes_of(draft), "source": name}
    changed = bool(found.problem) and found.splits is not None
    if changed:
        kept = {key: value for key, value in wishes.items() if key not in ("folds", "fold")}
        wishes = {**kept, "validation": found.settings.validation, "split_seed": found.settings.split_seed}
    draft.change({**draft.spec, "data": wishes})
    return keep(key, draft, site.workspace, RedirectResponse(f"/data{'?held_out=changed' * changed}", 303))


async def ask_removal(request: Request) -> Response:
    """What would be removed, and what depends on it."""
    site = Site.of(request)
    _, draft = draft_of(request, site.workspace)
    name = request.query_params.get("name", "")

    def about() -> dict[str, Any]:
        known = {info.name: info for info in sources.names(site.workspace)}
        if name not in known:
            raise NotFound(f'there is no data set "{name}"; {did_you_mean(name, known)}')
        runs = [run.id for run in site.store.runs() if content_of(run.fingerprint) == known[name].fingerprint]
        return {"info": known[name], "runs": runs}

    return site.page(request, "data/remove.html", view="data", chosen=chosen_in(draft), **await off_loop(about))


async def remove(request: Request) -> Response:
    """Remove an imported data set from the workspace."""
    site, shelf = Site.of(request), Shelf.of(request)
    name = str((await request.form()).get("name", ""))

    def work() -> None:
        for info in sources.names(site.workspace):
            if info.name == name:
                shelf.forget(info.fingerprint)
        sources.remove(name, site.workspace)

    await off_loop(work)
    return RedirectResponse("/data", 303)


ROUTES = [
    Route("/data", listing),
    Route("/data/set", one),
    Route("/data/look", look),
    Route("/data/use", use, methods=["POST"]),
    Route("/data/remove", ask_removal),
    Route("/data/remove", remove, methods=["POST"]),
    *data_check.ROUTES,
    *data_digits.ROUTES,
    *data_download.ROUTES,
    *data_import.ROUTES,
    *data_upload.ROUTES,
    *sheets.ROUTES,
]
