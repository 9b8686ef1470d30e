"""One file for each view; each lists its routes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from fittingroom.web.routes import augment, data, live, network, results, runs, train

ALL: list[BaseRoute] = [
    *data.ROUTES,
    *augment.ROUTES,
    *network.ROUTES,
    *train.ROUTES,
    *results.ROUTES,
    *runs.ROUTES,
    *live.ROUTES,
]
