"""A real Chromium, and the real page in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tools import browser
from tools.browser import complaints_of
from tools.served import Server, served


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Any Chromium of this machine; without one the tests are skipped, or fail where it is required."""
    if browser.find_chromium() is None:
        if os.environ.get("FITTINGROOM_REQUIRE_BROWSER"):
            pytest.fail("FITTINGROOM_REQUIRE_BROWSER is set, and there is no Chromium on this machine")
        pytest.skip("no Chromium on this machine")
    with browser.chromium() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The page on an empty workspace with cores of its own; whatever it started is ended."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    with served(tmp_path / "workspace") as server:
        yield server


@pytest.fixture
def context(chromium: Browser, server: Server) -> Iterator[BrowserContext]:
    """An empty profile that was given the address; complaints of the browser fail the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    complaints = complaints_of(context, server.port)
    yield context
    context.close()
    lost = ("ERR_CONNECTION_REFUSED", "ERR_INTERNET_DISCONNECTED", "WebSocket connection", "Failed to fetch")
    assert [text for text in complaints if not any(word in text for word in lost)] == []


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Page:
    page = context.new_page()
    page.goto(server.address)
    return page
