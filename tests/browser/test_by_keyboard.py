"""From data to results with the keys alone: nothing is clicked, and nothing is given the focus but by Tab."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

SOON = 120_000
MOST_STOPS = 80


def reach(page: Page, target: Locator) -> None:
    """Press Tab until it has the focus."""
    expect(target).to_be_visible()
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target} within {MOST_STOPS} stops")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    reach(page, target)
    page.keyboard.press(key)


def visit(page: Page, view: str) -> None:
    """A view, from the rail."""
    press(page, page.get_by_role("navigation", name="Views").get_by_role("link", name=view, exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text(view)


def fill(page: Page, field: Locator, value: str) -> None:
    reach(page, field)
    page.keyboard.press("Control+A")
    page.keyboard.type(value)


def test_data_network_training_and_results_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()

    visit(page, "Data")
    press(page, page.get_by_role("link", name="Browse fashion-mnist"))
    expect(page.get_by_role("heading", level=1)).to_have_text("fashion-mnist")

    visit(page, "Train")
    press(page, page.get_by_role("button", name="linear", exact=True))
    expect(page.get_by_role("button", name="linear", exact=True)).to_have_attribute("aria-pressed", "true")
    visit(page, "Network")
    press(page, page.locator("#add-dense"))
    fill(page, page.get_by_role("spinbutton", name="units"), "16")
    parameters = page.get_by_role("row", name="Parameters")
    expect(parameters).to_contain_text("12,730")  # 784 × 16 + 16, and 16 × 10 + 10

    visit(page, "Train")
    fill(page, page.locator('[name="train.epochs"]'), "1")
    page.keyboard.press("Tab")
    press(page, page.get_by_role("button", name="Start", exact=True))
    expect(page.locator("[data-part=state]")).to_have_text("finished", timeout=SOON)

    visit(page, "Results")
    matrix = page.get_by_role("table", name=re.compile("Confusion matrix"))
    press(page, matrix.get_by_role("link").first, "ArrowDown")
    page.keyboard.press("ArrowRight")
    second = matrix.locator("tbody tr").nth(1).locator("td").nth(1)
    expect(second.locator("a")).to_be_focused()
    count = second.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=3)).to_have_text(re.compile(rf"^{count} images? of Trouser recognized$"))
    press(page, page.locator("#cell-images li a").first)
    expect(page).to_have_url(re.compile(r"/image/\d+$"))
