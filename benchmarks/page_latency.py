"""How fast the page is: ``python -m benchmarks.page_latency [--only first curve …] [--out FILE.md]``.

    first     from the start of ``fittingroom web`` to a whole first page, scripts and styles included (goal: 1 s)
    curve     from the click on Start to the first point of the curve on the screen, in Chromium (goal: 3 s)
    answers   how long each page takes to answer, idle and while a training uses every core (goal: 95 % within 100 ms)
    weight    bytes over the wire: of a first visit, and of each page with all that the browser keeps
    sheets    sheets of 100 and of 400 images in an order that nobody has asked for before

Everything is asked from outside, of a page that is a process of its own, on a workspace with short trainings and an
imported data set. Pages are found by following links, so every view counts. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page as Tab

from benchmarks.side_by_side import Spread, end_on_signals, machine, positive, publish, say, versions
from tools import furnish, pages, traffic
from tools.browser import chromium
from tools.pages import Page
from tools.served import Server, Visitor, served

ASSET = re.compile(r'(?:src|href)="(/static/[^"]+)"')
SHEET = re.compile(r'"(/data/sheet/[^"]+)"')
NEWEST_FIRST: dict[str, object] = {"train.epochs": 1, "data.validation": 0.3, "data.source": "shoes", "name": "shoes"}
BUSY = "cnn"
"""What is trained meanwhile: its convolutions use every core."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS), help="these parts")
    parser.add_argument("--repeats", type=positive, default=10, help="starts and clicks (default 10)")
    parser.add_argument("--requests", type=positive, default=100, help="to each page (default 100)")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="also write the report to this file")
    given = parser.parse_args()
    end_on_signals()
    report = ["# How fast the page is", "", machine(), versions("starlette", "uvicorn"), ""]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FITTINGROOM_CACHE"] = f"{folder}/cache"
        workspace = Path(folder) / "workspace"
        furnished(workspace)
        for part in given.only:
            say(part)
            report += [f"## {part}", "", *PARTS[part](Given(workspace, given.repeats, given.requests)), ""]
    publish(report, given.out)


@dataclass(frozen=True)
class Given:
    """What every part measures with."""

    workspace: Path
    repeats: int
    requests: int


def furnished(workspace: Path) -> None:
    """Three finished runs and an imported data set."""
    say("training some networks …")
    with served(workspace) as server, Visitor.of(server.address) as visitor:
        furnish.import_all(visitor, furnish.make_shoes(workspace.parent / "shoes"))
        furnish.train(server, "starter", **NEWEST_FIRST)
        furnish.train(server, "mlp", **{"train.epochs": 3})
        furnish.train(server, "starter", **{"train.epochs": 2})


def first_page(given: Given) -> Iterator[str]:
    """The worker, which no longer lives, is started along with the page, as for a user."""
    starts = [one_start(given.workspace) for _ in range(given.repeats + 1)]
    told, seen = zip(*starts[1:], strict=True)  # the first start reads files that later ones find in memory
    yield f"address printed after {Spread(told).show('.2f')} s, n = {given.repeats}"
    yield f"whole first page after {Spread(seen).show('.2f')} s, n = {given.repeats}: median (lowest – highest)"


def one_start(workspace: Path) -> tuple[float, float]:
    """Seconds until the address is printed, and until the page behind it has come with all that it names."""
    server = Server(workspace)
    began = time.perf_counter()
    try:
        server.start()
        told = time.perf_counter() - began
        with closing(Visitor(int(server.port))) as visitor:
            answer = visitor.get(server.address)
            for asset in dict.fromkeys(ASSET.findall(answer.body.decode())):
                assert visitor.get(unescape(asset)).status == 200
        return told, time.perf_counter() - began
    finally:
        server.end()


def first_point(given: Given) -> Iterator[str]:
    """The draft that everybody begins with; a worker is waiting, as it is some seconds after the first page."""
    seconds = []
    with chromium() as browser, served(given.workspace) as server, Visitor.of(server.address) as visitor:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        traffic.note_first_points(context)
        for _ in range(given.repeats):
            furnish.wait_for_worker(given.workspace)
            page = context.new_page()
            page.goto(server.address)
            page.get_by_role("button", name="Start", exact=True).click()
            page.wait_for_url("**/train/*")
            seconds.append(traffic.seconds_to_first_point(page))
            run = urlsplit(page.url).path.rpartition("/")[2]
            page.close()
            visitor.post(f"/train/{run}/stop")
            furnish.wait_for(given.workspace, run, "stopped", "finished")
        context.close()
    yield f"first point after {Spread(tuple(seconds)).show('.2f')} s, n = {given.repeats}: median (lowest – highest)"


def answers(given: Given) -> Iterator[str]:
    """The same pages in turns, over one connection."""
    with served(given.workspace) as server, Visitor.of(server.address) as visitor:
        furnish.wait_for_worker(given.workspace)
        found = pages.every_page(visitor)
        idle = times(visitor, found, given.requests)
        run = furnish.submit(given.workspace, BUSY, **{"train.epochs": 1000})
        furnish.wait_for(given.workspace, run, "running")
        furnish.wait_for_progress(given.workspace, run)
        busy = times(visitor, found, given.requests)
        visitor.post(f"/train/{run}/stop")
        furnish.wait_for(given.workspace, run, "stopped")
    yield f"milliseconds; {given.requests} requests to each page; `{BUSY}` is trained in the last two columns"
    yield from ("", "| page | idle p50 | idle p95 | training p50 | training p95 |", "|---|---:|---:|---:|---:|")
    for page in found:
        yield row(page.name, idle[page.name], busy[page.name])
    yield row("all pages", [*chain(*idle.values())], [*chain(*busy.values())])


def times(visitor: Visitor, found: Sequence[Page], requests: int) -> dict[str, list[float]]:
    """Milliseconds of each answer, by page; one request to each before does not count."""
    taken: dict[str, list[float]] = {page.name: [] for page in found}
    for number in range(requests + 1):
        for page in found:
            began = time.perf_counter()
            answer = visitor.ask("GET", page.address)
            if number:
                taken[page.name].append(1000 * (time.perf_counter() - began))
            assert answer.is_page, f"{page.address} answers with {answer.status}"
    return taken


def row(name: str, *measured: Sequence[float]) -> str:
    return " | ".join([f"| {name}", *(f"{p:.1f}" for part in measured for p in percentiles(part))]) + " |"


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 95th."""
    cuts = statistics.quantiles(values, n=20, method="inclusive") if len(values) > 1 else [values[0]] * 19
    return cuts[9], cuts[18]


def weight(given: Given) -> Iterator[str]:
    """In Chromium, headers included; the socket of a run's page is left out."""
    with chromium() as browser, served(given.workspace) as server, Visitor.of(server.address) as visitor:
        origin = server.address.split("/?")[0]
        loaded = {"(the printed address)": server.address}
        loaded |= {page.name: f"{origin}{page.address}" for page in pages.every_page(visitor)}
        yield from ("| page | first visit | again |", "|---|---:|---:|")
        for name, address in loaded.items():
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            visitor.lend_cookies(context)
            page = context.new_page()
            yield f"| {name} | {load(page, address)} | {load(page, address)} |"
            context.close()


def load(page: Tab, address: str) -> str:
    with traffic.counted(page) as wire:
        page.goto(address, wait_until="networkidle")
    return f"{wire.bytes / 1024:.1f} KiB, {wire.answers} files"


def sheets(given: Given) -> Iterator[str]:
    """Sheets are cut from the data set's memory map, which the page has open."""
    with served(given.workspace) as server, Visitor.of(server.address) as visitor:
        for images in (100, 400):
            taken, size = [], 0
            for seed in range(given.repeats + 1):
                page = visitor.get(f"/data/set?name=fashion-mnist&split=train&order=random&per={images}&seed={seed}")
                address = unescape(SHEET.findall(page.body.decode())[0])
                began = time.perf_counter()
                answer = visitor.ask("GET", address)
                taken.append(1000 * (time.perf_counter() - began))
                assert answer.status == 200
                size = len(answer.body)
            spread = Spread(tuple(taken[1:])).show(".1f")
            yield f"{images} images: {spread} ms, {size / 1024:.0f} KiB, n = {given.repeats}: median (lowest – highest)"


PARTS: dict[str, Callable[[Given], Iterator[str]]] = {
    "first": first_page, "curve": first_point, "answers": answers, "weight": weight, "sheets": sheets,
}  # fmt: skip

if __name__ == "__main__":
    main()
