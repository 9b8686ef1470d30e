"""Any number of runs, their curves laid over one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fittingroom.errors import FittingRoomError
from fittingroom.store import RunSummary
from fittingroom.web.overlay import MOST_RUNS, likeness, lines, warnings
from fittingroom.web.site import Site, off_loop
from fittingroom.web.snapshot import Snapshot, read

NEWEST_RUNS = 200


@dataclass(frozen=True)
class Chosen:
    """The runs that an address names, and what is wrong with others that it names."""

    snapshots: Sequence[Snapshot]
    problems: Sequence[str]
    others: Sequence[RunSummary]
    """Those that could be added."""


async def overlay(request: Request) -> Response:
    """The overlay of the runs in the address: ``?run=mlp-1&run=mlp-2``."""
    site = Site.of(request)
    wanted = list(dict.fromkeys(name for name in request.query_params.getlist("run") if name))
    chosen = await off_loop(lambda: choose(wanted, site))
    ids = [each.run.id for each in chosen.snapshots]
    return site.page(
        request, "compare.html", view="train", lines=lines(chosen.snapshots), problems=chosen.problems,
        warnings=warnings(chosen.snapshots), likeness=likeness(chosen.snapshots), others=chosen.others, most=MOST_RUNS,
        without={name: address([each for each in ids if each != name]) for name in ids},
    )  # fmt: skip


def choose(wanted: Sequence[str], site: Site) -> Chosen:
    """Read the runs; those that are not there, or are too many, are told of and left out."""
    found: dict[str, Snapshot] = {}
    problems = []
    for name in wanted:
        if len(found) == MOST_RUNS:
            problems.append(f"More than {MOST_RUNS} runs cannot be told apart in one picture; {name} is left out.")
            continue
        try:
            snapshot = read(site.store, site.store.run(name).id)
        except FittingRoomError as error:
            problems.append(str(error))
        else:
            found[snapshot.run.id] = snapshot
    others = [run for run in site.store.runs(NEWEST_RUNS) if run.id not in found]
    return Chosen(list(found.values()), problems, others)


def address(runs: Sequence[str]) -> str:
    return f"/train/compare?{urlencode([('run', run) for run in runs])}" if runs else "/train/compare"


ROUTES = [Route("/train/compare", overlay)]
