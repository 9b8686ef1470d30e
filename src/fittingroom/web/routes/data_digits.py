"""Digits drawn from fonts: a recipe with a live sheet of what it draws, and the data set made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.data.sources import names, new_name
from fittingroom.data.synthetic.keeping import synthesize
from fittingroom.data.synthetic.parts import ON_A_SHEET, preview
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.web.digits import ROWS, Drawable, Typed
from fittingroom.web.once import once
from fittingroom.web.site import Site, off_loop
from fittingroom.web.tasks import Tasks

A_WHILE = {"Cache-Control": "private, max-age=3600"}


async def form(request: Request) -> Response:
    """The recipe as the address says it, and a sheet of what it draws."""
    return await _form(request, request.query_params)


async def sheet(request: Request) -> Response:
    """The sheet itself: the first images of the seed, as PNG."""
    typed = Typed.read(request.query_params)
    png = await off_loop(lambda: preview(typed.recipe(), ROWS))
    return Response(png, media_type="image/png", headers=A_WHILE)


async def make(request: Request) -> Response:
    """Begin to draw; the page that is shown next tells how far it has come."""
    site, given = Site.of(request), await request.form()
    typed = Typed.read(given)

    def check() -> str:
        if any(info.name == new_name(typed.name) for info in names(site.workspace)):
            return f'the workspace already has a data set "{typed.name}"; give another name'
        return Drawable.of(typed).problem

    tasks = Tasks.of(request)
    if not tasks.running(_key(typed.name)):
        try:
            problem = await off_loop(check)
            recipe = typed.recipe()
        except InvalidInput as error:
            return await _form(request, given, str(error), 422)
        if problem:
            return await _form(request, given, problem, 422)
        tasks.begin(
            _key(typed.name),
            lambda tell: synthesize(
                recipe, site.workspace, typed.name, lambda done: tell("Drawing", done, recipe.images)
            ),
            "Looking through the fonts",
        )
    return RedirectResponse(f"/data/digits/made?{typed.query}", 303)


async def made(request: Request) -> Response:
    """How far it has come, and in the end the data set itself."""
    typed = Typed.read(request.query_params)
    task = Tasks.of(request).known(_key(typed.name))
    if task is None:
        raise NotFound("this is not known any more; draw it again")
    if task.state == "done":
        address = f"/data/set?{urlencode({'name': typed.name})}"
        if "hx-request" in request.headers:
            return Response(headers={"HX-Redirect": address})
        return RedirectResponse(address, 303)
    return Site.of(request).page(request, "data/making.html", view="data", typed=typed, task=task)


async def cancel(request: Request) -> Response:
    """Draw no more; nothing is left of it."""
    typed = Typed.read(await request.form())
    if (task := Tasks.of(request).known(_key(typed.name))) is not None:
        task.cancel()
    return RedirectResponse(f"/data/digits/made?{typed.query}", 303)


async def _form(request: Request, given: Mapping[str, Any], problem: str = "", status: int = 200) -> Response:
    typed = Typed.read(given)
    drawable = await off_loop(lambda: Drawable.of(typed))
    if drawable.faults and status != 200:
        problem = ""  # each is told where it is
    return Site.of(request).page(
        request, "data/digits.html", status, view="data", typed=typed, drawable=drawable, problem=problem,
        columns=ON_A_SHEET,
    )  # fmt: skip


def _key(name: str) -> tuple[str, str]:
    return "digits", name


ROUTES = [
    Route("/data/digits", form),
    Route("/data/digits", once(make), methods=["POST"]),
    Route("/data/digits/sheet", sheet),
    Route("/data/digits/made", made),
    Route("/data/digits/cancel", cancel, methods=["POST"]),
]
