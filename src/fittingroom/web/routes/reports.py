"""Reports of studies and runs: one file without anything from elsewhere, to read here or, with ``?save``, to keep."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fittingroom.report.found import read_found
from fittingroom.report.run import read_run, run_html
from fittingroom.report.study import study_html
from fittingroom.web.site import Site, off_loop

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Their style is in the file itself; no script runs in them."""


async def of_study(request: Request) -> Response:
    """A study as it stands; raises NotFound."""
    site, study = Site.of(request), request.path_params["study"]
    found = await off_loop(lambda: read_found(study, site.workspace))
    return _answer(request, await off_loop(lambda: study_html(found)), found.results.study)


async def of_run(request: Request) -> Response:
    """A run as it stands; raises NotFound."""
    site, run = Site.of(request), request.path_params["run"]
    found = await off_loop(lambda: read_run(run, site.workspace))
    return _answer(request, await off_loop(lambda: run_html(found)), found.run.id)


def _answer(request: Request, page: str, name: str) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    if "save" in request.query_params:
        headers["Content-Disposition"] = f'attachment; filename="{name}.html"'
    return HTMLResponse(page, headers=headers)


ROUTES = [
    Route("/studies/{study}/report", of_study),
    Route("/results/{run}/report", of_run),
]
