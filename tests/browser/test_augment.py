"""The view Augment in a real browser: a strength by keyboard, the pictures that follow, and what a reload keeps."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

SOON = 60_000


def test_a_slider_moved_by_keyboard_changes_the_pictures_and_a_reload_keeps_it(page: Page, server: Any) -> None:
    page.get_by_role("link", name="Augment", exact=True).click()
    page.get_by_role("button", name=re.compile("^Shift")).click()
    slider = page.get_by_role("slider", name=re.compile("^Shift"))
    number = page.get_by_role("textbox", name="fraction")
    expect(number).to_have_value("0.08")
    preview = page.locator("#preview")
    before = preview.get_attribute("href")

    page.wait_for_load_state("networkidle")  # what has just come is there, and listens
    slider.focus()
    with page.expect_response(re.compile("/augment/sheet/.*0.09")) as drawn, page.expect_response("**/augment/set"):
        page.keyboard.press("ArrowRight")
    assert drawn.value.ok
    assert drawn.value.header_value("content-type") == "image/png"
    expect(number).to_have_value("0.09")
    expect(preview).to_have_attribute("href", re.compile("0.09"))
    assert preview.get_attribute("href") != before
    expect(page.locator("#strips")).to_have_attribute("href", re.compile("0.09"))
    expect(slider).to_be_focused()

    page.reload()
    expect(number).to_have_value("0.09")
    expect(slider).to_have_value("0.09")
    slider.focus()
    page.keyboard.press("Control+z")
    expect(number).to_have_value("0.08")
    expect(slider).to_have_value("0.08")

    page.get_by_role("button", name="Measure").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Worst case of each class")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("row", name=re.compile("^Bag"))).to_contain_text("%")


def test_two_strengths_changed_one_after_the_other_are_both_kept(page: Page) -> None:
    page.get_by_role("link", name="Augment", exact=True).click()
    for name in ("Rotation", "Brightness"):
        page.get_by_role("button", name=re.compile(f"^{name}")).click()
        expect(page.get_by_role("slider", name=re.compile(f"^{name}"))).to_be_visible()
    page.get_by_role("textbox", name="degrees").fill("33")
    page.get_by_role("textbox", name="fraction").fill("0.7")
    page.get_by_role("textbox", name="fraction").press("Tab")
    expect(page.locator("textarea")).to_have_value(re.compile("degrees = 33\\b.*fraction = 0.7", re.DOTALL))
    page.reload()
    expect(page.get_by_role("textbox", name="degrees")).to_have_value("33")
    expect(page.get_by_role("textbox", name="fraction")).to_have_value("0.7")
