"""One file for each view; each lists its routes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from fittingroom.web.routes import (
    augment,
    compare,
    data,
    draw,
    inside,
    inside_maps,
    live,
    network,
    now,
    opening,
    reports,
    results,
    robustness,
    run,
    runs,
    studies,
    studies_new,
    studies_open,
    studies_shipped,
    train,
)

ALL: list[BaseRoute] = [
    *data.ROUTES,
    *augment.ROUTES,
    *network.ROUTES,
    *train.ROUTES,
    *compare.ROUTES,
    *run.ROUTES,
    *results.ROUTES,
    *robustness.ROUTES,
    *opening.ROUTES,
    *draw.ROUTES,
    *inside.ROUTES,
    *inside_maps.ROUTES,
    *studies_new.ROUTES,
    *studies_open.ROUTES,
    *studies_shipped.ROUTES,
    *studies.ROUTES,
    *reports.ROUTES,
    *runs.ROUTES,
    *live.ROUTES,
    *now.ROUTES,
]
