"""A study begins: it goes into the queue, and the browser goes to see it."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fittingroom.queue.studies import submit_study
from fittingroom.spec.study import StudySpec
from fittingroom.web.expected import Timings
from fittingroom.web.inference import Inference
from fittingroom.web.site import Site, off_loop


async def begin(request: Request, study: StudySpec) -> Response:
    """Put it into the queue, or let it go on; raises InvalidInput where it cannot be trained."""
    site = Site.of(request)
    await Timings.of(request).make_way(Inference.of(request))
    known = await off_loop(lambda: submit_study(study, site.workspace))
    return RedirectResponse(f"/studies/{quote(known)}", 303)
