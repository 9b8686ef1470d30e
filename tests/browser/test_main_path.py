"""What most users do, in a real browser: start, watch, reload, lose the server, come back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

SOON = 60_000


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


def test_from_nothing_to_a_trained_network_in_two_clicks(page: Page, server: Any) -> None:
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
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("link", name="linear-1")).to_be_visible()


def test_a_reload_a_second_tab_and_a_restarted_server_show_the_same(
    page: Page, server: Any, context: BrowserContext
) -> None:
    run = start(page, "mlp", epochs="2000")
    rows = page.locator("[data-part=epochs] tr")
    expect(rows.nth(2)).to_be_visible(timeout=SOON)
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
    numbers = [int(text.split()[0]) for text in page.locator("[data-part=epochs] tr td:first-child").all_inner_texts()]
    assert numbers == list(range(len(numbers), 0, -1))  # no gaps, nothing twice

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
    expect(page.locator("[data-part=state]")).to_contain_text("running", timeout=SOON)
    seen = rows.count()
    expect(rows.nth(seen + 2)).to_be_visible(timeout=SOON)
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


def test_all_of_it_works_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.locator('[name="train.epochs"]').focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    page.keyboard.press("Tab")
    expect(page.locator('[name="train.batch_size"]')).to_be_focused()
    page.get_by_role("button", name="Start", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=state]")).to_have_text("finished", timeout=SOON)
