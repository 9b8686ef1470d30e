"""Curves in a real browser: drawn, smoothed as stated, remembered over reloads, and live."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import from_toml, presets
from fittingroom.store import DataRecord, ProgressRow, Store

SOON = 20_000


@pytest.fixture
def store(server: Any) -> Iterator[Store]:
    with Store.open(server.workspace / "fittingroom.sqlite") as store:
        store.remember_data(
            DataRecord(
                "f" * 64, "shoes", "shoes", ("a", "b"), {"train": 55_000, "validation": 5_000, "test": 1}, (1, 8, 8)
            )
        )
        yield store


def epoch(number: int, loss: float, seconds: float = 2.0) -> EpochMetrics:
    return EpochMetrics(number, loss, 1 - loss, loss, 1 - loss, 0.1 / number, seconds, None, 100)


def new_run(store: Store, losses: list[float], *settings: str) -> tuple[str, int]:
    """A run that this very process trains: so many epochs, and still going on."""
    spec = from_toml(presets()["linear"], overrides=["name=linear", "train.epochs=20", *settings])
    run = store.create_run(
        name="linear", spec=json.dumps(spec.to_json()), spec_id=spec.content_id, fingerprint="f" * 64, parameters=7
    )
    attempt = store.begin_attempt(run, {})
    for number, loss in enumerate(losses, start=1):
        store.record_epoch(run, attempt, epoch(number, loss), best=loss == min(losses[:number]))
    return run, attempt


def ink(chart: Locator) -> int:
    """How many pixels of a chart are drawn on."""
    pixels = "c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
    return int(chart.locator("canvas").evaluate(f"c => {pixels}.filter((value, at) => at % 4 == 3 && value).length"))


def test_how_the_curves_are_seen_is_remembered_and_what_is_new_is_drawn(page: Page, server: Any, store: Store) -> None:
    run, attempt = new_run(store, [0.5, 0.3, 0.4])
    page.goto(f"{page.url.rpartition('/')[0]}/train/{run}")
    chart = page.locator("[data-part=chart-accuracy]")
    expect(chart.locator("canvas")).to_be_visible(timeout=SOON)
    drawn = ink(chart)
    page.get_by_text("time", exact=True).click()
    page.get_by_label("Smoothing").fill("0.6")
    expect(page.locator("[data-part=smoothing]")).to_have_text("moving average, weight 0.60")
    expect(page.locator("[data-part=smoothing-note]")).to_contain_text("exponential moving average")
    assert ink(chart) != drawn
    page.reload()
    expect(page.get_by_role("radio", name="time")).to_be_checked()
    expect(page.locator("[data-part=smoothing]")).to_have_text("moving average, weight 0.60")
    page.locator("summary", has_text="Learning rate").click()
    expect(page.locator("[data-part=chart-rate] canvas")).to_be_visible()
    page.locator("summary", has_text="Log").click()
    expect(page.locator("[data-part=log] li")).to_have_count(4)  # created, attempt 1, two improvements

    store.record_progress(run, attempt, ProgressRow(30, 3.5, 300, 0.35, 0.65, 20_000.0))
    expect(page.locator("[data-part=speed]")).to_have_text("20,000", timeout=SOON)
    store.record_epoch(run, attempt, epoch(4, 0.2), best=True)
    expect(page.locator("[data-part=epochs] tr")).to_have_count(4, timeout=SOON)
    expect(page.locator("[data-part=log] li")).to_have_count(5, timeout=SOON)
    expect(page.locator("machine-now [data-place]")).to_have_text("epoch 5 of 20", timeout=SOON)
    store.end(run, attempt, "finished", message="All done.")
    expect(page.locator("[data-part=state]")).to_have_text("finished", timeout=SOON)
    expect(page.get_by_role("button", name="Restart")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.locator("machine-now [data-idle]")).to_have_text("idle", timeout=SOON)


def test_the_moving_average_is_what_the_page_says(page: Page, server: Any) -> None:
    module = "import('/static/islands/curves.js')"
    points = "[{epoch: {}}, {epoch: {}}, {epoch: {}}, {}, {epoch: {}}, {row: []}, {row: []}]"
    raw = "[1, 0, 1, null, 4, 0, 2]"
    found = page.evaluate(f"{module}.then(m => m.smoothed({raw}, {{at: [], walls: [], points: {points}}}, 0.5))")
    # by hand: 0.5 / 0.5; 0.25 / 0.75; 0.625 / 0.875; a boundary; 2 / 0.5; one step on from there: 1 / 0.75, 2 / 0.75
    assert found[3] is None
    assert [*found[:3], *found[4:]] == pytest.approx([1, 1 / 3, 5 / 7, 4, 4 / 3, 8 / 3])


def test_several_runs_in_one_picture(page: Page, server: Any, store: Store) -> None:
    one, _ = new_run(store, [0.5, 0.3, 0.4])
    other, attempt = new_run(store, [0.6, 0.5], "train.batch_size=64")
    page.goto(f"{page.url.rpartition('/')[0]}/train/compare?run={one}")
    chart = page.locator("[data-part=chart-loss]")
    expect(chart.locator("canvas")).to_be_visible(timeout=SOON)
    alone = ink(chart)
    page.get_by_label("Add a run").select_option(other)
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url(re.compile(rf"run={one}&run={other}$"))
    expect(page.locator(f"[data-run={other}]")).to_contain_text("train.batch_size = 64")
    expect(page.locator("[data-swatch] svg")).to_have_count(4)
    expect(chart.locator("canvas")).to_be_visible(timeout=SOON)
    assert ink(chart) > alone
    store.record_epoch(other, attempt, epoch(3, 0.1, seconds=61.0), best=True)
    row = page.locator(f"[data-row={other}]")
    expect(row.locator("[data-text=accuracy]")).to_have_text("90.0 %", timeout=SOON)
    expect(row.locator("[data-text=accuracy-on]")).to_have_text("± 0.8 · validation, n = 5,000")
    expect(row.locator("[data-text=loss-on]")).to_have_text("best weights, epoch 3")
    page.get_by_role("link", name=f"Remove {one} from this picture").click()
    expect(page.locator("[data-run]").first).to_contain_text(other)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_gap_lasts_from_point_to_point_whatever_other_curves_have_there(
    page: Page, server: Any, store: Store
) -> None:
    run, _ = new_run(store, [0.5])
    page.goto(f"{page.url.rpartition('/')[0]}/train/compare?run={run}")
    continued, other = "{at: [1, 1.5, 2], values: [5, null, 6]}", "{at: [1.2, 1.4, 1.7], values: [7, 8, 9]}"
    chart = f"{{shown: {{curves: [{continued}, {other}]}}}}"
    module = "import('/static/islands/chart.js')"
    joined = page.evaluate(f"{module}.then(m => m.Chart.prototype.data.call({chart}))")
    assert joined[0] == [1, 1.2, 1.4, 1.5, 1.7, 2]
    drawn_through = page.evaluate(f"{module}.then(m => m.Chart.prototype.data.call({chart})[1].includes(undefined))")
    assert (joined[1], drawn_through) == ([5, None, None, None, None, 6], False)
