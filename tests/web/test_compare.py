"""The overlay of runs, and what the machine is doing now; without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from fittingroom.errors import WorkspaceBusy
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import ProgressRow, Store
from fittingroom.web.now import Watcher

DraftOn = Callable[..., None]


def text(answer: Any) -> str:
    return html.unescape(answer.text)


def start(page: TestClient, *settings: str) -> str:
    page.post("/train/set", data=dict(setting.split("=", 1) for setting in settings))
    return str(page.post("/train/start").headers["location"].rpartition("/")[2])


def overlay(page: TestClient, *runs: str) -> Any:
    return page.get("/train/compare", params={"run": list(runs)})


def legend(answer: Any) -> dict[str, list[str]]:
    """What is said of each run beside its curve."""
    items = re.findall(r'<li data-run="([^"]+)">(.*?)</li>', answer.text, re.DOTALL)
    return {
        run: [html.unescape(each) for each in re.findall(r'(?:class="differs"|<div)>([^<]+)<', said)]
        for run, said in items
    }


def test_what_differs_is_said_in_terms_of_the_specs(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    runs = [start(page), start(page, "train.epochs=7"), start(page, "train.optimizer.learning_rate=0.25")]
    shown = overlay(page, *runs)
    assert legend(shown) == {
        runs[0]: ["train.epochs = 300", "train.optimizer.learning_rate = 0.05"],
        runs[1]: ["train.epochs = 7", "train.optimizer.learning_rate = 0.05"],
        runs[2]: ["train.epochs = 7", "train.optimizer.learning_rate = 0.25"],
    }
    assert "Not measured on the same" not in shown.text
    assert "with another seed the order can turn round" in shown.text


def test_seeds_of_one_spec_are_called_that(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    one, other = start(page), start(page, "seed=5")
    shown = overlay(page, one, other)
    assert "The same spec, each with another seed" in shown.text
    assert legend(shown) == {one: ["seed = 0"], other: ["seed = 5"]}
    page.post("/train/from", data={"preset": "starter"})
    third = start(page, "data.source=fashion-mnist")
    assert legend(overlay(page, one, other, third))[other] == [f"same spec as {one}, other seed: 5"]


def test_figures_on_other_images_are_said_not_to_be_comparable(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    first, second = start(page), start(page, "data.split_seed=3")
    warned = text(overlay(page, first, second))
    assert "Not measured on the same validation images" in warned
    assert "with split_seed = 3" in warned
    assert "not comparable" in warned
    third = start(page, "data.split_seed=0", "data.validation=7")
    assert "7 images held out as validation = 7" in text(overlay(page, first, third))
    page.post("/train/from", data={"preset": "linear"})
    fourth = start(page, "data.source=fashion-mnist", "data.validation=5000")
    assert "5,000 images of fashion-mnist" in text(overlay(page, first, fourth))


def test_runs_are_added_and_removed_by_the_address(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    assert "There is no run yet." in overlay(page).text
    draft_on()
    one, other, third = start(page), start(page, "train.epochs=7"), start(page, "name=<i>third</i>")
    shown = overlay(page, one, other, one, "no-such-1")
    assert list(legend(shown)) == [one, other]
    assert f'href="/train/compare?run={other}" aria-label="Remove {one}' in shown.text
    assert re.findall(r'<option value="([^"]+)">', shown.text) == [third]
    assert 'there is no run "no-such-1"' in text(shown)
    assert "<i>" not in overlay(page, third).text
    many = [start(page) for _ in range(13)]
    crowded = overlay(page, *many)
    assert len(legend(crowded)) == 12
    assert f"{many[-1]} is left out" in crowded.text
    assert store.run(many[-1]).state == "queued"


def test_a_run_that_was_never_shown_has_its_figures_in_the_table(
    page: TestClient, draft_on: DraftOn, store: Store
) -> None:
    draft_on("train.epochs=2")
    run = start(page)
    attempt = store.begin_attempt(run, {})
    store.record_epoch(run, attempt, EpochMetrics(1, 0.5, 0.5, 0.25, 0.75, 0.01, 65.0, None, 61), best=True)
    store.end(run, attempt, "finished")
    row = re.search(rf'<tr data-row="{run}">(.*?)</tr>', overlay(page, run).text, re.DOTALL)
    assert row is not None
    cells = [html.unescape(each) for each in re.findall(r"<td[^>]*>([^<]*)</td>", row[1])]
    # Wilson's 95 % interval of 0.75 among 15 by hand: 1.96 / 1.2561 · √(0.1875 / 15 + 3.8415 / 900) = 0.2021
    assert cells[:3] == ["finished", "75.0 %", "± 20.2 · validation, n = 15"]
    assert cells[3:6] == ["0.250", "best weights, epoch 1", "1:05"]


# -- the foot of the rail ----------------------------------------------------------------------------------------------


def test_what_the_machine_does_now(
    page: TestClient, draft_on: DraftOn, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher: Watcher = page.app.state.watcher  # type: ignore[attr-defined]
    monkeypatch.setattr("fittingroom.web.now.SECONDS_BETWEEN_READINGS", 0.0)
    assert page.get("/now").json() == {"run": None, "place": "", "share": None, "queued": 0}
    draft_on("train.epochs=4")
    run, _ = start(page), start(page)
    assert page.get("/now").json()["queued"] == 2
    attempt = store.begin_attempt(run, {}, seen=store.run(run), by_worker=True)
    store.record_epoch(run, attempt, EpochMetrics(1, 0.5, 0.5, 0.25, 0.75, 0.01, 2.0), best=True)
    store.record_progress(run, attempt, ProgressRow(9, 1.5, 90, 0.5, 0.5, 30.0))
    now = page.get("/now").json()
    assert (now["run"], now["place"], now["queued"]) == (run, "epoch 2 of 4", 1)
    assert now["share"] == pytest.approx(1.5 / 4)

    def locked() -> Any:
        raise WorkspaceBusy("the database is locked")

    monkeypatch.setattr(store.queue, "managed", locked)
    assert page.get("/now").json() == now
    assert watcher is page.app.state.watcher  # type: ignore[attr-defined]


def test_many_pages_cost_one_reading(page: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = []
    found = store.queue.managed
    monkeypatch.setattr(store.queue, "managed", lambda: readings.append(1) or found())
    monkeypatch.setattr("fittingroom.web.now.SECONDS_BETWEEN_READINGS", 3600.0)
    for _ in range(20):
        assert page.get("/now").status_code == 200
    assert len(readings) == 1
