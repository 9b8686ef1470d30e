"""The view Runs in a real browser, by the keyboard alone: find, sort, label, delete, undo."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from fittingroom.queue.stored import open_store
from fittingroom.spec.run import from_toml, presets
from fittingroom.workspace import Workspace


def fill(server: Any) -> None:
    """Six finished runs of two kinds."""
    with open_store(Workspace(server.workspace)) as store:
        for number in range(6):
            preset = ("linear", "mlp")[number % 2]
            spec = from_toml(presets()[preset], overrides=[f"name={preset}", f"seed={number}"])
            run = store.create_run(
                name=preset, spec=json.dumps(spec.to_json()), spec_id=spec.content_id, fingerprint="f", parameters=9
            )
            attempt = store.begin_attempt(run, {})
            store.end(run, attempt, "finished", best_epoch=1, validation_accuracy=0.7 + number / 100)


def names(page: Page) -> list[str]:
    return page.locator("tbody th .name").all_text_contents()


def test_runs_are_found_sorted_labelled_and_deleted_by_keyboard(page: Page, server: Any) -> None:
    fill(server)
    page.goto(page.url.replace("/train", "/runs"))
    page.evaluate("window.sameDocument = true")
    expect(page.locator("tbody tr")).to_have_count(6)

    page.get_by_label("Find").focus()
    page.keyboard.type("mlp")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.get_by_label("Find")).to_be_focused()
    expect(page).to_have_url(re.compile(r"q=mlp"))

    page.get_by_role("link", name="Accuracy").focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Accuracy")
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Accuracy")
    assert names(page) == ["mlp-1", "mlp-2", "mlp-3"]
    expect(page.get_by_role("link", name="Accuracy")).to_be_focused()

    page.get_by_role("link", name="Edit name, tags and note of mlp-2").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Name", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Edit name, tags and note of mlp-2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("the good mlp")
    page.keyboard.press("Tab")
    page.keyboard.type("best")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="the good mlp")).to_be_visible()
    expect(page.get_by_role("link", name="Only runs tagged best")).to_be_visible()
    expect(page.get_by_role("link", name="Edit name, tags and note of mlp-2")).to_be_focused()

    delete = page.get_by_role("button", name="Delete", exact=True)
    expect(delete).to_be_disabled()
    for run in ("mlp-1", "mlp-3"):
        page.get_by_label(f"Choose {run}").focus()
        page.keyboard.press("Space")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("link", name="Created").press("Enter")  # what is chosen stays so
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Created")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    delete.press("Enter")
    expect(page.get_by_text("mlp-3, mlp-1 were deleted.")).to_be_visible()
    assert names(page) == ["the good mlp"]
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("mlp-3, mlp-1 are back.")).to_be_visible()
    assert names(page) == ["mlp-3", "the good mlp", "mlp-1"]
    assert page.evaluate("window.sameDocument")
    for run in ("mlp-3", "mlp-1"):
        page.get_by_label(f"Choose {run}").check()
    page.route("**/train/compare?*", lambda route: route.fulfill(body="another view"))
    with page.expect_navigation(url=re.compile(r"/train/compare[?]run=mlp-3&run=mlp-1$")):
        page.get_by_role("button", name="Compare").press("Enter")
    page.go_back()

    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("link", name="Edit name, tags and note of mlp-3").press("Enter")
    page.get_by_label("Note", exact=True).fill("typed, but not saved")
    page.reload()  # loses nothing
    expect(page.get_by_text("2 chosen")).to_be_visible()
    expect(page.get_by_label("Note", exact=True)).to_have_value("typed, but not saved")
    page.get_by_label("Note", exact=True).press("Escape")
    expect(page.get_by_label("Note", exact=True)).to_have_count(0)
    page.reload()  # the address says all of it
    assert names(page) == ["mlp-3", "the good mlp", "mlp-1"]
    page.go_back()
    expect(page.locator("th[aria-sort]")).to_be_visible()

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(page.url.partition("?")[0])
    expect(page.locator("tbody tr")).to_have_count(6)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
