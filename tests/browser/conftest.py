"""A real Chromium, and the real page in a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Any Chromium of this machine; without one the tests are skipped, or fail where it is required."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("FITTINGROOM_REQUIRE_BROWSER"):
            pytest.fail("FITTINGROOM_REQUIRE_BROWSER is set, and there is no Chromium on this machine")
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS.split())
        yield browser
        browser.close()


@dataclass
class Server:
    """``fittingroom web`` as a process, which can be killed and started again."""

    workspace: Path
    process: subprocess.Popen[str] | None = None
    address: str = ""
    port: str = "0"

    def start(self) -> None:
        command = [sys.executable, "-m", "fittingroom", "web", "--no-browser", "--port", self.port]
        command += ["--workspace", str(self.workspace)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Fitting Room is at http://127.0.0.1:"), line
        self.address = line.split()[-1]
        self.port = self.address.split(":")[2].split("/")[0]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def stop(self) -> str:
        """Ctrl-C; returns what it says then."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        told, _ = self.process.communicate(timeout=30)
        return told


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The page on an empty workspace with cores of its own; whatever it started is ended."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    server = Server(tmp_path / "workspace")
    server.start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()
    for process in psutil.process_iter(["cmdline"]):
        if str(server.workspace) in (process.info["cmdline"] or []):
            process.kill()
            process.wait(10)


@pytest.fixture
def context(chromium: Browser, server: Server) -> Iterator[BrowserContext]:
    """An empty profile that was given the address; complaints of the browser fail the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("request", lambda request: server.port not in request.url and complaints.append(request.url))

    context.on("page", watch)
    yield context
    context.close()
    lost = ("ERR_CONNECTION_REFUSED", "WebSocket connection")
    assert [text for text in complaints if not any(word in text for word in lost)] == []


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Page:
    page = context.new_page()
    page.goto(server.address)
    return page
