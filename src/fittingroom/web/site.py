"""What every route has at hand: the workspace, its store, and how pages are written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse

from fittingroom import report
from fittingroom.store import Store
from fittingroom.web import figures
from fittingroom.web.once import once_key
from fittingroom.workspace import Workspace

STATIC = Path(__file__).parent / "static"
VIEWS = (
    ("data", "Data"),
    ("augment", "Augment"),
    ("network", "Network"),
    ("train", "Train"),
    ("results", "Results"),
    ("draw", "Draw"),
    ("inside", "Look inside"),
    ("studies", "Studies"),
    ("runs", "Runs"),
)
"""The rail: the path of the work, from images to results."""
Answer = TypeVar("Answer")
Kind = TypeVar("Kind")


@dataclass(frozen=True, eq=False)
class Site:
    """One workspace, served."""

    workspace: Workspace
    store: Store
    data_root: Path | None = None
    """Browsers on other machines may import what is below it."""

    @classmethod
    def of(cls, request: HTTPConnection) -> Site:
        """The site that a request is made to."""
        site: Site = request.app.state.site
        return site

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A whole page, or a part of one, from its template."""
        html = self.templates.get_template(template).render(request=request, site=self, **values)
        return HTMLResponse(html, status, {"Cache-Control": "no-store"})

    @cached_property
    def templates(self) -> Environment:
        environment = Environment(
            loader=PackageLoader("fittingroom.web"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {"static": static, "views": VIEWS, "once_key": once_key}
        environment.filters |= figures.FILTERS
        return environment


def static(path: str) -> str:
    """The address of a static file, which changes with its content, so that browsers may keep it for ever."""
    return f"/static/{path}?v={_digest(path)}"


def _digest(path: str) -> str:
    own = STATIC / path
    found = own if own.is_file() else report.STATIC / path
    return hashlib.sha256(found.read_bytes()).hexdigest()[:12]


def only_one(request: HTTPConnection, kind: type[Kind], make: Callable[[], Kind]) -> Kind:
    """The site's one object of a kind, made when it is first asked for."""
    state = request.app.state
    if not hasattr(state, "only_ones"):
        state.only_ones = {}
    only_ones: dict[type[Kind], Kind] = state.only_ones
    if kind not in only_ones:
        only_ones[kind] = make()
    return only_ones[kind]


async def off_loop(work: Callable[[], Answer]) -> Answer:
    """Do what reads files or the database in a thread, so that the page goes on answering."""
    return await run_in_threadpool(work)
