"""The deliberate step in which a sealed test set is opened: what it means, which runs are scored, and what came out."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.measure.evaluate import show_accuracy
from fittingroom.store import RunDetails, RunSummary, Store
from fittingroom.web.inference import Inference
from fittingroom.web.results import SealedTest
from fittingroom.web.site import Site, off_loop

RUNS_BESIDE = 100


@dataclass(frozen=True)
class Scored:
    """A run's part in an opening, beside what it scored in validation."""

    run: str
    test: str
    loss: float
    validation: float | None


async def ask(request: Request) -> Response:
    """What opening means, and the question whether to; or how far it has come."""
    site, query = Site.of(request), request.query_params
    job = Inference.of(request).known(("open", query["opening"])) if "opening" in query else None
    if "opening" in query and job is None:
        raise NotFound("this opening is not known any more; the runs' results show what was scored")

    def about() -> dict[str, Any]:
        run = openable(site.store.run(request.path_params["run"]))
        shown = {"run": run, "beside": beside(run, site.store), "test": SealedTest.of(run, site.store, site.workspace)}
        if job is None or job.result is None:
            return shown
        runs = query.getlist("run")
        return shown | {"scored": scored(runs, site.store), "number": job.result.words["openings"]}

    shown = await off_loop(about)
    return site.page(
        request, "results/open.html", view="results", job=job, once=query.get("opening") or secrets.token_hex(8),
        address=str(request.url.path) + "?" + request.url.query, **shown,
    )  # fmt: skip


async def open_it(request: Request) -> Response:
    """Open the test set for the chosen runs, once for each form however often it is sent."""
    site, form = Site.of(request), await request.form()
    run, once = request.path_params["run"], str(form.get("once", ""))
    if form.get("decided") != "yes" or not once:
        raise InvalidInput("the test set stays sealed: say first that the choice among runs has been made")
    runs = [run, *(str(each) for each in form.getlist("run") if each != run)]

    def check() -> None:
        first, *others = [openable(site.store.run(each)) for each in runs]
        for other in others:
            if other.fingerprint != first.fingerprint:
                raise InvalidInput(f"{other.id} was trained on other data than {first.id}; open its test set by itself")

    await off_loop(check)
    Inference.of(request).begin("open_test", {"runs": runs}, key=("open", once))
    return RedirectResponse(f"/results/{run}/open?{urlencode([('opening', once), *(('run', r) for r in runs)])}", 303)


async def cancel(request: Request) -> Response:
    """Leave it sealed, where nobody has seen a score yet."""
    inference, form = Inference.of(request), await request.form()
    if (job := inference.known(("open", str(form.get("once", ""))))) is not None:
        await inference.cancel(job)
    return RedirectResponse(f"/results/{request.path_params['run']}", 303)


def openable(run: RunDetails) -> RunDetails:
    """The run, if it can be scored; raises InvalidInput."""
    if "best" not in run.artifacts:
        raise InvalidInput(f"{run.id} has no weights yet that could be scored; they come with its first epoch")
    if run.state in {"running", "queued"}:
        raise InvalidInput(
            f"{run.id} is {run.state}: its weights may still change; open the test set when it has ended"
        )
    return run


def beside(run: RunDetails, store: Store) -> list[RunSummary]:
    """Other runs on the same data that can be scored in the same opening, newest first."""
    return [
        each for each in store.runs(RUNS_BESIDE)
        if each.fingerprint == run.fingerprint and each.id != run.id and each.best_epoch is not None
        and each.state not in {"running", "queued"}
    ]  # fmt: skip


def scored(runs: Sequence[str], store: Store) -> list[Scored]:
    """The newest test score of each run."""
    found = []
    for run in runs:
        *_, opening = store.test_results(run)
        test = show_accuracy(opening.accuracy, opening.n, "test")
        found.append(Scored(run, test, opening.loss, store.run(run).validation_accuracy))
    return found


ROUTES = [
    Route("/results/{run}/open", ask),
    Route("/results/{run}/open", open_it, methods=["POST"]),
    Route("/results/{run}/open/cancel", cancel, methods=["POST"]),
]
