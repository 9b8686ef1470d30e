"""Setting a run up in a real browser: the time it takes, weights to begin with, several seeds at one double click."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tools.browser import double_click

SOON = 60_000


def test_weights_of_a_run_are_taken_mended_and_queued_for_three_seeds(page: Page, server: Any) -> None:
    expect(page.locator(".expected")).to_have_text(re.compile("^About .* for 5 epochs$"), timeout=SOON)
    page.get_by_role("button", name="linear", exact=True).click()
    epochs = page.locator('[name="train.epochs"]')
    epochs.fill("1")
    epochs.press("Tab")
    expect(page.locator(".total")).to_contain_text("1 epoch at most: 55,000 images")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("[data-part=state]")).to_have_text("finished", timeout=SOON)

    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("button", name="mlp", exact=True).click()
    page.get_by_label("from", exact=True).select_option("linear-1")
    start = page.get_by_role("button", name="Start", exact=True)
    expect(page.get_by_role("alert")).to_contain_text("classify_1.weight is 10×120 here, but 10×784 in linear-1")
    expect(start).to_be_disabled()
    page.get_by_role("button", name="Let classify_1 begin anew").click()
    expect(page.get_by_role("alert")).to_contain_text("no layer takes its weights from linear-1")
    page.get_by_role("button", name="Begin with fresh weights").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("from", exact=True)).to_have_value("")

    page.get_by_role("button", name="linear", exact=True).click()
    page.get_by_label("from", exact=True).select_option("linear-1")
    row = page.locator("#transfer").get_by_role("row", name=re.compile("^classify_1"))
    expect(row).to_contain_text("copied")
    again = page.get_by_label("Let classify_1 begin anew")
    again.check()
    expect(row).to_contain_text("fresh")
    again.uncheck()
    expect(row).to_contain_text("copied")
    page.get_by_label("How many runs").select_option("3")
    start.dblclick()
    page.wait_for_url(re.compile(r"/train/compare\?run=linear-2&run=linear-3&run=linear-4$"))
    page.goto(f"{page.url.partition('/train')[0]}/runs")
    expect(page.get_by_role("link", name=re.compile(r"^(linear|mlp)-\d+$"))).to_have_count(4)


def test_a_double_click_on_start_does_not_stop_what_it_started(page: Page) -> None:
    """Where Start stood, Stop stands on the next page; the second click may come as soon as that is there, or later."""
    double_click(page, page.get_by_role("button", name="Start", exact=True), leads_to="/train/starter-1")
    page.wait_for_url(re.compile(r"/train/starter-1$"))
    expect(page.locator("[data-part=state]")).to_contain_text("epoch", timeout=60_000)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-part=state]")).to_contain_text("stopped", timeout=60_000)
