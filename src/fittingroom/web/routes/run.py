"""The page of a run: the training as it goes on, what happened to it, and what can be asked of it."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom import queue
from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.queue.derive import forked, needs_schedule
from fittingroom.queue.stored import spec_of
from fittingroom.queue.together import Comparison
from fittingroom.spec.run import RunSpec, schedule_of
from fittingroom.store import RunDetails
from fittingroom.web.chosen import choose
from fittingroom.web.drafts import edit, plain_of, remember
from fittingroom.web.once import once
from fittingroom.web.site import Site, off_loop
from fittingroom.web.snapshot import Snapshot, asked_of, read
from fittingroom.web.standing import actions
from fittingroom.web.story import plan_reason, story, worker_lines

SCHEDULES = {
    "constant": "constant", "cosine": "cosine", "one_cycle": "one cycle", "step": "step down",
    "exponential": "exponential",
}  # fmt: skip


async def watch(request: Request) -> Response:
    """A run as it goes on."""
    site = Site.of(request)
    snapshot = await off_loop(lambda: read(site.store, site.store.run(request.path_params["run"]).id))
    page = site.page(request, "run.html", view="train", **await off_loop(lambda: about(snapshot, site)))
    return choose(snapshot.run.id, page)


def about(snapshot: Snapshot, site: Site) -> dict[str, Any]:
    """What the page of a run shows beside its curves."""
    run, spec = snapshot.run, snapshot.background.spec
    return {
        "run": run, "spec": spec, "background": snapshot.background, "texts": snapshot.texts(),
        "sentences": snapshot.sentences, "plan_reason": plan_reason(run.plan), "actions": actions(run, spec),
        "openings": site.store.openings(run.fingerprint), "shares": str(Comparison.of(run.lineage) or ""),
        **going_on(run, spec),
    }  # fmt: skip


def going_on(run: RunDetails, spec: RunSpec, said: FormData | None = None, problem: str = "") -> dict[str, Any]:
    """What the form for more epochs shows: what was typed, and what is wrong with it."""
    given = {key: str(value) for key, value in (said or {}).items()}
    return {
        "schedules": SCHEDULES, "needs_schedule": needs_schedule(spec), "problem": problem,
        "last_rate": run.epochs[-1].learning_rate if run.epochs else None,
        "more": {
            "epochs": given.get("epochs", str(min(spec.train.epochs, 10))),
            "schedule": given.get("schedule", "" if needs_schedule(spec) else "constant"),
            "rate": given.get("rate", f"{spec.train.optimizer.learning_rate:g}"),
        },
    }  # fmt: skip


async def log(request: Request) -> Response:
    """What has happened to a run so far, as a part of its page."""
    site = Site.of(request)

    def tell() -> dict[str, Any]:
        run = site.store.run(request.path_params["run"])
        trained_by = site.store.attempts_of_epochs(run.id)
        entries = story(run, spec_of(run), trained_by, asked_of(run, site.store))
        return {"run": run, "entries": entries, "lines": worker_lines(run.id, site.workspace.logs / "worker.log")}

    return site.page(request, "run/log.html", **await off_loop(tell))


async def ask(request: Request) -> Response:
    """Stop, pause, resume, restart or replay a run."""
    site = Site.of(request)
    run, wish = request.path_params["run"], request.path_params["wish"]
    do = {
        "stop": lambda: queue.stop(run, site.workspace, wait=0).id,
        "pause": lambda: queue.pause(run, site.workspace, wait=0).id,
        "resume": lambda: queue.resume(run, site.workspace).id,
        "restart": lambda: queue.submit_again(run, site.workspace),
        "replay": lambda: queue.submit_again(run, site.workspace, replay=True),
    }.get(wish)
    if do is None:
        raise NotFound(
            f'a run cannot be asked to "{wish}"; stop, pause, resume, continue, restart, replay and fork are there'
        )
    return RedirectResponse(f"/train/{quote(await off_loop(do))}", 303)


async def go_on(request: Request) -> Response:
    """More epochs of a run as a new one; what keeps it from starting is told in the form."""
    site = Site.of(request)
    form = await request.form()
    run = await off_loop(lambda: site.store.run(request.path_params["run"]))
    try:
        name = await off_loop(lambda: continued(run, form, site))
    except NotFound:
        raise
    except FittingRoomError as error:
        problem = str(error)
        return await off_loop(lambda: _told_in_place(request, run, form, problem))
    address = f"/train/{quote(name)}"
    if "hx-request" in request.headers:
        return Response(headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _told_in_place(request: Request, run: RunDetails, form: FormData, problem: str) -> Response:
    site = Site.of(request)
    if "hx-request" in request.headers:  # browsers log other answers than 200 to scripts as errors
        return site.page(request, "run/continue.html", run=run, **going_on(run, spec_of(run), form, problem))
    shown = about(read(site.store, run.id), site) | going_on(run, spec_of(run), form, problem)
    return site.page(request, "run.html", 422, view="train", **shown)


def continued(run: RunDetails, form: FormData, site: Site) -> str:
    """Put more epochs of a run into the queue as a form says; returns the new run's id. Raises InvalidInput."""
    spec = spec_of(run)
    epochs, schedule, rate = (str(form.get(key, "")).strip() for key in ("epochs", "schedule", "rate"))
    if not epochs.isdecimal() or len(epochs) > 9 or not int(epochs):
        raise InvalidInput(f'"{epochs}" is no number of epochs; give a whole number from 1')
    if not schedule and needs_schedule(spec):
        raise InvalidInput(
            f"{run.id} was trained with the schedule {spec.train.schedule.name}, which has come to its end; "
            "choose how the learning rate goes on"
        )
    if schedule and schedule not in SCHEDULES:
        raise InvalidInput(f'there is no schedule "{schedule}"; choose one of {", ".join(SCHEDULES)}')
    overrides = []
    if rate and rate != f"{spec.train.optimizer.learning_rate:g}":
        overrides.append(f"train.optimizer.learning_rate={as_number(rate)!r}")
    chosen = schedule_of(schedule) if schedule else None
    return queue.submit_continued(run.id, site.workspace, epochs=int(epochs), schedule=chosen, overrides=overrides)


def as_number(text: str) -> float:
    with contextlib.suppress(ValueError):
        return float(text)
    raise InvalidInput(f'"{text}" is no learning rate; give a number such as 0.001')


async def fork(request: Request) -> Response:
    """The run's best weights with settings that are chosen now: a draft that starts from it."""
    site = Site.of(request)
    run = await off_loop(lambda: site.store.run(request.path_params["run"]))
    if "fork" not in actions(run, spec_of(run)):
        raise InvalidInput(f'run "{run.id}" is {run.state} and has no best weights to keep; wait until it has ended')
    draft = plain_of(forked(run))
    name, _ = await off_loop(lambda: edit(request, site.workspace, lambda kept: kept.change(draft)))
    return remember(name, RedirectResponse("/train", 303))


ROUTES = [
    Route("/train/{run}", watch),
    Route("/train/{run}/log", log),
    Route("/train/{run}/continue", once(go_on), methods=["POST"]),
    Route("/train/{run}/fork", fork, methods=["POST"]),
    Route("/train/{run}/{wish}", once(ask), methods=["POST"]),
]
