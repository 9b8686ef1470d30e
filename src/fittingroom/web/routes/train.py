"""The view Train: what will be trained, and Start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom import queue
from fittingroom.data.stages import Stage, read_stages
from fittingroom.errors import Fault, FittingRoomError, InvalidInput, InvalidSpec, NotFound
from fittingroom.queue.stored import spec_of
from fittingroom.spec.faults import notes
from fittingroom.spec.network import NetworkSummary, summarize
from fittingroom.spec.run import TAGGED, RunSpec, from_toml, presets, with_settings
from fittingroom.store import RunSummary
from fittingroom.web.drafts import Draft, draft_of, edit, plain_of, remember
from fittingroom.web.forms import Field, fields
from fittingroom.web.site import Site, off_loop

OPTIMIZERS = {"sgd": "Sgd", "adam": "Adam", "adamw": "AdamW", "adadelta": "Adadelta", "rmsprop": "RmsProp"}
SCHEDULES = {
    "constant": "Constant", "step": "Step", "exponential": "Exponential", "cosine": "Cosine", "one_cycle": "OneCycle",
}  # fmt: skip
FIRST = ("epochs", "batch_size", "budget")
"""What everybody sets; the rest of [train] is one click away."""


@dataclass(frozen=True)
class Prospect:
    """What a draft comes to: the run that it would be, or why it cannot be one."""

    spec: RunSpec | None
    stage: Stage | None
    summary: NetworkSummary | None
    faults: Sequence[Fault]
    notes: Sequence[str]
    before: RunSummary | None = None
    """The newest run of the very same spec: how long it took is a good guess."""


def prospect(draft: Draft, site: Site) -> Prospect:
    """Read a draft with its data; reads files."""
    spec, mistakes = draft.read()
    if spec is None:
        return Prospect(None, None, None, mistakes, ())
    try:
        stages = read_stages(spec, site.workspace)
    except FittingRoomError as error:
        return Prospect(spec, None, None, [Fault("data.source", str(error), "choose other data")], ())
    last = stages[-1]
    found = [fault for stage in stages for fault in stage.faults]
    summary = summarize(spec.network, last.facts.shape, last.facts.classes, spec.train.freeze_up_to)
    return Prospect(spec, last, summary, found, notes(spec, last.facts), alike(last.spec, site))


def alike(spec: RunSpec, site: Site) -> RunSummary | None:
    """The newest finished run of the same spec, whatever its name."""
    return next(
        (run for run in site.store.runs(50) if run.spec_id == spec.content_id and run.state == "finished"), None
    )


async def setup(request: Request) -> Response:
    """What will be trained."""
    site = Site.of(request)
    name, draft = await off_loop(lambda: edit(request, site.workspace, lambda draft: None))
    return remember(name, await _show(request, draft))


async def _show(request: Request, draft: Draft, problem: str = "") -> Response:
    site = Site.of(request)
    found = await off_loop(lambda: prospect(draft, site))
    template = "parts/setup.html" if "hx-request" in request.headers else "train.html"
    recent = await off_loop(lambda: site.store.runs(8))
    return site.page(
        request, template, view="train", draft=draft, prospect=found, groups=groups(draft), presets=list(presets()),
        recent=recent, problem=problem, kinds={"optimizer": list(OPTIMIZERS), "schedule": list(SCHEDULES)},
    )  # fmt: skip


def groups(draft: Draft) -> dict[str, list[Field]]:
    """The settings of the training, in the order in which people think of them."""
    train = draft.spec.get("train", {})
    every = {field.label.replace(" ", "_"): field for field in fields("TrainSpec", train, "train")}
    optimizer, schedule = train.get("optimizer", {}), train.get("schedule", {})
    return {
        "": [every[name] for name in FIRST],
        "Optimizer": list(fields(OPTIMIZERS.get(optimizer.get("name"), "Adam"), optimizer, "train.optimizer")),
        "Schedule": list(fields(SCHEDULES.get(schedule.get("name"), "Constant"), schedule, "train.schedule")),
        "More": [field for name, field in every.items() if name not in FIRST and field.kind != "text"],
    }


async def change(request: Request) -> Response:
    """Settings that were changed in a form: each field is a path of the spec and its value."""
    site = Site.of(request)
    form = {path: str(value) for path, value in (await request.form()).items()}

    def apply(draft: Draft) -> None:
        draft.change(with_settings(draft.spec, settings_of(form, draft)))

    problem = ""
    try:
        name, draft = await off_loop(lambda: edit(request, site.workspace, apply))
    except InvalidInput as error:
        problem = str(error)
        name, draft = draft_of(request, site.workspace)
    return remember(name, await _show(request, draft, problem))


def settings_of(form: Mapping[str, str], draft: Draft) -> list[str]:
    """What a form says, as settings by their paths. A table that becomes another kind begins with its defaults."""
    anew = [path for path in TAGGED if form.get(f"{path}.name", draft.kind(path)) != draft.kind(path)]
    tables = [f'{path}={{ name = "{form[f"{path}.name"]}" }}' for path in anew]
    others = {path: value for path, value in form.items() if not path.startswith(tuple(f"{table}." for table in anew))}
    return [*tables, *(f"{path}={value if value.strip() else 'none'}" for path, value in others.items())]


async def begin_from(request: Request) -> Response:
    """Start the draft over from a preset, or from a run's spec."""
    site = Site.of(request)
    form = await request.form()
    spec = await off_loop(lambda: _beginning(str(form.get("preset", "")), str(form.get("run", "")), site))
    name, _ = await off_loop(lambda: edit(request, site.workspace, lambda draft: draft.change(plain_of(spec))))
    return remember(name, RedirectResponse("/train", 303))


def _beginning(preset: str, run: str, site: Site) -> RunSpec:
    if not preset:
        return spec_of(site.store.run(run))
    texts = presets()
    if preset not in texts:
        raise NotFound(f'there is no preset "{preset}"; choose one of {", ".join(texts)}')
    return from_toml(texts[preset], overrides=[f"name={preset}"])


async def undo(request: Request) -> Response:
    """One step back, or forward again; the whole page anew, for controls keep what was typed into them."""
    site = Site.of(request)
    step = Draft.step_back if request.url.path.endswith("undo") else Draft.step_forward
    name, _ = await off_loop(lambda: edit(request, site.workspace, step))
    return remember(name, RedirectResponse("/train", 303))


async def start(request: Request) -> Response:
    """Put the draft into the queue, and go to see it."""
    site = Site.of(request)
    name, draft = draft_of(request, site.workspace)
    spec, mistakes = draft.read()
    try:
        if spec is None:
            raise InvalidSpec(mistakes)
        run = await off_loop(lambda: queue.submit(spec, site.workspace))
    except InvalidSpec:
        return remember(name, await _show(request, draft))
    return remember(name, RedirectResponse(f"/train/{quote(run)}", 303))


ROUTES = [
    Route("/train", setup),
    Route("/train/set", change, methods=["POST"]),
    Route("/train/from", begin_from, methods=["POST"]),
    Route("/train/undo", undo, methods=["POST"]),
    Route("/train/redo", undo, methods=["POST"]),
    Route("/train/start", start, methods=["POST"]),
]
