"""A new study: what varies on top of which run, what that comes to, and Start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.measure.study import MEASURES
from fittingroom.queue.stored import spec_of
from fittingroom.queue.studies import submit_study
from fittingroom.queue.study_time import beside
from fittingroom.spec.run import RunSpec
from fittingroom.web.begin import spec_from
from fittingroom.web.drafts import draft_of
from fittingroom.web.expected import Timings, threads_of
from fittingroom.web.inference import Inference
from fittingroom.web.once import once
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop
from fittingroom.web.study.making import Making, in_short, make
from fittingroom.web.study.time import StudyTime, arm_times, expect_study
from fittingroom.web.study.variables import POPULAR, Variable, variables_of
from fittingroom.web.study.wish import MOST_AXES, Wish
from fittingroom.web.waiting import Waiting

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
    wish = Wish.read(said, variables)
    return Read(bases, wish, variables, make(wish, bases, variables, site.workspace, shelf.split))


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
    site, shelf = Site.of(request), Shelf.of(request)
    found = await off_loop(lambda: _read(request, said))
    groups: dict[str, list[Variable]] = {}
    for variable in found.variables.values():
        groups.setdefault(variable.group, []).append(variable)
    told_of = 422 if problem and "hx-request" not in request.headers else 200
    answer = site.page(
        request, "studies/new.html", told_of, view="studies", wish=found.wish, making=found.making, groups=groups,
        bases=found.bases, in_short=list(in_short(found.making.base)), problem=problem,
        measures=list(MEASURES.values()), measure=MEASURES.get(found.wish.measure, MEASURES["validation_accuracy"]),
        most_axes=MOST_AXES, popular=[found.variables[path] for path in POPULAR if path in found.variables],
        expected=await _expect(request, found, shelf, begin=False),
        recent=await off_loop(lambda: site.store.runs(RECENT_RUNS)),
    )  # fmt: skip
    if "hx-request" in request.headers:
        answer.headers["HX-Push-Url"] = found.wish.address
    return answer


async def as_text(request: Request) -> Response:
    """The study as the text file that the command line runs."""
    found = await off_loop(lambda: _read(request, request.query_params))
    if found.making.study is None:
        raise InvalidInput("this study has faults, or nothing varies yet; mend it where it is made")
    return Response(
        found.making.study.to_toml(), media_type="application/toml",
        headers={"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="study.toml"'},
    )  # fmt: skip


async def time(request: Request) -> Response:
    """How long the study would take; asks again until that is known."""
    site, shelf = Site.of(request), Shelf.of(request)
    found = await off_loop(lambda: _read(request, request.query_params))
    return site.page(request, "studies/time.html", expected=await _expect(request, found, shelf, begin=True))


async def _expect(request: Request, found: Read, shelf: Shelf, *, begin: bool) -> StudyTime:
    site, making = Site.of(request), found.making
    ask = f"/studies/new/time?{found.wish.query}"
    if making.study is None or not making.ready:
        return StudyTime("none", ask=ask)
    threads = await off_loop(lambda: threads_of(site.store))
    planned = [each.arm for each in making.arms]
    timed = await off_loop(lambda: arm_times(planned, site.workspace, threads, shelf.split))
    waiting = await off_loop(lambda: Waiting.of(site.store))
    more = await off_loop(lambda: beside(site.store))
    return replace(expect_study(timed, making.study.seeds, more, waiting, request, threads, begin=begin), ask=ask)


async def start(request: Request) -> Response:
    """Put the study into the queue, and go to see it."""
    site, form = Site.of(request), await request.form()
    found = await off_loop(lambda: _read(request, form))
    study = found.making.study
    if study is None or not found.making.ready:
        return await _show(request, form, "This study cannot start yet; what is wrong is marked below.")
    try:
        await Timings.of(request).make_way(Inference.of(request))
        known = await off_loop(lambda: submit_study(study, site.workspace))
    except InvalidInput as error:
        return await _show(request, form, str(error))
    return RedirectResponse(f"/studies/{quote(known)}", 303)


ROUTES = [
    Route("/studies/new", setup),
    Route("/studies/new/study.toml", as_text),
    Route("/studies/new/time", time),
    Route("/studies/start", once(start), methods=["POST"]),
]
