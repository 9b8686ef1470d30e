"""A browser of this machine, with the page in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, sync_playwright

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
WIDTHS = {"wide": (1440, 900), "narrow": (390, 844)}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def find_chromium() -> str | None:
    """Any Chromium of this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; ends the program where there is none."""
    found = find_chromium()
    if found is None:
        raise SystemExit(f"there is no Chromium on this machine; install one of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS.split())
        yield browser
        browser.close()


def complaints_of(context: BrowserContext, port: str) -> list[str]:
    """What its pages complain of from now on, and every address that is not the server's."""
    found: list[str] = []

    def look_at(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"blob", "data"} and parts.netloc != f"127.0.0.1:{port}":
            found.append(f"asked {address}")

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            found.append(f"{said.text} ({said.location['url']})")

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("console", hear)
        page.on("request", lambda request: look_at(request.url))
        page.on("websocket", lambda socket: look_at(socket.url))

    context.on("page", watch)
    return found


def until(page: Page, condition: str, patience: float = 30) -> None:
    """Look every frame until a condition holds, such as ``document.querySelector("canvas")``.

    ``Page.wait_for_function`` evaluates its text in the page, which the policy of the pages forbids. Raises Error
    after ``patience`` seconds.
    """
    page.evaluate(
        f"""async () => {{
          const end = performance.now() + {1000 * patience};
          while (!({condition})) {{
            if (performance.now() > end) throw new Error("not within {patience} s: " + {condition!r});
            await new Promise(requestAnimationFrame);
          }}
        }}"""
    )


CLICK_AGAIN = """
const again = () => document.elementFromPoint(%s, %s)?.closest("button, a")?.click();
const atOnce = () => { again(); setTimeout(again, 100); setTimeout(again, 400); };
if (location.pathname === "%s") addEventListener("DOMContentLoaded", atOnce, { once: true });
"""


def double_click(page: Page, button: Locator, leads_to: str) -> None:
    """Click a button that leads to another page, and click the same place as soon as that is there, and a little later.

    The page itself does the later ones: how soon a click of the mouse comes depends on how busy the machine is.
    """
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.add_init_script(CLICK_AGAIN % (*at, leads_to))
    page.mouse.click(*at)


def settle(page: Page) -> None:
    """Until everything has come that the page asks for, and nothing moves any more."""
    until(page, "!document.querySelector(':not(:defined)')")
    page.wait_for_load_state("networkidle")
    until(page, "[...document.images].every((image) => image.complete || image.loading === 'lazy')")
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))")
