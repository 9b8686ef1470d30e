"""The view Augment: the draft's operations with controls and pictures, a preview, and the worst case of each class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.datastructures import URL, FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.spec.run import with_settings
from fittingroom.web.augment import edits
from fittingroom.web.augment.choice import Choice, Preview, ends
from fittingroom.web.augment.edits import Plain, operations_of
from fittingroom.web.augment.kinds import KINDS, pictured
from fittingroom.web.augment.reading import Item, plain_operations, read
from fittingroom.web.augment.text import from_text, to_text
from fittingroom.web.augment.worst import Question, Worst, question, runs_on
from fittingroom.web.data_card import Card
from fittingroom.web.drafts import Draft, draft_of, edit_by_form, remember
from fittingroom.web.inference import Inference
from fittingroom.web.opened import card_of, chosen_in
from fittingroom.web.routes import augment_pictures
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop


async def show(request: Request) -> Response:
    """The operations of the draft."""
    site = Site.of(request)
    name, draft = await off_loop(lambda: draft_of(request, site.workspace))
    return remember(name, await _page(request, draft))


async def _page(request: Request, draft: Draft, problem: str = "", pasted: str | None = None) -> Response:
    """The view, or its part that changes. ``pasted``: a text that has mistakes, which ``problem`` tells."""
    site = Site.of(request)
    items = read(operations_of(draft.spec))
    shown: dict[str, Any] = {
        "draft": draft, "items": items, "problem": problem, "kinds": KINDS, "pasted": pasted is not None,
        "text": to_text(operations_of(draft.spec)) if pasted is None else pasted, "view": "augment",
        "pictures": await _pictures(request, draft, items),
    }  # fmt: skip
    editing = request.method == "POST" and "hx-request" in request.headers
    return site.page(request, "augment/editor.html" if editing else "augment.html", **shown)


async def _pictures(request: Request, draft: Draft, items: list[Item]) -> dict[str, Any]:
    """All that is made from images; only why not, where the data cannot be read."""
    site, shelf = Site.of(request), Shelf.of(request)

    def about() -> dict[str, Any]:
        card = card_of(chosen_in(draft), draft, shelf)
        data, training = card.data, training_of(card)
        choice = Choice.read(query_of(request), data)
        if choice.alone not in [item.key for item in items]:
            choice = Choice.read(QueryParams({**query_of(request), "alone": ""}), data)
        preview = Preview.of(choice, data, training, plain_operations(items, choice.alone), seed_of(draft))
        subject = preview.images[0]
        runs = runs_on(data, site.store)
        return {
            "problem": "", "data": data, "card": card, "preview": preview, "choice": choice, "runs": runs,
            "strips": ends("strips", data, subject, plain_operations(items)),
            "offers": ends("offers", data, subject, pictured()),
            "question": _question(draft, items, card, choice, site),
        }  # fmt: skip

    try:
        found = await off_loop(about)
    except FittingRoomError as error:
        return {"problem": str(error)}
    asked: Question | None = found["question"]
    job = Inference.of(request).known(asked.key) if asked else None
    worst = Worst.of(asked, job, found["data"]) if asked and job and job.state == "done" else None
    return {**found, "job": job, "worst": worst}


def _question(draft: Draft, items: list[Item], card: Card, choice: Choice, site: Site) -> Question | None:
    """What would be measured now."""
    runs = runs_on(card.data, site.store)
    run = next((run for run in runs if choice.run in {None, run.id}), None)
    return question(card.data, training_of(card), items, seed_of(draft), run, site.store)


def training_of(card: Card) -> Any:
    """The training images; all of them where the data cannot be divided."""
    return card.splits.train if card.splits else card.parts["all"]


def seed_of(draft: Draft) -> int:
    """The run's seed, where it is one."""
    seed = draft.spec.get("seed", 0)
    return seed if isinstance(seed, int) and 0 <= seed < 2**32 else 0


def query_of(request: Request) -> QueryParams:
    """What is looked at: by the address, or by that of the page that a form stands in."""
    if request.method == "GET":
        return request.query_params
    page = URL(request.headers.get("referer", ""))
    return QueryParams(page.query if page.path == "/augment" else "")


async def _edited(request: Request, change: Callable[[Draft, FormData], object]) -> Response:
    """Change the draft as a form says, and show it; where that cannot be, show why, and nothing has changed."""
    done = await edit_by_form(request, Site.of(request).workspace, change)
    if not done.problem and "hx-request" not in request.headers:
        return remember(done.name, back(request))
    return remember(done.name, await _page(request, done.draft, done.problem, done.pasted))


def back(request: Request) -> Response:
    """To the page that a form stands in."""
    query = str(query_of(request))
    return RedirectResponse(f"/augment{'?' * bool(query)}{query}", 303)


def _operations(change: Callable[[list[Plain], FormData, Draft], list[Plain]]) -> Callable[[Request], Any]:
    """A route that changes the list of operations."""

    def apply(draft: Draft, form: FormData) -> None:
        draft.change({**draft.spec, "augment": change(operations_of(draft.spec), form, draft)})

    async def route(request: Request) -> Response:
        return await _edited(request, apply)

    return route


def _word(form: FormData, name: str) -> str:
    """A value of a form; empty where it is missing."""
    return str(form.get(name, ""))


def _set(operations: list[Plain], form: FormData, draft: Draft) -> list[Plain]:
    """Settings of operations: ``augment.KEY.SETTING`` and its value, empty for none."""
    settings = [
        f"{path}={value if str(value).strip() else 'none'}"
        for path, value in form.items()
        if path.startswith("augment.")
    ]
    changed: list[Plain] = with_settings({"augment": operations}, settings)["augment"]
    return changed


def _act(operations: list[Plain], form: FormData, draft: Draft) -> list[Plain]:
    """What the buttons of an operation do."""
    key, wish = _word(form, "row"), _word(form, "do")
    at = edits.find(operations, key)
    match wish:
        case "up":
            return edits.move(operations, key, at - 1)
        case "down":
            return edits.move(operations, key, at + 1)
        case "switch":
            return edits.switch(operations, key, draft.undo)
        case "remove":
            return edits.remove(operations, key)
        case _:
            raise NotFound(f'an operation cannot "{wish}"; up, down, switch and remove are there')


def _move(operations: list[Plain], form: FormData, draft: Draft) -> list[Plain]:
    """An operation that was dragged to a position."""
    to = _word(form, "to")
    return edits.move(operations, _word(form, "row"), int(to) if to.isdecimal() and len(to) < 10 else len(operations))


async def undo(request: Request) -> Response:
    """One step back, or forward again."""
    return_to = request.url.path.endswith("undo")
    return await _edited(request, lambda draft, form: draft.step_back() if return_to else draft.step_forward())


async def measure(request: Request) -> Response:
    """Begin to measure the worst cases of the draft as it is; what was measured before is not measured again."""
    site, shelf = Site.of(request), Shelf.of(request)
    _, draft = await off_loop(lambda: draft_of(request, site.workspace))

    def ask() -> Question | None:
        card = card_of(chosen_in(draft), draft, shelf)
        choice = Choice.read(query_of(request), card.data)
        return _question(draft, read(operations_of(draft.spec)), card, choice, site)

    asked = await off_loop(ask)
    if asked is None:
        raise InvalidInput("there is no operation to be measured; add one first")
    Inference.of(request).begin("augment worst", asked.words, key=asked.key)
    return await _page(request, draft) if "hx-request" in request.headers else back(request)


async def cancel(request: Request) -> Response:
    """Stop measuring."""
    site, inference = Site.of(request), Inference.of(request)
    await inference.cancel(inference.job(str((await request.form()).get("job", ""))))
    _, draft = await off_loop(lambda: draft_of(request, site.workspace))
    return await _page(request, draft) if "hx-request" in request.headers else back(request)


ROUTES = [
    Route("/augment", show),
    Route("/augment/set", _operations(_set), methods=["POST"]),
    Route("/augment/add", _operations(lambda all, form, draft: edits.add(all, _word(form, "kind"))), methods=["POST"]),
    Route("/augment/operation", _operations(_act), methods=["POST"]),
    Route("/augment/move", _operations(_move), methods=["POST"]),
    Route("/augment/text", _operations(lambda all, form, draft: from_text(_word(form, "text"))), methods=["POST"]),
    Route("/augment/undo", undo, methods=["POST"]),
    Route("/augment/redo", undo, methods=["POST"]),
    Route("/augment/measure", measure, methods=["POST"]),
    Route("/augment/cancel", cancel, methods=["POST"]),
    *augment_pictures.ROUTES,
]
