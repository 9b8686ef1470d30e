"""The view Network: the draft's layers as a list that is edited in place, and a drawing of what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.data.sources import load
from fittingroom.errors import FittingRoomError, NotFound
from fittingroom.spec.data import DataSpec
from fittingroom.spec.record import validated
from fittingroom.spec.run import from_toml, presets, with_settings
from fittingroom.web.begin import spec_from
from fittingroom.web.drafts import Draft, draft_of, edit_by_form, remember
from fittingroom.web.network import edits
from fittingroom.web.network.drawing import draw
from fittingroom.web.network.edits import Plain, stack_of
from fittingroom.web.network.kinds import KINDS
from fittingroom.web.network.reading import Images, Reading, read
from fittingroom.web.network.text import from_text, to_text
from fittingroom.web.settings import setting
from fittingroom.web.site import Site, off_loop
from fittingroom.workspace import Workspace

NEWEST_RUNS = 50
"""As many are offered to start from."""


async def show(request: Request) -> Response:
    """The network of the draft."""
    site = Site.of(request)
    name, draft = await off_loop(lambda: draft_of(request, site.workspace))
    return remember(name, await _page(request, draft))


async def _page(request: Request, draft: Draft, problem: str = "", pasted: str | None = None) -> Response:
    """The view, or its part that changes. ``pasted``: a text that has mistakes, which ``problem`` tells."""
    site = Site.of(request)
    images, why = await off_loop(lambda: images_of(draft.spec, site.workspace))
    layers = stack_of(draft.spec)
    found = reading_of(draft, layers, images)
    shown: dict[str, Any] = {
        "draft": draft, "reading": found, "drawing": draw(found), "unknown": why, "problem": problem, "kinds": KINDS,
        "operations": show_operations(found.operations), "place": edits.place_for_new(layers),
        "text": to_text(layers) if pasted is None else pasted, "pasted": pasted is not None,
    }  # fmt: skip
    if "hx-request" in request.headers:
        return site.page(request, "network/editor.html", **shown)
    runs = await off_loop(lambda: site.store.runs(NEWEST_RUNS))
    return site.page(request, "network.html", view="network", runs=runs, presets=kinds_by_preset(), **shown)


def images_of(spec: Mapping[str, Any], workspace: Workspace) -> tuple[Images | None, str]:
    """What the draft's network has to know of its data, or why that is not known; reads files."""
    try:
        data = load(validated(DataSpec, spec.get("data", {}), title="The choice of data").source, workspace)
    except FittingRoomError as error:
        return None, str(error)
    return Images(data.name, data.shape, len(data.class_names)), ""


def reading_of(draft: Draft, layers: list[Plain], images: Images | None) -> Reading:
    train = draft.spec.get("train")
    return read(layers, images, train.get("freeze_up_to") if isinstance(train, dict) else None)


def kinds_by_preset() -> dict[str, list[str]]:
    """Every preset with the kinds of its layers."""
    return {name: [layer.layer for layer in from_toml(text).network] for name, text in presets().items()}


def show_operations(count: int) -> str:
    """``4.1 MFLOP``."""
    for size, unit in ((1e9, "GFLOP"), (1e6, "MFLOP"), (1e3, "kFLOP")):
        if count >= size:
            value = count / size
            return f"{value:.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"
    return f"{count} FLOP"


async def _edited(request: Request, change: Callable[[Draft, FormData], object]) -> Response:
    """Change the draft as a form says, and show it; where that cannot be, show why, and nothing has changed."""
    done = await edit_by_form(request, Site.of(request).workspace, change)
    if not done.problem and "hx-request" not in request.headers:
        return remember(done.name, RedirectResponse("/network", 303))
    return remember(done.name, await _page(request, done.draft, done.problem, done.pasted))


def _layers(change: Callable[[list[Plain], FormData], list[Plain]]) -> Callable[[Request], Any]:
    """A route that changes the list of layers."""

    def apply(draft: Draft, form: FormData) -> None:
        draft.change({**draft.spec, "network": change(stack_of(draft.spec), form)})

    async def route(request: Request) -> Response:
        return await _edited(request, apply)

    return route


def _word(form: FormData, name: str) -> str:
    """A value of a form; empty where it is missing."""
    return str(form.get(name, ""))


def _set(layers: list[Plain], form: FormData) -> list[Plain]:
    """Settings of layers: ``network.KEY.SETTING`` and its value, empty for none."""
    settings = [setting(path, str(value)) for path, value in form.items() if path.startswith("network.")]
    changed: list[Plain] = with_settings({"network": layers}, settings)["network"]
    return changed


def _add(layers: list[Plain], form: FormData) -> list[Plain]:
    """A new layer, before another or at the usual place."""
    before = _word(form, "before")
    if before not in edits.keys(layers):
        before = edits.place_for_new(layers)
    return edits.insert_before(layers, _word(form, "kind"), before)


def _act(layers: list[Plain], form: FormData) -> list[Plain]:
    """What the buttons of a layer do."""
    key, wish = _word(form, "row"), _word(form, "do")
    at = edits.find(layers, key)
    match wish:
        case "up":
            return edits.move(layers, key, at - 1)
        case "down":
            return edits.move(layers, key, at + 1)
        case "duplicate":
            return edits.duplicate(layers, key)
        case "remove":
            return edits.remove(layers, key)
        case _:
            raise NotFound(f'a layer cannot "{wish}"; up, down, duplicate and remove are there')


def _move(layers: list[Plain], form: FormData) -> list[Plain]:
    """A layer that was dragged to a position."""
    to = _word(form, "to")
    return edits.move(layers, _word(form, "row"), int(to) if to.isdecimal() and len(to) < 10 else len(layers))


async def rename(request: Request) -> Response:
    """Another name for a layer, wherever the spec refers to it."""
    return await _edited(
        request,
        lambda draft, form: draft.change(edits.renamed(draft.spec, _word(form, "row"), _word(form, "name").strip())),
    )


async def mend(request: Request) -> Response:
    """Do what a button beside a fault says; nothing, where that fault is gone meanwhile."""
    site = Site.of(request)

    def apply(draft: Draft, form: FormData) -> None:
        images, _ = images_of(draft.spec, site.workspace)
        found = reading_of(draft, stack_of(draft.spec), images).mend(_word(form, "row"), _word(form, "mend"))
        if found:
            draft.change({**draft.spec, "network": list(found.layers)})

    return await _edited(request, apply)


async def begin_from(request: Request) -> Response:
    """The network of a preset or of a stored run in place of the draft's; all else stays."""
    site = Site.of(request)

    def apply(draft: Draft, form: FormData) -> None:
        spec = spec_from(_word(form, "preset"), _word(form, "run"), site)
        draft.change({**draft.spec, "network": spec.to_json()["network"]})

    return await _edited(request, apply)


async def undo(request: Request) -> Response:
    """One step back, or forward again."""
    back = request.url.path.endswith("undo")
    return await _edited(request, lambda draft, form: draft.step_back() if back else draft.step_forward())


ROUTES = [
    Route("/network", show),
    Route("/network/set", _layers(_set), methods=["POST"]),
    Route("/network/add", _layers(_add), methods=["POST"]),
    Route("/network/layer", _layers(_act), methods=["POST"]),
    Route("/network/move", _layers(_move), methods=["POST"]),
    Route("/network/text", _layers(lambda layers, form: from_text(_word(form, "text"))), methods=["POST"]),
    Route("/network/rename", rename, methods=["POST"]),
    Route("/network/mend", mend, methods=["POST"]),
    Route("/network/from", begin_from, methods=["POST"]),
    Route("/network/undo", undo, methods=["POST"]),
    Route("/network/redo", undo, methods=["POST"]),
]
