"""The page without a browser: a client that knows the token, and a workspace with small data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from fittingroom.data.sources import import_data
from fittingroom.store import Store
from fittingroom.web import imports
from fittingroom.web.app import create_app
from fittingroom.workspace import Workspace

HOST = "127.0.0.1:8640"
TOKEN = "a-token-of-forty-three-characters-or-so-long"


@pytest.fixture
def stranger(own_workspace: Workspace) -> Iterator[TestClient]:
    """A browser that was not given the token."""
    app = create_app(own_workspace, hosts=[HOST], token=TOKEN, workers=False)
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as client:
        yield client


@pytest.fixture
def page(stranger: TestClient) -> TestClient:
    """A browser that was."""
    stranger.get("/", params={"token": TOKEN})
    return stranger


@pytest.fixture
def here(own_workspace: Workspace) -> Iterator[TestClient]:
    """A browser on the very machine that serves the page."""
    app = create_app(own_workspace, hosts=[HOST], token=TOKEN, workers=False)
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False, client=("127.0.0.1", 50_000)) as client:
        client.get("/", params={"token": TOKEN})
        yield client


@pytest.fixture
def store(page: TestClient) -> Store:
    """The store that the page reads."""
    store: Store = page.app.state.site.store  # type: ignore[attr-defined]
    return store


@pytest.fixture
def to_its_end() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine in a thread of its own: Playwright's loop may be running in this one."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, coroutine).result()

    return run


def on_this_machine(page: TestClient) -> TestClient:
    """The same browser, but on the machine that serves the page, so that it may name folders."""
    near = {"base_url": f"http://{HOST}", "client": ("127.0.0.1", 50_000)}
    return TestClient(page.app, follow_redirects=False, cookies=page.cookies, **near)  # type: ignore[arg-type]


@pytest.fixture
def near(page: TestClient) -> Callable[[], TestClient]:
    """``near()``: this browser as it is now, on the machine that serves the page."""
    return lambda: on_this_machine(page)


@pytest.fixture
def draft_on(page: TestClient, photos: Path) -> Callable[..., None]:
    """``draft_on("train.epochs=2")``: a small draft on those photos, with settings changed."""

    def begin(*settings: str) -> None:
        page.post("/train/from", data={"preset": "linear"})
        wanted = dict(setting.split("=", 1) for setting in settings)
        here = on_this_machine(page)
        answer = here.post("/train/set", data={"data.source": str(photos), "data.validation": "0.2", **wanted})
        assert answer.status_code == 303

    return begin


class Held(NamedTuple):
    """An import that waits after its first images."""

    under_way: Event
    go_on: Event


@pytest.fixture
def held_import(monkeypatch: pytest.MonkeyPatch) -> Held:
    """Imports tell that they are under way, and go on when they are let."""
    held = Held(Event(), Event())

    def slowly(path: Any, workspace: Any, name: Any, size: Any, progress: Any, called: Any, wanted: Any) -> object:
        def held_up(images: int) -> None:
            held.under_way.set()
            assert held.go_on.wait(10)
            progress(images)

        return import_data(path, workspace, name, size, held_up, called, wanted)

    monkeypatch.setattr(imports, "import_data", slowly)
    return held
