"""The view Studies: the list, what one has found while it goes on and after, and what can be asked of it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.measure.verdicts import judge
from fittingroom.queue.studies import (
    StudySummary,
    add_seeds,
    delete_study,
    enter_study,
    restore_study,
    results_of,
    spec_of_study,
    stop_study,
    summaries_of,
    summary_of,
)
from fittingroom.report.figures import style
from fittingroom.spec.mistakes import many
from fittingroom.store import Store
from fittingroom.web.once import once
from fittingroom.web.site import Site, off_loop
from fittingroom.web.study.shipped import shipped_studies
from fittingroom.web.study.standing import OPEN
from fittingroom.web.study.view import View, read_view

MOST_JUDGED = 50
"""Of the newest studies the list tells the verdict."""


@dataclass(frozen=True)
class Line:
    """One study of the list."""

    summary: StudySummary
    state: str
    verdict: str


async def listing(request: Request) -> Response:
    """All studies, and those that come with Fitting Room."""
    site, query = Site.of(request), request.query_params
    lines = await off_loop(lambda: _lines(site.store))
    there = {line.summary.id for line in lines}
    deleted, restored = query.get("deleted", ""), query.get("restored", "")
    return site.page(
        request, "studies.html", view="studies", lines=lines, shipped=await off_loop(shipped_studies),
        open=any(line.summary.state in OPEN for line in lines),
        deleted="" if deleted in there else deleted, kept="kept" in query,
        restored=restored if restored in there else "",
    )  # fmt: skip


def _lines(store: Store) -> list[Line]:
    return [
        Line(summary, _state(summary), "" if summary.problem or place >= MOST_JUDGED else _verdict(store, summary))
        for place, summary in enumerate(summaries_of(store))
    ]


def _state(summary: StudySummary) -> str:
    state = {"queued": "waits"}.get(summary.state, summary.state)
    return state if summary.state == "finished" else f"{state} · {summary.finished} of {many(summary.runs, 'run')}"


def _verdict(store: Store, summary: StudySummary) -> str:
    """In a line; nothing where the study cannot be read, so that the others can be seen all the same."""
    with suppress(FittingRoomError):
        return judge(results_of(store, summary.id)).headline
    return ""


async def watch(request: Request) -> Response:
    """What a study has found by now; nothing for a page that has seen it already."""
    site, query, study = Site.of(request), request.query_params, request.path_params["study"]
    summary = await off_loop(lambda: summary_of(site.store, study))
    if summary.problem:
        return await _show_unreadable(request, summary)
    view = await off_loop(lambda: read_view(site.store, study))
    if "hx-request" in request.headers and query.get("seen") == view.version:
        return Response(status_code=204)
    return await _show(request, view, query.get("told", ""))


async def _show(request: Request, view: View, told: str = "", problem: str = "", status: int = 200) -> Response:
    site = Site.of(request)
    await off_loop(lambda: view.shown)
    return site.page(
        request, "studies/study.html", status, view="studies", study=view, told=TOLD.get(told, ""),
        problem=problem, figures_version=_digest(style()), again="hx-request" in request.headers,
    )  # fmt: skip


async def _show_unreadable(request: Request, summary: StudySummary) -> Response:
    """What is wrong, and what can be done about a study that cannot be read: its runs are there all the same."""
    site = Site.of(request)
    runs = await off_loop(lambda: [run.id for run in site.store.studies.places(summary.id).values()])
    return site.page(
        request, "studies/unreadable.html", view="studies", summary=summary, runs=runs,
        open=summary.state in OPEN, told=TOLD.get(request.query_params.get("told", ""), ""),
    )  # fmt: skip


TOLD = {
    "seeds": "More seeds wait to be trained; what has finished stays.",
    "stopped": "It is stopped: what is in training ends after the step at hand. Go on takes all of its runs up again.",
    "on": "It goes on: what was stopped or is missing waits to be trained.",
}  # fmt: skip
"""What a page says after something was asked, by a word in its address."""


async def style_of_figures(request: Request) -> Response:
    """The style sheet of all figures of reports."""
    for_ever = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(style(), media_type="text/css", headers=for_ever)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


async def as_text(request: Request) -> Response:
    """The study as the text file that the command line runs."""
    site = Site.of(request)
    spec = await off_loop(lambda: spec_of_study(site.store.studies.study(request.path_params["study"])))
    named = {"Content-Disposition": 'attachment; filename="study.toml"', "Cache-Control": "no-store"}
    return Response(spec.to_toml(), media_type="application/toml", headers=named)


async def more_seeds(request: Request) -> Response:
    """Train every arm with more seeds."""
    site, form = Site.of(request), await request.form()
    count = str(form.get("count", ""))
    return await _ask(request, lambda study: add_seeds(study, _whole(count), site.workspace), "seeds")


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 3:
        raise InvalidInput(f'"{text[:20]}" is no number of seeds; give a whole number from 1')
    return int(text)


async def stop(request: Request) -> Response:
    """Stop all of its runs that wait or are trained."""
    site = Site.of(request)
    return await _ask(request, lambda study: stop_study(study, site.workspace), "stopped")


async def go_on(request: Request) -> Response:
    """Take up again what was stopped, and train what is missing."""
    site = Site.of(request)

    def work(study: str) -> None:
        record = site.store.studies.study(study)
        enter_study(spec_of_study(record), site.workspace, priority=record.priority, study=record.id)

    return await _ask(request, work, "on")


async def _ask(request: Request, work: Any, told: str) -> Response:
    """Do something with a study and show it again; what cannot be done is said on its page."""
    site, study = Site.of(request), request.path_params["study"]
    known = await off_loop(lambda: site.store.studies.study(study).id)
    try:
        await off_loop(lambda: work(known))
    except InvalidInput as error:
        view = await off_loop(lambda: read_view(site.store, known))
        return await _show(request, view, problem=str(error), status=422)
    return RedirectResponse(f"{_address_of(known)}?told={told}", 303)


async def delete(request: Request) -> Response:
    """Forget a study, its runs too unless they are to be kept; both can be brought back."""
    site, form = Site.of(request), await request.form()
    study, keep = request.path_params["study"], form.get("keep") == "runs"
    known = await off_loop(lambda: site.store.studies.study(study).id)
    try:
        await off_loop(lambda: delete_study(known, site.workspace, keep_runs=keep))
    except InvalidInput as error:
        view = await off_loop(lambda: read_view(site.store, known))
        return await _show(request, view, problem=str(error), status=422)
    said = [("deleted", known), *([("kept", "1")] if keep else [])]
    return RedirectResponse(f"/studies?{urlencode(said)}", 303)


async def restore(request: Request) -> Response:
    """Bring a deleted study back; one that is back already stays as it is."""
    site, study = Site.of(request), str((await request.form()).get("study", ""))
    with suppress(NotFound):
        await off_loop(lambda: restore_study(study, site.workspace))
    return RedirectResponse(f"/studies?{urlencode({'restored': study})}", 303)


def _address_of(study: str) -> str:
    return f"/studies/{quote(study)}"


ROUTES = [
    Route("/studies", listing),
    Route("/studies/figures.css", style_of_figures),
    Route("/studies/restore", restore, methods=["POST"]),
    Route("/studies/{study}", watch),
    Route("/studies/{study}/study.toml", as_text),
    Route("/studies/{study}/seeds", once(more_seeds), methods=["POST"]),
    Route("/studies/{study}/stop", once(stop), methods=["POST"]),
    Route("/studies/{study}/go-on", once(go_on), methods=["POST"]),
    Route("/studies/{study}/delete", delete, methods=["POST"]),
]
