"""What watching costs: ``python -m benchmarks.page_live [--only memory slowdown idle] [--out FILE.md]``.

    memory     of the page's process while 20 tabs watch a run that says all that an hour-long one says
    slowdown   of a training by a page that watches it, in Chromium on the same machine (goal: at most 3 %)
    idle       cores and memory that a waiting worker and a page that nobody looks at take

An hour is compressed: the 5 rows a second of 60 epochs, a minute each, are written through the store as a worker writes
them, one transaction for each row, but as fast as the store takes them (or ``--speed`` times as fast as in reality);
then the run ends, which forgets its rows. The tabs are 20 sockets that read everything, as pages do. As the page reads
the store five times a second by the clock, it sends fewer and larger updates than in reality.

For the slowdown the same spec is trained again and again, in pairs, with and without a browser that watches, each first
in turn; what counts is the time of all epochs but the first, training and validation, as the run itself tells it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser

from benchmarks.side_by_side import Spread, end_on_signals, machine, positive, publish, say, versions
from fittingroom.data.stages import open_stages
from fittingroom.queue.stored import open_store
from fittingroom.queue.submit import create_run
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import from_toml, presets
from fittingroom.store import ProgressRow, Store
from fittingroom.workspace import Workspace
from tools import furnish
from tools.browser import chromium, until
from tools.served import Server, Visitor, served
from tools.tabs import wait_for, watching

TABS = 20
ROWS_A_SECOND, SECONDS_OF_AN_EPOCH, EPOCHS = 5, 60, 60
STEPS_A_ROW = 10
MIB = 2**20
IDLE_SECONDS = 30.0


@dataclass(frozen=True)
class Given:
    """What every part measures with."""

    workspace: Path
    pairs: int
    preset: str
    epochs: int
    speed: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS), help="these parts")
    parser.add_argument("--pairs", type=positive, default=6, help="of trainings, watched and not (default 6)")
    parser.add_argument("--preset", default="starter", help="what is trained for the slowdown (default starter)")
    parser.add_argument("--epochs", type=positive, default=8, help="of each training (default 8)")
    parser.add_argument(
        "--speed", type=float, default=0, help="of the hour; 0 (default): as fast as the store takes it"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="also write the report to this file")
    asked = parser.parse_args()
    end_on_signals()
    report = ["# What watching costs", "", machine(), versions("starlette", "uvicorn", "websockets"), ""]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FITTINGROOM_CACHE"] = f"{folder}/cache"
        for part in asked.only:
            say(part)
            given = Given(Path(folder) / part, asked.pairs, asked.preset, asked.epochs, asked.speed)
            report += [f"## {part}", "", *PARTS[part](given), ""]
    publish(report, asked.out)


def memory(given: Given) -> Iterator[str]:
    """The page's process alone, its resident memory: without tabs, while they watch, and afterwards."""
    with served(given.workspace) as server, Visitor.of(server.address) as visitor:
        furnish.wait_for_worker(given.workspace)
        assert server.process is not None
        process = psutil.Process(server.process.pid)
        workspace = Workspace.find(given.workspace)
        with open_store(workspace) as store:
            run, attempt = begin(store, workspace)
            assert visitor.get(f"/train/{run}").is_page
            before = process.memory_info().rss
            with watching(visitor, run, TABS) as tabs:
                began, most = time.perf_counter(), 0
                for share in hour(store, run, attempt, given.speed):
                    most = max(most, process.memory_info().rss)
                    say(f"{share:.0%}: {most / MIB:.0f} MiB") if share * 10 % 1 == 0 else None
                seconds = time.perf_counter() - began
                store.end(run, attempt, "finished", message="All of it was said.")
                wait_for(tabs, "finished")
                most, after = max(most, process.memory_info().rss), process.memory_info().rss
                received = [sum(tab.bytes for tab in tabs) / TABS, sum(tab.updates for tab in tabs) / TABS]
                assert all(tab.epochs == list(range(1, EPOCHS + 1)) for tab in tabs), "a tab missed an epoch"
            time.sleep(2)
            left = process.memory_info().rss
    rows = ROWS_A_SECOND * SECONDS_OF_AN_EPOCH * EPOCHS
    yield f"{rows:,} rows and {EPOCHS} epochs in {seconds:.0f} s, {TABS} tabs; each tab got every epoch once"
    yield f"before the tabs {before / MIB:.0f} MiB, at most {most / MIB:.0f} MiB, after the run's end"
    yield f"{after / MIB:.0f} MiB, with the tabs closed {left / MIB:.0f} MiB (resident memory of the page's process)"
    yield f"to each tab {received[0] / 1024:.0f} KiB in {received[1]:.0f} updates"


def begin(store: Store, workspace: Workspace) -> tuple[str, int]:
    """A run that this very process works on; no worker knows of it."""
    spec, stages = open_stages(from_toml(presets()["linear"], overrides=[f"train.epochs={EPOCHS}"]), workspace)
    run = create_run(store, spec, stages, workspace, {"kind": "new"})
    return run, store.begin_attempt(run, {"processor": "none", "precision": "fp32", "threads": 1, "rewrites": []})


def hour(store: Store, run: str, attempt: int, speed: float) -> Iterator[float]:
    """Write what a worker writes in an hour; yields the share that is written, once for each epoch."""
    began, each = time.perf_counter(), ROWS_A_SECOND * SECONDS_OF_AN_EPOCH
    for epoch in range(1, EPOCHS + 1):
        for place in range(each):
            number = (epoch - 1) * each + place + 1
            if speed:
                time.sleep(max(0.0, began + number / ROWS_A_SECOND / speed - time.perf_counter()))
            done = epoch - 1 + (place + 0.5) / each
            row = ProgressRow(STEPS_A_ROW * number, done, 1000 * number, 1 / (1 + done), 0.9, 12345.6)
            store.record_progress(run, attempt, row)
        loss = 1 / (1 + epoch)
        metrics = EpochMetrics(epoch, loss, 0.9, loss, 0.9, 0.001, float(SECONDS_OF_AN_EPOCH))
        store.record_epoch(run, attempt, metrics, best=True)
        yield epoch / EPOCHS


def slowdown(given: Given) -> Iterator[str]:
    """Watched against unwatched, pair by pair; the one that comes first changes."""
    ratios, alone = [], []
    with chromium() as browser, served(given.workspace) as server, Visitor.of(server.address) as visitor:
        trained(server, given, None)  # warm: data decoded, files read
        for pair in range(given.pairs):
            seconds = {}
            for watched in (pair % 2 == 0, pair % 2 == 1):
                seconds[watched] = trained(server, given, (browser, visitor) if watched else None)
            ratios.append(100 * (seconds[True] / seconds[False] - 1))
            alone.append(seconds[False])
            say(f"alone {seconds[False]:.2f} s, watched {seconds[True]:.2f} s: {ratios[-1]:+.1f} %")
    epochs = f"epochs 2 to {given.epochs} of `{given.preset}`"
    yield f"{epochs}, alone {Spread(tuple(alone)).show('.2f')} s: median (lowest – highest)"
    yield f"watched {Spread(tuple(ratios)).show('+.1f')} % longer, {given.pairs} pairs: median (lowest – highest)"


def trained(server: Server, given: Given, watcher: tuple[Browser, Visitor] | None) -> float:
    """Seconds of one training's epochs but the first, which a browser comes to watch where there is one."""
    furnish.wait_for_worker(given.workspace)
    run = furnish.submit(given.workspace, given.preset, **{"train.epochs": given.epochs})
    if watcher is None:
        furnish.wait_for(given.workspace, run, "finished")
    else:
        browser, visitor = watcher
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        visitor.lend_cookies(context)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/train/{run}")
        until(page, "document.querySelector('[data-part^=chart] canvas')", 60)
        furnish.wait_for(given.workspace, run, "finished")
        context.close()
    with open_store(Workspace.find(given.workspace)) as store:
        return sum(epoch.seconds for epoch in store.run(run).epochs[1:])


def idle(given: Given) -> Iterator[str]:
    """Of one core, over half a minute in which nobody asks for anything."""
    with served(given.workspace) as server:
        furnish.wait_for_worker(given.workspace)
        assert server.process is not None
        with open_store(Workspace.find(given.workspace)) as store:
            pids = {"page": server.process.pid, "worker": store.queue.workers()[0].owner.pid}
        time.sleep(5)
        processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        before = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
        time.sleep(IDLE_SECONDS)
        for name, process in processes.items():
            share = (sum(process.cpu_times()[:2]) - before[name]) / IDLE_SECONDS
            rss = process.memory_info().rss / MIB
            yield f"{name}: {share:.2%} of one core over {IDLE_SECONDS:.0f} s, {rss:.0f} MiB"


PARTS: dict[str, Callable[[Given], Iterator[str]]] = {"memory": memory, "slowdown": slowdown, "idle": idle}

if __name__ == "__main__":
    main()
