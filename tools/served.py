"""The real page as a process of its own, and a visitor without a browser."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psutil
from playwright.sync_api import BrowserContext

SECONDS_THAT_CONNECTIONS_ARE_KEPT = 2.0
"""Less than the server keeps them, so that no request meets one that is being closed."""


@dataclass
class Server:
    """``fittingroom web`` as a process, which can be killed and started again."""

    workspace: Path
    process: subprocess.Popen[str] | None = None
    address: str = ""
    port: str = "0"

    @property
    def command(self) -> list[str]:
        command = [sys.executable, "-m", "fittingroom", "web", "--no-browser", "--port", self.port]
        return [*command, "--workspace", str(self.workspace)]

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Fitting Room is at http://127.0.0.1:"), line
        self.address = line.split()[-1]
        self.port = str(urlsplit(self.address).port)

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

    def end(self) -> None:
        """End it, and whatever works on its workspace."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for process in psutil.process_iter(["cmdline"]):
            if str(self.workspace) in (process.info["cmdline"] or []):
                process.kill()
                process.wait(10)


@contextmanager
def served(workspace: Path) -> Iterator[Server]:
    """The page of a workspace, until the end of the block."""
    server = Server(workspace)
    server.start()
    try:
        yield server
    finally:
        server.end()


@dataclass(frozen=True)
class Answer:
    """What came back; ``address`` is where redirects have led."""

    address: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        """Whether it is a whole page, not a part of one and not a file."""
        return self.status == 200 and self.body[:15].lower() == b"<!doctype html>"


@dataclass
class Visitor:
    """A browser without a window: one connection that is kept, and the cookies that were given to it."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection | None = None
    used: float = 0.0

    @classmethod
    @contextmanager
    def of(cls, address: str) -> Iterator[Visitor]:
        """Somebody who was given the address with its token, and goes away at the end of the block."""
        parts = urlsplit(address)
        visitor = cls(parts.port or 80)
        try:
            visitor.get(f"/?{parts.query}")
            yield visitor
        finally:
            visitor.close()

    def close(self) -> None:
        """Close the connection; another request opens one again."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def get(self, address: str) -> Answer:
        """Follows redirects."""
        return self._follow("GET", address, None)

    def post(self, address: str, **form: str) -> Answer:
        """Follows redirects. Names with dots: ``post("/train/set", **{"train.epochs": "1"})``."""
        return self._follow("POST", address, urlencode(form))

    def _follow(self, method: str, address: str, form: str | None) -> Answer:
        answer = self.ask(method, address, form)
        for _ in range(5):
            if answer.status not in {302, 303, 307}:
                break
            answer = self.ask("GET", answer.headers["location"], None)
        return answer

    def ask(self, method: str, address: str, form: str | None = None, **headers: str) -> Answer:
        """One request, and its answer as it is."""
        if time.monotonic() - self.used > SECONDS_THAT_CONNECTIONS_ARE_KEPT:
            self.close()
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        parts = urlsplit(address)
        target = f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self.connection.request(method, target, form, sent)
            response = self.connection.getresponse()
            body = response.read()
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        self.used = time.monotonic()
        for line in response.headers.get_all("set-cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(target, response.status, found, body)

    def lend_cookies(self, context: BrowserContext) -> None:
        """Let a real browser be the same visitor, with the same draft."""
        origin = f"http://127.0.0.1:{self.port}"
        context.add_cookies([{"name": name, "value": value, "url": origin} for name, value in self.cookies.items()])
