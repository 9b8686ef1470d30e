"""What most users do, in a real browser: start, watch, reload, lose the server, come back."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import BrowserContext, Page, WebSocket, expect

SOON = 120_000


def told(server: Any, *arguments: str) -> Any:
    """What the command line says of the same workspace."""
    command = [sys.executable, "-m", "fittingroom", *arguments, "--workspace", str(server.workspace), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def start(page: Page, preset: str, **settings: str) -> str:
    """Start a preset with a few settings changed; returns the run's name."""
    page.get_by_role("button", name=preset, exact=True).click()
    for path, value in settings.items():
        field = page.locator(f'[name="train.{path}"]')
        field.fill(value)
        field.press("Tab")
        expect(page.locator(f'[name="train.{path}"]')).to_have_value(value)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/train/[a-z-]+-\d+$"))
    return page.url.rpartition("/")[2]


def predicted(server: Any, run: str, *, true: int, taken_for: int) -> set[int]:
    """The validation images of a class that the stored predictions take for another."""
    (path,) = (server.workspace / "runs" / run).rglob("validation-predictions-*.npz")
    with np.load(path) as stored:
        chosen = (stored["labels"] == true) & (stored["probabilities"].argmax(axis=1) == taken_for)
        return set(stored["indices"][chosen].tolist())


def on_sheet(address: str) -> set[int]:
    """The images on a sheet, by its address; for anything else, what no cell holds."""
    parts = urlsplit(address)
    wanted = parse_qs(parts.query).get("images", ["-1"])[0] if parts.path.startswith("/data/sheet/") else "-1"
    return set(map(int, wanted.split(",")))


def ends(process: psutil.Process) -> set[str]:
    """The machines that a process is connected with."""
    return {connection.raddr.ip for connection in process.net_connections() if connection.raddr}


def processes_of(server: Any) -> list[psutil.Process]:
    """The page and its workers."""
    every = psutil.process_iter(["cmdline"])
    return [process for process in every if str(server.workspace) in (process.info["cmdline"] or [])]


def test_three_clicks_to_live_curves_then_a_cell_of_the_matrix_and_its_images(page: Page, server: Any) -> None:
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    page.get_by_role("button", name="linear", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("[data-part=chart-accuracy] canvas")).to_be_visible(timeout=SOON)
    expect(page.locator("[data-part=state]")).to_have_text("finished", timeout=SOON)
    run = told(server, "runs", "show", "last")
    assert (run["run"], run["state"]) == ("linear-1", "finished")
    best = max(run["epochs"], key=lambda epoch: -epoch["validation_loss"])
    expect(page.locator("[data-part=accuracy]")).to_have_text(f"{100 * best['validation_accuracy']:.1f} %")
    expect(page.locator("[data-part=accuracy-on]")).to_contain_text("validation, n = 5,000")
    expect(page.locator("[data-part=epochs] tr")).to_have_count(len(run["epochs"]))
    expect(page.locator("[data-part=reading]")).to_contain_text(f"Lowest validation loss {best['validation_loss']:.3f}")

    rail = page.get_by_role("navigation", name="Views")
    rail.get_by_role("link", name="Results", exact=True).click()
    mistakes = predicted(server, "linear-1", true=6, taken_for=0)
    with page.expect_response(lambda response: on_sheet(response.url) <= mistakes) as sheet:
        page.get_by_role("link", name=f"{len(mistakes)}: Shirt taken for T-shirt/top").click()
    images = page.locator("#cell-images li a")
    expect(images).to_have_count(min(len(mistakes), 60))
    shown = [images.nth(place).get_attribute("href") or "" for place in range(images.count())]
    assert {int(address.rpartition("/")[2]) for address in shown} == on_sheet(sheet.value.url) <= mistakes
    assert Image.open(io.BytesIO(sheet.value.body())).width > 0
    rail.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("link", name="linear-1", exact=True)).to_be_visible()
    processes = processes_of(server)
    assert len(processes) >= 2
    assert set.union(*map(ends, processes)) == {"127.0.0.1"}


def heard_by(page: Page) -> list[dict[str, Any]]:
    """Every update that the sockets of a page bring from now on."""
    updates: list[dict[str, Any]] = []

    def listen(socket: WebSocket) -> None:
        if "/live/" in socket.url:
            socket.on("framereceived", lambda frame: updates.append(json.loads(frame)))

    page.on("websocket", listen)
    return updates


def without_gaps(page: Page) -> bool:
    """Whether the table has every epoch once, the newest first."""
    numbers = [int(text.split()[0]) for text in page.locator("[data-part=epochs] tr td:first-child").all_inner_texts()]
    return numbers == list(range(len(numbers), 0, -1)) != []


def test_a_reload_a_second_tab_and_a_restarted_server_show_the_same(
    page: Page, server: Any, context: BrowserContext
) -> None:
    run = start(page, "mlp", epochs="2000")
    rows = page.locator("[data-part=epochs] tr")
    expect(rows.nth(2)).to_be_visible(timeout=SOON)
    updates = heard_by(page)
    page.reload()
    expect(rows.nth(3)).to_be_visible(timeout=SOON)
    second = context.new_page()
    second.goto(page.url)
    expect(second.locator("[data-part=epochs] tr").nth(3)).to_be_visible(timeout=SOON)

    server.kill()
    expect(page.locator("[data-part=connection]")).to_be_visible(timeout=SOON)
    before = told(server, "runs", "show", run)
    assert before["state"] == "running"  # training goes on without the page
    server.start()
    expect(page.locator("[data-part=connection]")).to_be_hidden(timeout=SOON)
    seen = len(before["epochs"])
    expect(rows.nth(seen + 1)).to_be_visible(timeout=SOON)
    assert without_gaps(page)
    brought = [epoch["epoch"] for update in updates for epoch in update["epochs"]]
    assert brought == list(range(1, len(brought) + 1))  # the socket after the restart went on where the first ended
    assert [update["whole"] for update in updates].count(True) == 1
    points = [row[0] for update in updates for row in update["progress"]]
    assert points == sorted(set(points))

    second.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-part=state]")).to_have_text("stopped", timeout=SOON)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()


def test_a_killed_worker_is_replaced_and_the_run_goes_on(page: Page, server: Any) -> None:
    run = start(page, "mlp", epochs="2000")
    rows = page.locator("[data-part=epochs] tr")
    expect(rows.nth(1)).to_be_visible(timeout=SOON)
    first = told(server, "runs", "show", run)["attempts"]
    os.kill(first[-1]["process"], signal.SIGKILL)
    seen = len(told(server, "runs", "show", run)["epochs"])
    expect(rows.nth(seen + 1)).to_be_visible(timeout=SOON)
    expect(page.locator("[data-part=state]")).to_contain_text("running")
    assert without_gaps(page)
    attempts = told(server, "runs", "show", run)["attempts"]
    assert [attempt["number"] for attempt in attempts] == [1, 2]
    assert attempts[1]["process"] != attempts[0]["process"]
    said = server.stop()
    assert f"The page is closed; {run} goes on. Come back with: fittingroom web." in said


def test_mistakes_are_told_in_place_and_mended(page: Page) -> None:
    field = page.locator('[name="train.epochs"]')
    field.fill("0")
    field.press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("use 1 or more")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    expect(page.locator('[name="train.epochs"]')).to_have_value("5")


def test_a_reload_keeps_what_was_filled_in(page: Page, context: BrowserContext) -> None:
    field = page.locator('[name="train.epochs"]')
    field.fill("7")
    field.press("Tab")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    page.reload()
    expect(field).to_have_value("7")
    second = context.new_page()
    second.goto(page.url)
    expect(second.locator('[name="train.epochs"]')).to_have_value("7")
