"""What a real browser sees of its own traffic: bytes over the wire, and when things are on the screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page

from tools.browser import until

FIRST_POINT = """
addEventListener("click", () => { sessionStorage.clicked = String(Date.now()); }, true);
const look = () => {
  if (!document.querySelector("[data-part^=chart] canvas")) return requestAnimationFrame(look);
  requestAnimationFrame(() => { sessionStorage.seen = String(Date.now()); });
};
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    const hear = (message) => {
      const update = JSON.parse(message.data);
      if (!update.progress?.length && !update.epochs?.length) return;
      this.removeEventListener("message", hear);
      requestAnimationFrame(look);
    };
    this.addEventListener("message", hear);
  }
};
"""
"""Notes the last click, and the frame after the one in which a chart has a first point."""


def note_first_points(context: BrowserContext) -> None:
    """From now on its pages note when a click was, and when a curve had its first point on the screen."""
    context.add_init_script(FIRST_POINT)


def seconds_to_first_point(page: Page, patience: float = 60) -> float:
    """From the last click until a curve had its first point on the screen."""
    until(page, "sessionStorage.seen", patience)
    milliseconds: float = page.evaluate("Number(sessionStorage.seen) - Number(sessionStorage.clicked)")
    return milliseconds / 1000


@dataclass
class Wire:
    """What came over the wire: nothing for what the browser had already."""

    bytes: int = 0
    answers: int = 0


@contextmanager
def counted(page: Page) -> Iterator[Wire]:
    """Counts what a page loads within the block, headers included; sockets are left out."""
    wire, session = Wire(), page.context.new_cdp_session(page)

    def finished(event: dict[str, object]) -> None:
        length = event["encodedDataLength"]
        assert isinstance(length, int | float)
        wire.bytes += int(length)
        wire.answers += length > 0

    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    yield wire
    session.detach()
