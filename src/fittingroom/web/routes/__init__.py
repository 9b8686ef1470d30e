"""One file for each view; each lists its routes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from fittingroom.web.routes import compare, data, live, network, now, results, run, runs, train

ALL: list[BaseRoute] = [
    *data.ROUTES,
    *network.ROUTES,
    *train.ROUTES,
    *compare.ROUTES,
    *run.ROUTES,
    *results.ROUTES,
    *runs.ROUTES,
    *live.ROUTES,
    *now.ROUTES,
]
