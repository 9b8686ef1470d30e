"""One file for each view; each lists its routes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from fittingroom.web.routes import data, live, network, results, run, runs, train

ALL: list[BaseRoute] = [
    *data.ROUTES,
    *network.ROUTES,
    *train.ROUTES,
    *run.ROUTES,
    *results.ROUTES,
    *runs.ROUTES,
    *live.ROUTES,
]
