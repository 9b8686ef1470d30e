"""The view Train: what will be trained, and Start."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom import queue
from fittingroom.data.sources import names
from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.spec.run import RunSpec, with_settings
from fittingroom.web.begin import offered, on_the_same_data, spec_from
from fittingroom.web.drafts import Draft, draft_of, edit, plain_of, remember
from fittingroom.web.expected import Timings, expect, progress_of, threads_of
from fittingroom.web.forms import OPTIMIZERS, SCHEDULES, Field, fields
from fittingroom.web.inference import Inference
from fittingroom.web.once import once
from fittingroom.web.places import check_files, reach_of
from fittingroom.web.prospect import prospect
from fittingroom.web.settings import check_tables, settings_of, without_an_empty_start
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site, off_loop
from fittingroom.web.transfers import offer
from fittingroom.web.waiting import Waiting

FIRST = ("epochs", "batch_size", "budget")
"""What everybody sets; the rest of [train] is one click away."""
SEEDS = (1, 3, 5)
"""How many runs that differ in nothing but their seeds are offered; three are the least that comparisons need."""
MOST_SEEDS = 20


async def setup(request: Request) -> Response:
    """What will be trained."""
    site = Site.of(request)
    name, draft = await off_loop(lambda: draft_of(request, site.workspace))
    return remember(name, await _show(request, draft))


async def _show(request: Request, draft: Draft, problem: str = "") -> Response:
    site, shelf = Site.of(request), Shelf.of(request)
    found = await off_loop(lambda: prospect(draft, site, shelf))
    waiting = await off_loop(lambda: Waiting.of(site.store))
    threads = await off_loop(lambda: threads_of(site.store))
    template = "train/setup.html" if "hx-request" in request.headers else "train.html"
    return site.page(
        request, template, view="train", draft=draft, prospect=found, groups=groups(draft), presets=offered(),
        recent=await off_loop(lambda: site.store.runs(8)), problem=problem, seeds=SEEDS,
        local=reach_of(request) is not None,
        kinds={"optimizer": list(OPTIMIZERS), "schedule": list(SCHEDULES)},
        offer=await off_loop(lambda: offer(draft, site)), waiting=waiting,
        expected=expect(found, waiting, request, threads, begin=False),
        data=await off_loop(lambda: [info for info in names(site.workspace) if info.kind != "damaged"]),
    )  # fmt: skip


def groups(draft: Draft) -> dict[str, list[Field]]:
    """The settings of the training, in the order in which people think of them."""
    train = draft.at("train") or {}
    every = {field.label.replace(" ", "_"): field for field in fields("TrainSpec", train, "train")}
    optimizer, schedule, stop = (train.get(table) or {} for table in ("optimizer", "schedule", "early_stop"))
    return {
        "": [every[name] for name in FIRST],
        "Optimizer": list(fields(OPTIMIZERS.get(str(optimizer.get("name")), "Adam"), optimizer, "train.optimizer")),
        "Schedule": list(fields(SCHEDULES.get(str(schedule.get("name")), "Constant"), schedule, "train.schedule")),
        "Early stopping": list(fields("EarlyStop", stop, "train.early_stop")) if "early_stop" in train else [],
        "More": [
            *(field for name, field in every.items() if name not in FIRST and field.kind != "text"),
            *fields("CrossEntropy", train.get("loss") or {}, "train.loss"),
        ],
    }


async def change(request: Request) -> Response:
    """Settings that were changed in a form: each field is a path of the spec and its value."""
    site = Site.of(request)
    form = await request.form()

    def apply(draft: Draft) -> None:
        before = draft.spec
        draft.change(without_an_empty_start(with_settings(before, settings_of(form, draft))))
        check_tables(draft)
        check_files(request, before, draft.spec)

    problem = ""
    try:
        name, draft = await off_loop(lambda: edit(request, site.workspace, apply))
    except InvalidInput as error:
        problem = str(error)
        name, draft = await off_loop(lambda: draft_of(request, site.workspace))
    if not problem and "hx-request" not in request.headers:
        return remember(name, RedirectResponse("/train", 303))
    return remember(name, await _show(request, draft, problem))


async def begin_from(request: Request) -> Response:
    """Start the draft over from a preset, on the images that it has, or from a run's spec."""
    site = Site.of(request)
    form = await request.form()
    preset, run = str(form.get("preset", "")), str(form.get("run", ""))
    plain = plain_of(await off_loop(lambda: spec_from(preset, run, site)))

    def apply(draft: Draft) -> None:
        draft.change(on_the_same_data(plain, draft.spec) if preset else plain)

    name, _ = await off_loop(lambda: edit(request, site.workspace, apply))
    return remember(name, RedirectResponse("/train", 303))


async def undo(request: Request) -> Response:
    """One step back, or forward again; the whole page anew, for controls keep what was typed into them."""
    site = Site.of(request)
    step = Draft.step_back if request.url.path.endswith("undo") else Draft.step_forward
    name, _ = await off_loop(lambda: edit(request, site.workspace, step))
    return remember(name, RedirectResponse("/train", 303))


async def start(request: Request) -> Response:
    """Put the draft into the queue, with as many seeds as wished, and go to see it, or all of them."""
    site, shelf = Site.of(request), Shelf.of(request)
    count = str((await request.form()).get("runs", "1"))
    name, draft = await off_loop(lambda: edit(request, site.workspace, lambda draft: None))  # after what is being set
    try:
        await Timings.of(request).make_way(Inference.of(request))
        spec, wanted = checked(draft, int(count) if count.isdecimal() and len(count) < 10 else 0)
        runs = await off_loop(lambda: queue.submit_seeds(spec, wanted, site.workspace, shelf.split))
    except InvalidInput as error:
        return remember(name, await _show(request, draft, "" if isinstance(error, InvalidSpec) else str(error)))
    all_of_them = "&".join(f"run={quote(run)}" for run in runs)
    address = f"/train/{quote(runs[0])}" if len(runs) == 1 else f"/train/compare?{all_of_them}"
    return remember(name, RedirectResponse(address, 303))


def checked(draft: Draft, count: int) -> tuple[RunSpec, int]:
    """The draft's run, and how many that differ in nothing but their seeds are wanted; raises InvalidInput."""
    spec, mistakes = draft.read()
    if spec is None:
        raise InvalidSpec(mistakes)
    if not 1 <= count <= MOST_SEEDS:
        raise InvalidInput(f"that many runs cannot be started at once; choose 1 to {MOST_SEEDS}")
    return spec, count


async def going_on(request: Request) -> Response:
    """What is being trained now, for a page that waits."""
    site = Site.of(request)
    return site.page(request, "train/waiting.html", waiting=await off_loop(lambda: Waiting.of(site.store)))


async def time(request: Request) -> Response:
    """How long the draft's run will take; who asks first lets it be timed, and asks again with its ``key``."""
    site, shelf = Site.of(request), Shelf.of(request)
    key, again = request.query_params.get("key", ""), "again" in request.query_params
    _, draft = await off_loop(lambda: draft_of(request, site.workspace))
    waiting = await off_loop(lambda: Waiting.of(site.store))
    expected = None if again else progress_of(key, draft.read()[0], waiting, request)
    if expected is None:
        found = await off_loop(lambda: prospect(draft, site, shelf))
        threads = await off_loop(lambda: threads_of(site.store))
        expected = expect(found, waiting, request, threads, begin=True, again=again)
    return site.page(request, "train/time.html", waiting=waiting, expected=expected)


ROUTES = [
    Route("/train", setup),
    Route("/train/set", change, methods=["POST"]),
    Route("/train/from", begin_from, methods=["POST"]),
    Route("/train/undo", undo, methods=["POST"]),
    Route("/train/redo", undo, methods=["POST"]),
    Route("/train/start", once(start), methods=["POST"]),
    Route("/train/time", time),
    Route("/train/waiting", going_on),
]
