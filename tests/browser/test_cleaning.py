"""A data set on its way through the check in a real browser: begun, looked at while it goes on, cleaned, undone."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from fittingroom.data.cleaning import journal
from fittingroom.data.sources import import_data, load
from fittingroom.workspace import Workspace
from tools.served import Server

SOON = 120_000
COPIES = [60, 61, 62]


def planted(file: Path, workspace: Workspace) -> None:
    """Enough images for networks to look at the labels; three are copies of the first three."""
    generator = np.random.default_rng(5)
    labels = np.arange(150) % 2
    images = generator.integers(0, 120, (150, 8, 8)).astype(np.uint8)
    images[labels == 1, :4] += 120
    images[COPIES] = images[:3]
    labels[COPIES] = labels[:3]
    np.savez(file, x_train=images[:120], y_train=labels[:120], x_test=images[120:], y_test=labels[120:])
    import_data(file, workspace)


def test_copies_are_found_excluded_once_by_a_double_click_and_brought_back(
    page: Page, server: Server, tmp_path: Path
) -> None:
    workspace = Workspace(server.workspace)
    planted(tmp_path / "planted.npz", workspace)
    page.goto(server.address.split("/?")[0] + "/data/set?name=planted")
    page.get_by_role("button", name="Check", exact=True).click()
    found = page.locator("#found-exact_copies")
    expect(found).to_be_visible(timeout=SOON)
    page.locator(".clean summary").click()
    expect(page.locator("#check-going")).to_have_count(0, timeout=SOON)
    expect(page.locator("#check")).not_to_contain_text("Labels by confident learning: not asked for")

    found = page.locator("#found-exact_copies")
    if found.get_attribute("open") is None:
        found.locator("summary").click()
    found.get_by_role("link", name="Exclude all 3 images").click()
    expect(page.get_by_role("heading", name="Exclude 3 images")).to_be_visible()
    page.get_by_role("button", name="Exclude 3 images").dblclick()
    expect(page.locator("#cleaning")).to_contain_text("3 images excluded")
    assert [list(step.images) for step in journal(load("planted", workspace).content, workspace)] == [COPIES]

    page.reload()
    expect(page.locator("#found-exact_copies")).to_contain_text("none left")
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.locator("#cleaning")).to_contain_text("3 images brought back")
    assert len(load("planted", workspace).excluded) == 0


def test_the_sheet_of_digits_follows_what_is_typed(page: Page, server: Server) -> None:
    page.goto(server.address.split("/?")[0] + "/data/digits")
    sheet = page.locator("#drawn img")
    before = sheet.get_attribute("src")
    page.get_by_label("characters").fill("012")
    expect(sheet).not_to_have_attribute("src", before or "", timeout=SOON)
    expect(sheet).to_have_attribute("src", re.compile("characters=012"))
    expect(sheet).to_have_attribute("alt", re.compile("^3 characters"))
    page.get_by_label("size").fill("3")
    expect(page.locator("#drawn").get_by_role("alert")).to_contain_text("use 8 or more", timeout=SOON)
    expect(page.get_by_label("characters")).to_have_value("012")
