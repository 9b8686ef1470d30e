"""A folder on its way from a real browser into a data set: only a browser names its files, cuts lines and leaves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fittingroom.data.sources import load
from fittingroom.workspace import Workspace

SOON = 30_000


def staged(server: Any) -> list[Path]:
    return list((server.workspace / "uploads").rglob("*.png"))


def gone(folder: Path, page: Page) -> None:
    """Wait for that."""
    for _ in range(200):
        if not folder.exists():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{folder} is still there")


@pytest.fixture
def form(page: Page, server: Any, photos: Path) -> Page:
    """The upload, with a folder chosen that holds other things too."""
    (photos / "notes.txt").write_text("stays here")
    page.goto(server.address.split("/?")[0] + "/data/import")
    page.get_by_label("Folder", exact=True).set_input_files(photos)
    expect(page.locator("[data-part=chosen]")).to_have_text(re.compile(r"^photos: 90 files, .* kB; 1 other file stays"))
    return page


def test_a_folder_is_uploaded_understood_and_imported_though_a_part_is_lost(
    form: Page, server: Any, photos: Path
) -> None:
    lost = []

    def lose_once(route: Any) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.abort("connectionrefused"))

    form.route("**/part?number=0", lose_once)
    form.get_by_role("button", name="Upload").click()
    expect(form.get_by_role("heading", name="What was understood")).to_be_visible(timeout=SOON)
    assert lost
    expect(form.get_by_label("Name")).to_have_value("photos")
    form.get_by_role("button", name="Import 90 images").click()
    expect(form.get_by_role("heading", name="photos", exact=True)).to_be_visible(timeout=SOON)
    assert load("photos", Workspace(server.workspace)).fingerprint == load(photos).fingerprint
    assert staged(server) == []


def test_cancelled_or_left_in_the_middle_nothing_is_left(form: Page, server: Any) -> None:
    form.route("**/part?number=0", lambda route: None)  # never answered
    with form.expect_request("**/part?number=0"):
        form.get_by_role("button", name="Upload").click()
    expect(form.get_by_role("progressbar", name="Uploaded")).to_be_visible()
    first = next((server.workspace / "uploads").glob("*/*"))
    form.get_by_role("button", name="Cancel", exact=True).click()
    gone(first, form)
    expect(form.get_by_text("The upload was cancelled; nothing of it is left.")).to_be_visible()

    with form.expect_request("**/part?number=0"):
        form.get_by_role("button", name="Upload").click()
    second = next((server.workspace / "uploads").glob("*/*"))
    form.get_by_role("link", name="Network").click()
    expect(form.get_by_role("heading", name="Network", exact=True).first).to_be_visible()
    gone(second, form)
