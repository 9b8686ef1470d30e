"""Many tabs on one run, without a browser: sockets that read all that comes, as the page's do."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import websockets

from tools.served import Visitor


@dataclass
class Tab:
    """What one of them got."""

    bytes: int = 0
    updates: int = 0
    state: str = ""
    epochs: list[int] = field(default_factory=list)

    async def watch(self, visitor: Visitor, run: str) -> None:
        """Until it is cancelled."""
        host = f"127.0.0.1:{visitor.port}"
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())}
        async with websockets.connect(
            f"ws://{host}/live/{run}",
            origin=websockets.Origin(f"http://{host}"),
            additional_headers=sent,
            max_size=None,
        ) as socket:
            await socket.send("{}")
            async for message in socket:
                update = json.loads(message)
                self.bytes, self.updates, self.state = self.bytes + len(message), self.updates + 1, update["state"]
                self.epochs += [epoch["epoch"] for epoch in update["epochs"]]


def wait_for(tabs: list[Tab], state: str, seconds: float = 60) -> None:
    """Until all of them were told so."""
    deadline = time.monotonic() + seconds
    while not all(tab.state == state for tab in tabs):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the tabs have {sorted({tab.state for tab in tabs})}, not {state}")
        time.sleep(0.1)


@contextmanager
def watching(visitor: Visitor, run: str, number: int) -> Iterator[list[Tab]]:
    """So many tabs on a running run, in a thread of their own, until the end of the block."""
    tabs, loop, stop = [Tab() for _ in range(number)], asyncio.new_event_loop(), asyncio.Event()

    async def every() -> None:
        watchers = [asyncio.create_task(tab.watch(visitor, run)) for tab in tabs]
        await stop.wait()
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)

    def follow() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(every())

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        wait_for(tabs, "running")
        yield tabs
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
