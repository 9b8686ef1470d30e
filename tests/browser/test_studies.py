"""A study in a real browser: made from a run, watched until it has finished, then given more seeds."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tools import furnish
from tools.browser import double_click, until
from tools.served import Server, Visitor

A_WHILE = 180_000
"""Milliseconds; the machine may be busy."""


def test_a_study_is_made_watched_and_given_more_seeds(page: Page, server: Server, tmp_path: Path) -> None:
    with Visitor.of(server.address) as visitor:
        furnish.import_all(visitor, furnish.make_shoes(tmp_path / "shoes"))
    run = furnish.train(server, "linear", **{"train.epochs": 3, "data.source": "shoes", "data.validation": 0.3})
    origin = server.address.split("/?")[0]

    page.goto(f"{origin}/train/{run}")
    page.get_by_role("link", name="Study …").click()
    expect(page.get_by_label("What all arms have in common")).to_have_value(run)
    page.evaluate("window.sameDocument = true")
    start = page.get_by_role("button", name=re.compile("^Start"))
    expect(start).to_be_disabled()
    page.get_by_role("button", name="batch size").click()
    expect(page.get_by_role("group", name="Values of batch size")).to_be_visible()
    expect(page.get_by_label("Setting")).to_be_focused()  # what was clicked is gone
    page.get_by_label("Setting").select_option(label="learning rate")
    expect(page.get_by_text("3 arms × 3 seeds = 9 runs")).to_be_visible()
    expect(page.get_by_label("Setting")).to_be_focused()
    values = page.get_by_role("group", name="Values of learning rate")
    values.get_by_role("checkbox", checked=True).last.press("Space")
    expect(page.get_by_text("2 arms × 3 seeds = 6 runs")).to_be_visible()
    page.get_by_label("Other values").fill("-1")
    page.get_by_label("Other values").press("Tab")
    expect(page.get_by_text("-1: should be greater than 0")).to_be_visible()
    expect(start).to_be_disabled()
    page.get_by_label("Other values").fill("")
    page.get_by_label("Seeds of each arm").fill("2")
    page.get_by_label("Seeds of each arm").press("Tab")
    expect(start).to_have_text("Start 4 runs")
    expect(page.locator("#making .expected")).to_have_text(re.compile("bout .* s$"), timeout=A_WHILE)
    page.get_by_text("The study as a text file").click()
    expect(page.locator("pre.toml")).to_contain_text('"train.optimizer.learning_rate" = [')
    assert page.evaluate("window.sameDocument")
    page.reload()  # the address says all of it
    expect(start).to_have_text("Start 4 runs")
    double_click(page, start, leads_to="/studies/learning-rate-of-linear-1")

    expect(page).to_have_url(re.compile("/studies/learning-rate-of-linear-1$"))
    page.evaluate("window.sameDocument = true")
    page.get_by_text("The study as a text file").click()
    pill = page.get_by_role("status").first
    expect(pill).to_have_text("finished · 4 runs", timeout=A_WHILE)
    expect(page.locator(".cell.finished")).to_have_count(4)
    expect(page.locator("pre.toml")).to_be_visible()  # what was opened stays open
    assert page.evaluate("window.sameDocument")
    expect(page.locator("#figure-curves svg.wide")).to_be_visible()

    page.get_by_role("button", name="Add 3 seeds").click()
    expect(page.get_by_text("More seeds wait to be trained")).to_be_visible()
    expect(pill).to_have_text("finished · 10 runs", timeout=A_WHILE)
    expect(page.locator(".cell.finished")).to_have_count(10)
    assert page.evaluate("document.querySelector('#study').getAttribute('hx-get')") is None  # it asks no more
    page.set_viewport_size({"width": 390, "height": 844})
    until(page, "document.documentElement.scrollWidth <= 390")
    page.locator(".cell.finished").first.click()
    expect(page).to_have_url(re.compile("/train/learning-rate-of-linear"))
