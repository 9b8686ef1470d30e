"""``fittingroom web``: find a port, keep the token, serve, open the browser, and say what goes on when it ends."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from fittingroom.errors import InvalidInput
from fittingroom.web.app import create_app
from fittingroom.web.uploads import USUAL_LIMIT
from fittingroom.workspace import Workspace

PORT = 8640
LOOPBACK = "127.0.0.1"
TRIES = 20


def serve(
    workspace: Workspace, *, port: int | None = None, host: str = LOOPBACK, browser: bool = True,
    data_root: Path | None = None, upload_limit: int = USUAL_LIMIT,
    say: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Serve the page until Ctrl-C. Without ``port`` it is 8640, or the next one that is free.

    ``data_root``: browsers on other machines may import what is below it. ``upload_limit``: bytes of one upload.
    Raises InvalidInput when the port is taken or may not be used.
    """
    with listen(host, port) as listener:
        found = listener.getsockname()[1]
        names = {f"{name}:{found}" for name in {host, LOOPBACK, "localhost", "[::1]"}}
        token = token_of(workspace.create())
        app = create_app(workspace, hosts=names, token=token, data_root=data_root, upload_limit=upload_limit)
        address = f"http://{host}:{found}/?token={token}"
        told = [f"Fitting Room is at {address}"]
        if host != LOOPBACK:
            told.append(
                "Whoever knows this address can use the page, from other machines too; the line is not encrypted."
            )

        def ready() -> None:
            for line in told:
                say(line)
            if browser:
                open_browser(address)

        config = uvicorn.Config(app, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=2)
        with suppress(KeyboardInterrupt):  # which uvicorn hands on when it has shut down
            Server(config, ready).run(sockets=[listener])
        goes_on = [worker.run for worker in app.state.workers.living() if worker.run]
        say(farewell(goes_on))


class Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that is bound; the wished-for port has to be free, the usual one need not."""
    wanted = [port] if port is not None else [*range(PORT, PORT + TRIES), 0]
    for number in wanted:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, so that asyncio sends at once
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
            return listener
        except OSError as error:
            listener.close()
            reason = error.strerror
        except OverflowError:
            reason = "ports go from 0 to 65535"
    raise InvalidInput(f"cannot listen on {host}, port {port}: {reason}; choose another with --port")


def token_of(workspace: Workspace) -> str:
    """What a browser has to know; the same as last time, so that open pages find back after a restart."""
    path = workspace.root / "web-token"
    try:
        known = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        known = ""
    if len(known) >= 32:
        return known
    token = secrets.token_urlsafe(32)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(token)
    return token


def open_browser(address: str) -> None:
    """In a browser with a window, where there is one."""
    windows = sys.platform in {"darwin", "win32"} or {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & os.environ.keys()
    if windows:
        webbrowser.open(address)


def farewell(goes_on: list[str]) -> str:
    """What goes on without the page."""
    if not goes_on:
        return "The page is closed; nothing is being trained."
    names = ", ".join(goes_on)
    return (
        f"The page is closed; {names} goes on. Come back with: fittingroom web. "
        f"Stop it with: fittingroom runs stop {goes_on[0]}"
    )
