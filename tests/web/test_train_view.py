"""The view Train: a draft is set up, started, and seen; without a browser and without torch."""

from __future__ import annotations

import html
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fittingroom.spec.events import EpochMetrics
from fittingroom.store import ProgressRow, Store

DraftOn = Callable[..., None]
LIVE = {"origin": "http://127.0.0.1:8640"}


def text(answer: Any) -> str:
    return html.unescape(answer.text)


def test_a_newcomer_finds_something_that_can_be_started(page: TestClient) -> None:
    first = page.get("/train")
    assert first.status_code == 200
    assert '<button class="primary">Start</button>' in first.text
    shown = text(first)
    for fact in ("fashion-mnist", "55,000", "5,000", "10,000, sealed", "105,866"):
        assert fact in shown


def test_settings_are_kept_for_this_browser_and_undone(page: TestClient, draft_on: DraftOn) -> None:
    draft_on("train.epochs=7", "train.optimizer.learning_rate=0.25")
    changed = page.get("/train").text
    assert 'name="train.epochs" value="7"' in changed
    assert 'name="train.optimizer.learning_rate" value="0.25"' in changed
    page.post("/train/undo")
    assert 'value="0.25"' not in page.get("/train").text
    page.post("/train/redo")
    assert 'value="0.25"' in page.get("/train").text
    page.cookies.delete("fittingroom-draft")
    assert 'value="0.25"' not in page.get("/train").text  # another browser


def test_changing_the_kind_of_an_optimizer_takes_its_defaults(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    changed = page.post(
        "/train/set",
        data={"train.optimizer.name": "rmsprop", "train.optimizer.rho": "0.5"},
        headers={"hx-request": "true"},
    )
    assert changed.text.startswith('<div id="setup">')
    assert 'name="train.optimizer.rho" value="0.9"' in changed.text
    assert "nesterov" not in changed.text
    assert "unknown key" not in changed.text


def test_everything_that_is_wrong_is_told_and_nothing_starts(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on("train.epochs=0", "train.batch_size=many")
    shown = text(page.get("/train"))
    assert "2 things keep this run from starting:" in shown
    assert "should be greater than or equal to 1, not 0; <b>use 1 or more</b>" in shown
    assert "train.batch_size" in shown
    assert '<button class="primary" disabled>Start</button>' in shown
    refused = page.post("/train/start")
    assert refused.status_code == 200
    assert store.runs() == []


def test_data_that_is_not_there_is_told(
    page: TestClient, draft_on: DraftOn, near: Callable[[], TestClient], photos: Path
) -> None:
    draft_on()
    nowhere, part = {"data.source": "/no/such/folder"}, {"hx-request": "true"}
    refused = text(page.post("/train/set", data=nowhere, headers=part))
    assert "folders of the server's machine are opened for browsers on that machine only" in refused
    assert f"{photos}" in refused  # as it was
    whole = {"data": '{ source = "/no/such/folder" }'}
    assert "that machine only" in text(page.post("/train/set", data=whole, headers=part))
    phases = '[{ name = "a", data = { source = "/etc" }, train = {} }]'
    assert "that machine only" in text(page.post("/train/set", data={"phases": phases}, headers=part))
    shown = text(near().post("/train/set", data=nowhere, headers=part))
    assert "One thing keeps this run from starting:" in shown
    assert "/no/such/folder" in shown


def test_start_puts_the_run_into_the_queue_and_shows_it(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on("train.epochs=2", 'name=<b>stripes</b> & "more"')
    started = page.post("/train/start")
    assert (started.status_code, started.headers["location"]) == (303, "/train/b-stripes-b-more-1")
    run = store.run("last")
    assert (run.state, json.loads(run.spec)["train"]["epochs"]) == ("queued", 2)
    shown = page.get(started.headers["location"])
    assert "&lt;b&gt;stripes&lt;/b&gt; &amp;" in shown.text
    assert "<b>stripes" not in shown.text
    assert "sealed, never opened" in shown.text
    assert "b-stripes-b-more-1" in page.get("/runs").text


def test_runs_are_stopped_resumed_and_restarted(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on()
    run = page.post("/train/start").headers["location"].rpartition("/")[2]
    for wish, state in [("stop", "stopped"), ("resume", "queued"), ("pause", "paused")]:
        assert page.post(f"/train/{run}/{wish}").status_code == 303
        assert store.run(run).state == state
    again = page.post(f"/train/{run}/restart").headers["location"].rpartition("/")[2]
    assert store.run(again).lineage == {"kind": "restart", "from": run}
    assert f"restart of {run}" in page.get(f"/train/{again}").text
    refused = page.post(f"/train/{run}/stop")
    assert refused.status_code == 422
    assert "is paused, so there is nothing to stop" in text(refused)
    assert page.post(f"/train/{run}/fly").status_code == 404


def test_a_draft_begins_from_a_run(page: TestClient, draft_on: DraftOn) -> None:
    draft_on("train.epochs=3", "name=mine")
    run = page.post("/train/start").headers["location"].rpartition("/")[2]
    page.post("/train/from", data={"preset": "mlp"})
    assert 'value="mine"' not in page.get("/train").text
    page.post("/train/from", data={"run": run})
    shown = page.get("/train").text
    assert 'value="mine"' in shown
    assert 'name="train.epochs" value="3"' in shown
    assert page.post("/train/from", data={"preset": "no-such"}).status_code == 404


def test_what_is_new_comes_over_the_socket_and_nothing_twice(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on()
    run = page.post("/train/start").headers["location"].rpartition("/")[2]
    attempt = store.begin_attempt(run, {})

    def epoch(number: int, loss: float = 0.5) -> EpochMetrics:
        return EpochMetrics(number, loss, 0.25, loss, 0.75, 0.001, 1.5)

    store.record_epoch(run, attempt, epoch(1, float("nan")), best=True)
    store.record_progress(run, attempt, ProgressRow(30, 1.5, 300, 0.5, 0.8, 1e3))
    with page.websocket_connect(f"ws://127.0.0.1:8640/live/{run}", headers=LIVE) as socket:
        socket.send_text("{}")
        first = json.loads(socket.receive_text(), parse_constant=pytest.fail)
        assert (first["whole"], first["state"], first["epochs_done"]) == (True, "running", 1)
        assert [(each["epoch"], each["train_loss"]) for each in first["epochs"]] == [(1, None)]
        assert first["progress"] == [[1.5, 0.5, 0.8, 1000.0]]
        store.record_epoch(run, attempt, epoch(2), best=True)
        second = json.loads(socket.receive_text())
        assert (second["whole"], [each["epoch"] for each in second["epochs"]]) == (False, [2])
        assert second["progress"] == []
        assert any(said.startswith("Lowest validation loss 0.500 at epoch 2") for said in second["reading"])
    store.record_epoch(run, attempt, epoch(3))
    with page.websocket_connect(
        f"ws://127.0.0.1:8640/live/{run}", headers=LIVE
    ) as socket:  # the line was lost meanwhile
        socket.send_text(json.dumps(second["cursor"]))
        third = json.loads(socket.receive_text())
        assert [each["epoch"] for each in third["epochs"]] == [3]
        store.end(run, attempt, "finished", message="done")
        fourth = json.loads(socket.receive_text())
        assert (fourth["state"], fourth["reading"][0], fourth["epochs"]) == ("finished", "done", [])


@pytest.mark.parametrize("said", ["[]", "{", '{"attempt": "x"}', '{"attempt": 1, "epoch": 1, "step": 0, "state": 3}'])
def test_whatever_a_page_says_first_breaks_nothing(page: TestClient, draft_on: DraftOn, said: str) -> None:
    draft_on()
    run = page.post("/train/start").headers["location"].rpartition("/")[2]
    with page.websocket_connect(f"ws://127.0.0.1:8640/live/{run}", headers=LIVE) as socket:
        socket.send_text(said)
        if said != "{":
            assert json.loads(socket.receive_text())["state"] == "queued"
    assert page.get("/runs").status_code == 200


def test_the_web_process_loads_no_torch() -> None:
    program = "import sys, fittingroom.web.serve; assert not {'torch', 'matplotlib'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)
