"""The view Results: what the best weights of a run are worth on its validation images, and the images behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import FittingRoomError
from fittingroom.store import RunDetails, RunSummary
from fittingroom.web import results as found
from fittingroom.web.chosen import choose, chosen_among
from fittingroom.web.inference import Inference
from fittingroom.web.results import LARGE_CELL, LEVELS, Results, Selection
from fittingroom.web.routes.robustness import measurement
from fittingroom.web.sheets import CELL
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop

RUNS_TO_CHOOSE_FROM = 200
IMAGES_ON_A_PAGE = 60
WORST_MISTAKES = 24
CONFUSED_PAIRS = 5


async def newest(request: Request) -> Response:
    """The run that was looked at last, else the newest one with results; without any, what to do first."""
    site = Site.of(request)
    runs = await off_loop(lambda: site.store.runs(RUNS_TO_CHOOSE_FROM))
    if not runs:
        return site.page(request, "results/none.html", view="results")
    newest = next((run.id for run in runs if run.best_epoch is not None), runs[0].id)
    chosen = request.query_params.get("run") or chosen_among(request, (run.id for run in runs)) or newest
    run = await off_loop(lambda: site.store.run(chosen))
    return RedirectResponse(f"/results/{run.id}", 303)


async def show(request: Request) -> Response:
    """All results of a run, with the images of a cell of its confusion matrix where one is chosen."""
    site = Site.of(request)
    values = await off_loop(lambda: _read(request, site))
    values |= measurement(values["run"], Inference.of(request))
    if "hx-request" not in request.headers or "hx-history-restore-request" in request.headers:
        return choose(values["run"].id, site.page(request, "results/run.html", view="results", **values))
    if "results" not in values:  # they have gone since the page was shown
        return Response(headers={"HX-Redirect": str(request.url)})
    return site.page(request, "results/confusion.html", **values)


def _read(request: Request, site: Site) -> dict[str, Any]:
    """The results of the run that is asked for, or why there are none."""
    run = site.store.run(request.path_params["run"])
    values = {"run": run, "runs": _with(run, site.store.runs(RUNS_TO_CHOOSE_FROM))}
    if waiting := found.waiting_for(run):
        return values | {"waiting": waiting}
    try:
        results = found.read(run, site.workspace, Shelf.of(request))
    except FittingRoomError as error:
        return values | {"problem": str(error)}
    query = request.query_params
    chosen = Selection.read(query, results) if request.url.path.endswith("/cell") else None
    return values | _everything(results, site, chosen, query.get("show") == "rates", _page(query.get("page", "")))


def _with(run: RunDetails, runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The runs to choose from, the shown one among them."""
    return [*runs] if any(each.id == run.id for each in runs) else [*runs, run]


def _everything(results: Results, site: Site, cell: Selection | None, rates: bool, page: int) -> dict[str, Any]:
    """What the templates show of a run that has results."""
    evaluation = results.evaluation
    worst = [mistake.image for mistake in evaluation.worst_mistakes(WORST_MISTAKES)]
    return {
        "results": results,
        "headline": found.headline(evaluation),
        "rates": rates,
        "matrix": found.matrix(evaluation, rates=rates),
        "levels": LEVELS,
        "cell": cell,
        "opened": _opened(results, cell, page) if cell else None,
        "pairs": found.confused_pairs(evaluation, CONFUSED_PAIRS),
        "worst": found.sheet(results, worst, LARGE_CELL),
        "reliability": found.reliability(evaluation),
        "calibration_in_words": found.calibration_in_words(evaluation),
        "test": found.SealedTest.of(results.run, site.store, site.workspace),
        "test_score": found.test_score,
    }


def _opened(results: Results, cell: Selection, page: int) -> dict[str, Any]:
    """The images of a cell, a page of them at a time."""
    positions = found.in_cell(results, cell).tolist()
    pages = max(-(-len(positions) // IMAGES_ON_A_PAGE), 1)
    page = min(page, pages)
    start = (page - 1) * IMAGES_ON_A_PAGE
    sheet = found.sheet(results, positions[start : start + IMAGES_ON_A_PAGE], CELL)
    return {"sheet": sheet, "images": len(positions), "first": start + 1, "page": page, "pages": pages}


async def image(request: Request) -> Response:
    """One validation image, large, with all that the network said of it."""
    site = Site.of(request)

    def about() -> dict[str, Any]:
        run = site.store.run(request.path_params["run"])
        results = found.read(run, site.workspace, Shelf.of(request))
        return _about_image(request.path_params["index"], results, site)

    return site.page(request, "results/image.html", view="results", **await off_loop(about))


def _about_image(index: int, results: Results, site: Site) -> dict[str, Any]:
    """What is said of one image, and its neighbours in its cell of the confusion matrix."""
    position = found.position_of(index, results)
    cell = results.cell_of(position)
    others = found.in_cell(results, cell).tolist()
    place = others.index(position)
    return {
        "results": results,
        "index": index,
        "cell": cell,
        "confidence": float(results.evaluation.confidence[position]),
        "probabilities": found.probabilities(results, position, site.workspace),
        "place": place + 1,
        "images": len(others),
        "before": int(results.indices[others[place - 1]]) if place else None,
        "after": int(results.indices[others[place + 1]]) if place + 1 < len(others) else None,
    }


def _page(text: str) -> int:
    """A page number in an address; the first one for anything else."""
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 10 else 1


ROUTES = [
    Route("/results", newest),
    Route("/results/{run}", show),
    Route("/results/{run}/cell", show),
    Route("/results/{run}/image/{index:int}", image),
]
