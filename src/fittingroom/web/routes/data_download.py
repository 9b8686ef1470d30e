"""Well-known data sets that can be downloaded: what they are, and the download, begun by a click alone."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.data.downloading import download, downloadable
from fittingroom.data.remote import REMOTE, Remote
from fittingroom.errors import NotFound, did_you_mean
from fittingroom.web.site import Site, off_loop
from fittingroom.web.tasks import Task, Tasks


@dataclass(frozen=True)
class Offer:
    """One data set that is not in the workspace, and its download."""

    remote: Remote
    task: Task | None

    @property
    def host(self) -> str:
        """Where it comes from."""
        return urlsplit(self.remote.addresses[0]).netloc

    @property
    def counts_bytes(self) -> bool:
        """Whether it is still coming; afterwards images are counted."""
        return self.task is not None and self.task.total == self.remote.bytes


def offers(request: Request) -> list[Offer]:
    """All that could be downloaded. Reads the workspace; asks nobody else."""
    return [_offer(request, info.name) for info in downloadable(Site.of(request).workspace)]


async def show(request: Request) -> Response:
    """One of them as it stands, as a part of the list; the list where that is asked for, and when it has come."""
    name = request.query_params.get("name", "")
    offer = _offer(request, name)
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/data#get-{name}", 303)
    if offer.task is not None and offer.task.state == "done":
        return Response(headers={"HX-Redirect": f"/data/set?{urlencode({'name': name})}"})
    return Site.of(request).page(request, "data/download.html", offer=offer)


async def begin(request: Request) -> Response:
    """Download it; asked for twice, it happens once."""
    name, workspace = await _named(request), Site.of(request).workspace
    Tasks.of(request).begin(_key(name), lambda tell: download(name, workspace, progress=tell), f"Asking for {name}")
    return await _onward(request, name)


async def cancel(request: Request) -> Response:
    """End a download; what has come is kept for the next try."""
    name = await _named(request)
    if (task := Tasks.of(request).known(_key(name))) is not None:
        task.cancel()
    return await _onward(request, name)


async def _named(request: Request) -> str:
    name = str((await request.form()).get("name", ""))
    return _offer(request, name).remote.name


async def _onward(request: Request, name: str) -> Response:
    if "hx-request" in request.headers:
        offer = await off_loop(lambda: _offer(request, name))
        return Site.of(request).page(request, "data/download.html", offer=offer)
    return RedirectResponse(f"/data#get-{name}", 303)


def _offer(request: Request, name: str) -> Offer:
    if name not in REMOTE:
        raise NotFound(f'"{name}" cannot be downloaded; {did_you_mean(name, REMOTE)}')
    return Offer(REMOTE[name], Tasks.of(request).known(_key(name)))


def _key(name: str) -> tuple[str, str]:
    return "download", name


ROUTES = [
    Route("/data/download", show),
    Route("/data/download", begin, methods=["POST"]),
    Route("/data/download/cancel", cancel, methods=["POST"]),
]
