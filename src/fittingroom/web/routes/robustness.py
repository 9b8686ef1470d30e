"""Robustness in the view Results: measured when somebody asks for it, with the validation images that were harmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import NotFound
from fittingroom.measure.robustness import KINDS, MOST_IMAGES, Kind, Measured, Robustness
from fittingroom.store import RunDetails
from fittingroom.web.inference import Inference, Job
from fittingroom.web.sheets import CELL, FOR_EVER, sheet
from fittingroom.web.site import Site, off_loop

FORMS_IN_A_ROW = 5


@dataclass(frozen=True)
class Point:
    """One strength of one kind as it is shown: its score, and where the example lies on the sheet."""

    measured: Measured
    shown: str
    worse: bool
    """Whether it costs more than chance could."""
    row: int
    column: int


def key(run: RunDetails) -> tuple[str, str, str]:
    """By which a measurement is found again: these very weights. Raises NotFound where there are none."""
    if "best" not in run.artifacts:
        raise NotFound(f'run "{run.id}" has no weights yet; its robustness can be measured after its first epoch')
    return "robustness", run.id, run.artifacts["best"].sha256


def measurement(run: RunDetails, inference: Inference) -> Mapping[str, Any]:
    """What the templates show: the measurement as it stands, if one was begun."""
    job = inference.known(key(run)) if "best" in run.artifacts else None
    shown: dict[str, Any] = {"run": run, "job": job, "kinds": KINDS, "most_images": MOST_IMAGES, "robustness": None}
    if job is None or job.result is None:
        return shown
    words, (_, height, width, _) = job.result.words, job.result.arrays["forms_NHWC"].shape
    found = Robustness.of(words["n"], words["clean"], words["counts"])
    tall = max(round(CELL * height / width), 1)
    return shown | {"robustness": found, "charts": [(kind, list(points(kind, found))) for kind in KINDS],
                    "width": CELL, "height": tall, "columns": FORMS_IN_A_ROW, "rows": 1 + len(KINDS)}  # fmt: skip


def points(kind: Kind, found: Robustness) -> Iterator[Point]:
    """In the order of the strengths. The sheet begins with the unharmed image; each kind has a row of its own."""
    worse, row = found.worse(), 1 + KINDS.index(kind)
    for each in found.points(kind):
        if each is found.clean:
            yield Point(each, "as it is", False, 0, 0)
        else:
            column = kind.strengths.index(each.strength)
            yield Point(each, kind.shown(each.strength), (kind.name, each.strength) in worse, row, column)


async def show(request: Request) -> Response:
    """The measurement as it stands, as a part of the page; the whole page where that is asked for."""
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/results/{request.path_params['run']}#robustness", 303)
    site = Site.of(request)
    run = await off_loop(lambda: site.store.run(request.path_params["run"]))
    return site.page(request, "results/robustness.html", **measurement(run, Inference.of(request)))


async def begin(request: Request) -> Response:
    """Measure it; asked for twice, it happens once."""
    site, inference = Site.of(request), Inference.of(request)
    run = await off_loop(lambda: site.store.run(request.path_params["run"]))
    inference.begin("robustness", {"run": run.id}, key=key(run))
    return await show(request)


async def cancel(request: Request) -> Response:
    """Do not measure it after all."""
    site, inference = Site.of(request), Inference.of(request)
    run = await off_loop(lambda: site.store.run(request.path_params["run"]))
    if (job := inference.known(key(run))) is not None:
        await inference.cancel(job)
    return await show(request)


async def forms(request: Request) -> Response:
    """One image as it is, and in every way in which it was harmed, in rows."""
    job: Job = Inference.of(request).job(request.path_params["id"])
    if job.result is None:
        raise NotFound("nothing has been measured yet")
    images = [*job.result.arrays["forms_NHWC"]]
    blank = images[0]
    rows = [[images[0]], *([images[1 + 4 * row + column] for column in range(4)] for row in range(len(KINDS)))]
    filled = [image for row in rows for image in [*row, *[blank] * (FORMS_IN_A_ROW - len(row))]]
    png = await off_loop(lambda: sheet(filled, FORMS_IN_A_ROW))
    return Response(png, media_type="image/png", headers=FOR_EVER)


ROUTES = [
    Route("/results/{run}/robustness", show),
    Route("/results/{run}/robustness", begin, methods=["POST"]),
    Route("/results/{run}/robustness/cancel", cancel, methods=["POST"]),
    Route("/results/{run}/robustness/forms/{id}", forms),
]
