"""The view Look inside: what every layer of a trained network makes of one picture, which stays the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.store import RunDetails, RunSummary
from fittingroom.web import results as found
from fittingroom.web.chosen import choose, chosen_among
from fittingroom.web.inference import Inference, Job
from fittingroom.web.inside import colours, look, picks, pictures
from fittingroom.web.inside.choice import Choice, number
from fittingroom.web.inside.filters import Filters
from fittingroom.web.inside.look import Look
from fittingroom.web.inside.pictures import LONGEST, Picture, Pictures
from fittingroom.web.inside.silence import Silence, extremes
from fittingroom.web.results import Results
from fittingroom.web.sheets import image_of, whole_number
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop

RUNS_TO_CHOOSE_FROM = 200
STOPS = 8
"""Of the drawn scale of colours, on each side of zero."""


@dataclass(frozen=True, eq=False)
class Opened:
    """What is chosen, as far as it is there."""

    run: RunDetails
    runs: list[RunSummary]
    choice: Choice
    results: Results | None = None
    picture: Picture | None = None
    pinned: picks.Pinned | None = None
    waiting: str = ""
    problem: str = ""


async def show(request: Request) -> Response:
    """Every layer, and one of them large. Without a picture, one is pinned first."""
    site = Site.of(request)
    opened = await off_loop(lambda: _open(request, site))
    if opened is None:
        return site.page(request, "inside/none.html", view="inside")
    if not (opened.choice.has_picture or opened.problem or opened.waiting):
        assert opened.results is not None
        return RedirectResponse(replace(opened.choice, image=int(opened.results.indices[0])).at(), 303)
    values: dict[str, Any] = {"opened": opened, "choice": opened.choice, "scale": _scale()}
    if opened.picture is not None:
        try:
            values |= await _look(request, opened)
        except FittingRoomError as error:
            values["opened"] = replace(opened, problem=str(error))
    status = 422 if values["opened"].problem else 200
    return choose(opened.run.id, site.page(request, "inside/view.html", status, view="inside", **values))


def _open(request: Request, site: Site) -> Opened | None:
    """None where there is nothing to look into; raises NotFound for a run that is not there."""
    runs = [run for run in site.store.runs(RUNS_TO_CHOOSE_FROM) if run.best_epoch is not None]
    asked = request.query_params.get("run")
    if not runs and not asked:
        return None
    run = site.store.run(asked or chosen_among(request, (run.id for run in runs)) or runs[0].id)
    opened = Opened(run, runs, Choice(run.id), waiting=found.waiting_for(run))
    if opened.waiting:
        return opened
    try:
        opened = replace(opened, results=found.read(run, site.workspace, Shelf.of(request)))
        opened = replace(opened, choice=Choice.read(request.query_params, run.id))
        return _with_picture(opened, Pictures.of(request))
    except FittingRoomError as error:
        return replace(opened, problem=str(error))


def _with_picture(opened: Opened, drawings: Pictures) -> Opened:
    """With the pixels that are looked at; raises NotFound where they are not there."""
    choice, results = opened.choice, opened.results
    assert results is not None
    if choice.drawing:
        return replace(opened, picture=drawings.find(choice.drawing))
    if results.data is None:
        return replace(opened, problem=f"{results.no_images}\nDraw something, or choose an image file.")
    if choice.image is None:
        return opened
    pinned = picks.Pinned.of(results, choice.image)
    return replace(opened, pinned=pinned, picture=Picture(image_of(results.data, choice.image)))


async def _look(request: Request, opened: Opened) -> dict[str, Any]:
    """All that the network makes of the picture; raises what the engine raises, and NotFound for no such layer."""
    inference, choice = Inference.of(request), opened.choice
    results, picture = opened.results, opened.picture
    assert results is not None
    assert picture is not None
    asked = {"run": choice.run, "exact": picture.exact}
    answer = await inference.ask("inside", asked, {"picture_HWC": picture.pixels_HWC})
    weights = await inference.ask("filters", {"run": choice.run, "first": 0, "count": 1, "side": 1})
    silence = Silence.of(choice.run, answer.words["sha256"], results.indices)
    job = inference.known(silence.key) or silence.begin(inference)
    seen, filters = Look.of(choice, answer, extremes(job)), Filters.of(choice, weights)
    layer = seen.layer(choice.layer or filters.layer or seen.layers[0].name)
    channel = (
        layer.channel(layer.strongest if choice.channel is None else choice.channel) if layer.has_channels else None
    )
    return {
        "choice": replace(choice, layer=layer.name),
        "look": seen,
        "filters": filters,
        "layer": layer,
        "neighbours": seen.neighbours(layer),
        "channel": channel,
        "shown": look.shown(layer, all=choice.all),
        "most": look.MOST_SHOWN,
        "silence": silence,
        "job": job,
    }


def _scale() -> list[tuple[float, str]]:
    """Stops of the scale of colours, from -1 to 1."""
    return [(step / STOPS, colours.hexadecimal(step / STOPS)) for step in range(-STOPS, STOPS + 1)]


async def pick(request: Request) -> Response:
    """Pin a validation image that is chosen by chance, ``?run=cnn-1&class=3``, and go on where the page was."""
    site, query = Site.of(request), request.query_params

    def choose() -> str:
        run = site.store.run(query.get("run", ""))
        results = found.read(run, site.workspace, Shelf.of(request))
        image = picks.any_of(results, number(query, "class"))
        return replace(Choice.read(query, run.id), image=image, drawing="").at()

    return RedirectResponse(await off_loop(choose), 303)


async def draw(request: Request) -> Response:
    """Remember a drawing: the bytes of its pixels, ``?height=28&width=28&channels=1``. Answers what names it."""
    query = request.query_params
    height, width = (whole_number(query, name, default=0, most=LONGEST) for name in ("height", "width"))
    channels = whole_number(query, "channels", default=1, most=3)
    drawing = pictures.drawn(await _body(request, LONGEST * LONGEST * 3), height, width, channels)
    return JSONResponse({"drawing": Pictures.of(request).keep(drawing)})


async def upload(request: Request) -> Response:
    """Look at an image file, in the run and at the layer that the form names."""
    await _body_fits(request, pictures.LARGEST_FILE)
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        content, name = (await file.read(), file.filename or "") if isinstance(file, UploadFile) else (b"", "")
        query = {key: str(value) for key, value in form.items() if key != "file"}
    drawing = Pictures.of(request).keep(await off_loop(lambda: pictures.from_file(content, name)))
    return RedirectResponse(replace(Choice.read(query, query.get("run", "")), image=None, drawing=drawing).at(), 303)


async def _body_fits(request: Request, most: int) -> None:
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > most:
        raise InvalidInput(f"this is larger than {most >> 20} MiB, or its size is not told; give a smaller image")


async def _body(request: Request, most: int) -> bytes:
    await _body_fits(request, most)
    return await request.body()


async def measured(request: Request) -> Response:
    """How far the measurement of a run's channels has come; POST begins or cancels it."""
    inference, query = Inference.of(request), request.query_params
    site, choice = Site.of(request), Choice.read(query, query.get("run", ""))
    run = await off_loop(lambda: site.store.run(choice.run))
    results = await off_loop(lambda: found.read(run, site.workspace, Shelf.of(request)))
    if (best := run.artifacts.get("best")) is None:
        raise NotFound(f"{run.id} has no weights yet; load the page again")
    silence = Silence.of(run.id, best.sha256, results.indices)
    job: Job | None = inference.known(silence.key)
    if request.method == "POST" and query.get("do") == "cancel" and job is not None:
        await inference.cancel(job)
    elif request.method == "POST" or job is None:
        job = silence.begin(inference)
    if "hx-request" not in request.headers:
        return RedirectResponse(choice.at(), 303)
    return site.page(request, "inside/silence.html", choice=choice, silence=silence, job=job, arrived=True)


ROUTES = [
    Route("/inside", show),
    Route("/inside/pick", pick),
    Route("/inside/drawing", draw, methods=["POST"]),
    Route("/inside/upload", upload, methods=["POST"]),
    Route("/inside/silence", measured, methods=["GET", "POST"]),
]
