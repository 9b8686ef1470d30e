"""Studies that come with Fitting Room: begun with one click, with the time that they will take."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fittingroom.spec.arms import arms
from fittingroom.web.expected import threads_of
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop
from fittingroom.web.study.begin import begin
from fittingroom.web.study.shipped import shipped_study
from fittingroom.web.study.time import ArmTimes, arm_times, expect_arms


async def begin_shipped(request: Request) -> Response:
    """Put a shipped study into the queue, or let it go on, and go to see it."""
    small = (await request.form()).get("size") == "small"
    return await begin(request, shipped_study(request.path_params["key"], small=small))


async def time_of_shipped(request: Request) -> Response:
    """How long a shipped study would take; asks again until that is known."""
    site, shelf, key = Site.of(request), Shelf.of(request), request.path_params["key"]
    size = "small" if request.query_params.get("size") == "small" else "full"
    spec = shipped_study(key, small=size == "small")
    threads = await off_loop(lambda: threads_of(site.store))
    found = await ArmTimes.of(request).get(
        (key, size, threads), lambda: arm_times(arms(spec), site.workspace, threads, shelf.split)
    )
    ask = f"/studies/shipped/{quote(key)}/time?size={size}"
    expected = await expect_arms(request, found, spec.seeds, threads, ask, begin=True)
    return site.page(request, "studies/time.html", expected=expected)


ROUTES = [
    Route("/studies/shipped/{key}", begin_shipped, methods=["POST"]),
    Route("/studies/shipped/{key}/time", time_of_shipped),
]
