"""One file for each view; each lists its routes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from fittingroom.web.routes import data, draw, live, network, results, runs, train

ALL: list[BaseRoute] = [
    *data.ROUTES,
    *network.ROUTES,
    *train.ROUTES,
    *results.ROUTES,
    *draw.ROUTES,
    *runs.ROUTES,
    *live.ROUTES,
]
