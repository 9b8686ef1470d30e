"""Studies in a real browser: one is made from a run, watched and given more seeds; one searches; one is a file."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tools import furnish
from tools.browser import double_click, until
from tools.served import Server, Visitor

A_WHILE = 180_000
"""Milliseconds; the machine may be busy."""
A_STUDY = """
name = "rates of a file"
base = "linear"
seeds = 2

[set]
"data.source" = "pairs"
"data.validation" = 0.3
"train.epochs" = 2

[vary]
"train.optimizer.learning_rate" = [0.01, 0.1]
"""


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
    lost = page.get_by_text("The connection is lost")
    expect(lost).to_be_hidden()
    page.context.set_offline(True)
    expect(lost).to_be_visible(timeout=A_WHILE)
    page.context.set_offline(False)
    expect(lost).to_be_hidden(timeout=A_WHILE)
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


def test_a_range_is_searched_by_keyboard_and_a_reload_loses_nothing(page: Page, server: Server) -> None:
    origin = server.address.split("/?")[0]
    page.goto(f"{origin}/studies/new?preset=linear&axis-0=train.optimizer.learning_rate")
    page.evaluate("window.sameDocument = true")
    page.get_by_role("radio", name="Values", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("A range has no end of values, so some combinations are drawn.")).to_be_visible()
    expect(page.get_by_text("20 arms × 3 seeds = 60 runs")).to_be_visible()
    expect(page.get_by_role("radio", name="Range", exact=True)).to_be_focused()
    page.get_by_label("From", exact=True).fill("3")
    page.get_by_label("From", exact=True).press("Tab")
    expect(page.get_by_text(re.compile("^To: .* is not above low, 3.0"))).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_disabled()
    page.get_by_label("From", exact=True).fill("0.001")
    page.get_by_label("From", exact=True).press("Tab")
    page.get_by_label("TPE").check()
    page.get_by_label("Trials").fill("6")
    page.get_by_label("Trials").press("Tab")
    page.get_by_label("End hopeless runs early").check()
    page.get_by_label("Time budget").fill("2h")
    page.get_by_label("Time budget").press("Tab")
    expect(page.get_by_text("6 trials × 3 seeds = 18 runs at most")).to_be_visible()
    expect(page.get_by_text("Nothing is begun after 2 h at work.")).to_be_visible()
    assert page.evaluate("window.sameDocument")
    page.reload()
    expect(page.get_by_role("button", name="Start up to 18 runs")).to_be_enabled()
    expect(page.get_by_label("End hopeless runs early")).to_be_checked()
    expect(page.get_by_label("From", exact=True)).to_have_value("0.001")


def test_a_study_file_is_chosen_mended_and_started(page: Page, server: Server, tmp_path: Path) -> None:
    with Visitor.of(server.address) as visitor:
        furnish.import_all(visitor, furnish.make_shoes(tmp_path / "pairs"))
    file = tmp_path / "rates.toml"
    file.write_text(A_STUDY.replace("linear", "linaer"), encoding="utf-8")
    page.goto(f"{server.address.split('/?')[0]}/studies")
    page.get_by_role("link", name="Open a study file").click()
    page.evaluate("window.sameDocument = true")
    page.get_by_label("From a file").set_input_files(file)
    expect(page.get_by_text('did you mean "linear"?')).to_be_visible()
    field = page.get_by_label("The study as text")
    expect(field).to_have_value(A_STUDY.replace("linear", "linaer"))
    start = page.get_by_role("button", name=re.compile("^Start"))
    expect(start).to_be_disabled()
    field.fill(A_STUDY)
    field.press("Tab")
    expect(start).to_have_text("Start 4 runs")
    expect(page.get_by_text("2 arms × 2 seeds = 4 runs")).to_be_visible()
    expect(page.locator("#opened .expected")).to_have_text(re.compile("bout .* s$"), timeout=A_WHILE)
    assert page.evaluate("window.sameDocument")
    page.reload()  # the address says all of it
    expect(field).to_have_value(A_STUDY)
    expect(start).to_have_text("Start 4 runs")
    file.write_bytes(b"\x89PNG\0\xff")
    page.get_by_label("From a file").set_input_files(file)
    expect(page.get_by_text("rates.toml is not a text file in UTF-8.")).to_be_visible()
    expect(field).to_have_value(A_STUDY)  # what was there stays
    double_click(page, start, leads_to="/studies/rates-of-a-file-1")
    expect(page).to_have_url(re.compile("/studies/rates-of-a-file-1$"))
    expect(page.get_by_role("status").first).to_have_text("finished · 4 runs", timeout=A_WHILE)
