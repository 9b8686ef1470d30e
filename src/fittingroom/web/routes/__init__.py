"""One file for each view; each lists its routes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from fittingroom.web.routes import compare, data, live, network, now, opening, results, robustness, run, runs, train

ALL: list[BaseRoute] = [
    *data.ROUTES,
    *network.ROUTES,
    *train.ROUTES,
    *compare.ROUTES,
    *run.ROUTES,
    *results.ROUTES,
    *robustness.ROUTES,
    *opening.ROUTES,
    *runs.ROUTES,
    *live.ROUTES,
    *now.ROUTES,
]
