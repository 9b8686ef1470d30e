"""The page without a browser: a client that knows the token, and a workspace with small data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fittingroom.store import Store
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
def store(page: TestClient) -> Store:
    """The store that the page reads."""
    store: Store = page.app.state.site.store  # type: ignore[attr-defined]
    return store


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder per class: 3 × 30 grey pictures of 8×8 with a stripe."""
    generator = np.random.default_rng(1)
    for label, name in enumerate(["left", "middle", "right"]):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(30):
            pixels = generator.integers(0, 100, (8, 8), dtype=np.uint8)
            pixels[:, 2 * label + 1] += 120
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def draft_on(page: TestClient, photos: Path) -> Callable[..., None]:
    """``draft_on("train.epochs=2")``: a small draft on those photos, with settings changed."""

    def begin(*settings: str) -> None:
        page.post("/train/from", data={"preset": "linear"})
        wanted = dict(setting.split("=", 1) for setting in settings)
        answer = page.post("/train/set", data={"data.source": str(photos), "data.validation": "0.2", **wanted})
        assert answer.status_code == 303

    return begin
