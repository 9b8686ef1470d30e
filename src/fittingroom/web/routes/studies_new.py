"""A new study: what varies on top of which run, what that comes to, and Start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.measure.study import MEASURES
from fittingroom.queue.stored import spec_of
from fittingroom.spec.run import RunSpec
from fittingroom.web.begin import spec_from
from fittingroom.web.drafts import draft_of
from fittingroom.web.once import once
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop
from fittingroom.web.study.begin import begin
from fittingroom.web.study.files import files_within_reach
from fittingroom.web.study.in_short import in_short
from fittingroom.web.study.making import Making, make
from fittingroom.web.study.time import StudyTime, expect_plan
from fittingroom.web.study.variables import POPULAR, Variable, variables_of
from fittingroom.web.study.wish import MOST_AXES, Wish

RECENT_RUNS = 30


async def setup(request: Request) -> Response:
    """What would be started, and everything that it can be made from."""
    said = request.query_params
    if "hx-request" not in request.headers and {"add", "drop"} & set(said):
        found = await off_loop(lambda: _read(request, said))
        return RedirectResponse(found.wish.address, 303)  # so that a reload does not do it again
    return await _show(request, said)


@dataclass(frozen=True)
class Read:
    """A request that was read: its base, what is wished for, what of the base can vary, and what that comes to."""

    bases: Mapping[str, RunSpec]
    wish: Wish
    variables: Mapping[str, Variable]
    making: Making


def _read(request: Request, said: QueryParams | FormData) -> Read:
    """Raises InvalidInput where there is no base; reads the database and the data."""
    site, shelf = Site.of(request), Shelf.of(request)
    first = Wish.read(said, {})
    bases = {"": _base(request, first, site)} if not first.run else _runs((first.run, *first.others), site)
    variables = {each.path: each for each in variables_of(next(iter(bases.values())))}
    wish, check = Wish.read(said, variables), files_within_reach(request, bases.values())
    return Read(bases, wish, variables, make(wish, bases, variables, site, check, shelf.split))


def _runs(wanted: Sequence[str], site: Site) -> dict[str, RunSpec]:
    """By their ids."""
    found = [site.store.run(run) for run in wanted]
    return {run.id: spec_of(run) for run in found}


def _base(request: Request, wish: Wish, site: Site) -> RunSpec:
    """The preset that is wished for, else what is set up in Train."""
    if wish.preset:
        return spec_from(wish.preset, "", site)
    _, draft = draft_of(request, site.workspace)
    spec, mistakes = draft.read()
    if spec is None:
        raise InvalidSpec(mistakes, title="what is set up in Train has faults; mend them there, or begin from a run")
    return spec


async def _show(request: Request, said: QueryParams | FormData, problem: str = "") -> Response:
    site, found = Site.of(request), await off_loop(lambda: _read(request, said))
    groups: dict[str, list[Variable]] = {}
    for variable in found.variables.values():
        groups.setdefault(variable.group, []).append(variable)
    told_of = 422 if problem and "hx-request" not in request.headers else 200
    answer = site.page(
        request, "studies/new.html", told_of, view="studies", wish=found.wish, making=found.making, groups=groups,
        bases=found.bases, in_short=list(in_short(found.making.base)), problem=problem,
        measures=list(MEASURES.values()), measure=MEASURES.get(found.wish.measure, MEASURES["validation_accuracy"]),
        popular=[found.variables[path] for path in POPULAR if path in found.variables],
        usual=Wish(), most_axes=MOST_AXES,
        expected=await _expect(request, found, begin=False),
        recent=await off_loop(lambda: site.store.runs(RECENT_RUNS)),
    )  # fmt: skip
    if "hx-request" in request.headers:
        answer.headers["HX-Push-Url"] = found.wish.address
    return answer


async def as_text(request: Request) -> Response:
    """The study as the text file that the command line runs."""
    found = await off_loop(lambda: _read(request, request.query_params))
    if found.making.plan is None:
        raise InvalidInput("this study has faults, or nothing varies yet; mend it where it is made")
    return Response(
        found.making.plan.study.to_toml(), media_type="application/toml",
        headers={"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="study.toml"'},
    )  # fmt: skip


async def time(request: Request) -> Response:
    """How long the study would take; asks again until that is known."""
    found = await off_loop(lambda: _read(request, request.query_params))
    return Site.of(request).page(request, "studies/time.html", expected=await _expect(request, found, begin=True))


async def _expect(request: Request, found: Read, *, begin: bool) -> StudyTime:
    plan, ask = found.making.plan, f"/studies/new/time?{found.wish.query}"
    return await expect_plan(request, plan, ask, begin=begin) if plan else StudyTime("none", ask=ask)


async def start(request: Request) -> Response:
    """Put the study into the queue, and go to see it."""
    form = await request.form()
    found = await off_loop(lambda: _read(request, form))
    if found.making.plan is None or not found.making.ready:
        return await _show(request, form, "This study cannot start yet; what is wrong is marked below.")
    try:
        return await begin(request, found.making.plan.study)
    except InvalidInput as error:
        return await _show(request, form, str(error))


ROUTES = [
    Route("/studies/new", setup),
    Route("/studies/new/study.toml", as_text),
    Route("/studies/new/time", time),
    Route("/studies/start", once(start), methods=["POST"]),
]
