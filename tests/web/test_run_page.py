"""The page of a run: how it stands, what can be asked of it, and what has happened to it; without a browser."""

from __future__ import annotations

import hashlib
import html
import json
import math
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest
from starlette.testclient import TestClient

from fittingroom.queue.stored import spec_of
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Phase
from fittingroom.spec.train import EarlyStop, TrainSpec
from fittingroom.store import Artifact, ProgressRow, RunDetails, Store
from fittingroom.web.standing import actions, ordinal, outlook, stage_of, state_text
from fittingroom.workspace import Workspace

DraftOn = Callable[..., None]
LIVE = {"origin": "http://127.0.0.1:8640"}


def text(answer: Any) -> str:
    return html.unescape(answer.text)


def epoch(number: int, loss: float = 0.5, seconds: float = 2.0, phase: str | None = None) -> EpochMetrics:
    return EpochMetrics(number, loss, 0.5, loss, 0.75, 0.01, seconds, phase, 72)


def start(page: TestClient) -> str:
    return str(page.post("/train/start").headers["location"].rpartition("/")[2])


def train(store: Store, workspace: Workspace, run: str, losses: list[float], state: Any = "finished") -> None:
    """What a training of so many epochs leaves in the store, with files that are whole."""
    attempt = store.begin_attempt(run, {"threads": 1, "precision": "fp32", "processor": "any", "rewrites": []})
    workspace.attempt(run, attempt).mkdir(parents=True)
    for number, loss in enumerate(losses, start=1):
        best = loss == min(losses[:number])
        files = []
        for kind in ["last", "best"] if best else ["last"]:
            path = workspace.attempt(run, attempt) / kind
            path.write_bytes(weights(f"{kind} {number}"))
            relative = PurePosixPath(path.relative_to(workspace.root).as_posix())
            content = path.read_bytes()
            files.append(Artifact(kind, relative, hashlib.sha256(content).hexdigest(), len(content), number))
        store.record_epoch(run, attempt, epoch(number, loss), best=best, artifacts=files)
    if state != "running":
        store.end(run, attempt, state, message=f"All {len(losses)} epochs done.")


def weights(note: str) -> bytes:
    """A safetensors file of a linear network for those photos, as the format's description has it."""
    head = {
        "__metadata__": {"note": note},
        "classify_1.weight": {"dtype": "F32", "shape": [3, 64], "data_offsets": [0, 768]},
        "classify_1.bias": {"dtype": "F32", "shape": [3], "data_offsets": [768, 780]},
    }
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + bytes(780)


def offered(page: TestClient, run: str) -> set[str]:
    """The actions whose buttons are not hidden."""
    forms = re.findall(r'<(?:form|details)[^>]*data-action="(\w+)"([^>]*)>', page.get(f"/train/{run}").text)
    return {action for action, more in forms if "hidden" not in more}


# -- what can be asked -------------------------------------------------------------------------------------------------


def test_the_buttons_are_those_of_the_state(
    page: TestClient, draft_on: DraftOn, store: Store, own_workspace: Workspace
) -> None:
    draft_on()
    run = start(page)
    assert offered(page, run) == {"pause", "stop", "vary"}
    page.post(f"/train/{run}/pause")
    assert offered(page, run) == {"resume", "restart", "vary"}  # it has no weights yet to continue or fork from
    page.post(f"/train/{run}/resume")
    train(store, own_workspace, run, [0.5, 0.4], "paused")
    assert offered(page, run) == {"resume", "continue", "restart", "fork", "vary"}
    page.post(f"/train/{run}/resume")
    train(store, own_workspace, run, [0.5, 0.4], "running")
    assert offered(page, run) == {"pause", "stop", "vary"}
    store.end(run, 2, "finished")
    assert offered(page, run) == {"continue", "restart", "fork", "vary"}


def test_an_interrupted_run_is_left_to_the_queue_or_to_its_user(
    page: TestClient, draft_on: DraftOn, store: Store, own_workspace: Workspace
) -> None:
    draft_on()
    run = start(page)
    train(store, own_workspace, run, [0.5], "paused")
    details = store.run(run)
    spec = spec_of(details)
    alone = replace(details, state="interrupted", queued=None)
    assert set(actions(alone, spec)) == {"pause", "stop", "resume", "continue", "restart", "fork", "results", "vary"}
    in_the_queue = replace(alone, queued=details.created)
    assert set(actions(in_the_queue, spec)) == {"pause", "stop", "resume", "results", "vary"}
    timed = replace(spec, train=replace(spec.train, budget="60s"))
    assert "replay" in actions(replace(details, state="finished"), timed)
    assert "replay" not in actions(replace(details, state="stopped"), timed)


def test_a_second_click_starts_nothing_more(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on()
    run = start(page)
    keys = re.findall(r'name="once" value="([^"]+)"', page.get(f"/train/{run}").text)
    assert len(set(keys)) == len(keys) >= 2
    first = page.post(f"/train/{run}/restart", data={"once": keys[0]})
    second = page.post(f"/train/{run}/restart", data={"once": keys[0]})
    assert first.headers["location"] == second.headers["location"]
    assert len(store.runs()) == 2
    third = page.post(f"/train/{run}/restart", data={"once": keys[1]})
    assert third.headers["location"] != first.headers["location"]


def test_more_epochs_are_asked_for_in_the_page(
    page: TestClient, draft_on: DraftOn, store: Store, own_workspace: Workspace
) -> None:
    draft_on("train.optimizer.learning_rate=0.5")  # the preset has an exponential schedule
    run = start(page)
    train(store, own_workspace, run, [0.5, 0.4])
    key = {"once": "one-time-key"}
    for said, told in [
        ({"epochs": "many", "schedule": "constant"}, '"many" is no number of epochs'),
        ({"epochs": "0", "schedule": "constant"}, '"0" is no number of epochs'),
        ({"epochs": "3", "schedule": ""}, "was trained with the schedule exponential, which has come to its end"),
        ({"epochs": "3", "schedule": "wavy"}, 'there is no schedule "wavy"'),
        ({"epochs": "3", "schedule": "cosine", "rate": "<fast>"}, '"<fast>" is no learning rate'),
        ({"epochs": "3", "schedule": "cosine", "rate": "-1"}, "learning_rate"),
        ({"epochs": "9999999", "schedule": "cosine"}, "epochs"),
    ]:
        refused = page.post(f"/train/{run}/continue", data=said | key, headers={"hx-request": "true"})
        assert refused.status_code == 200
        assert refused.text.startswith('<form id="continue"')
        assert told in text(refused)
        assert f'value="{html.escape(said["epochs"])}"' in refused.text
        whole = page.post(f"/train/{run}/continue", data=said)
        assert (whole.status_code, told in text(whole)) == (422, True)
        assert '<details data-action="continue" open>' in whole.text
    assert len(store.runs()) == 1
    right = {"epochs": "3", "schedule": "cosine", "rate": "0.25"}
    begun = [page.post(f"/train/{run}/continue", data=right | key, headers={"hx-request": "true"}) for _ in range(2)]
    assert begun[0].headers["hx-redirect"] == begun[1].headers["hx-redirect"] == "/train/linear-2"
    new = store.run("linear-2")
    assert (new.state, new.lineage["kind"], new.lineage["from"], new.lineage["epoch"]) == ("queued", "continue", run, 2)
    trains = json.loads(new.spec)["train"]
    assert (trains["epochs"], trains["schedule"]["name"], trains["optimizer"]["learning_rate"]) == (3, "cosine", 0.25)
    assert len(store.runs()) == 2


def test_a_fork_is_set_up_in_train(page: TestClient, draft_on: DraftOn, store: Store, own_workspace: Workspace) -> None:
    draft_on()
    run = start(page)
    assert page.post(f"/train/{run}/fork").status_code == 422
    train(store, own_workspace, run, [0.5, 0.4, 0.45])
    page.post("/train/from", data={"preset": "mlp"})
    assert page.post(f"/train/{run}/fork").headers["location"] == "/train"
    page.post("/train/set", data={"train.epochs": "4"})
    forked = store.run(start(page))
    assert (forked.lineage["from"], forked.lineage["weights"], forked.lineage["epoch"]) == (run, "best", 2)
    assert json.loads(forked.spec)["train"]["epochs"] == 4
    page.post("/train/undo")
    page.post("/train/undo")
    assert 'value="mlp"' in page.get("/train").text  # what was there before is not lost


# -- how it stands -----------------------------------------------------------------------------------------------------


def test_the_place_in_the_queue_is_told_and_changes_by_itself(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    runs = [start(page) for _ in range(3)]
    assert "Next in the queue" in text(page.get(f"/train/{runs[0]}"))
    assert f"3rd in the queue, behind {runs[1]}." in text(page.get(f"/train/{runs[2]}"))
    with page.websocket_connect(f"ws://127.0.0.1:8640/live/{runs[2]}", headers=LIVE) as socket:
        socket.send_text("{}")
        assert json.loads(socket.receive_text())["reading"] == [f"3rd in the queue, behind {runs[1]}."]
        page.post(f"/train/{runs[1]}/stop")
        assert json.loads(socket.receive_text())["reading"] == [f"2nd in the queue, behind {runs[0]}."]


def test_numbers_have_their_endings() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th",
    ]  # fmt: skip


@pytest.fixture
def running(page: TestClient, draft_on: DraftOn, store: Store) -> RunDetails:
    """A run that is being trained, whatever its spec."""
    draft_on()
    run = start(page)
    store.begin_attempt(run, {})
    return store.run(run)


def with_train(run: RunDetails, train: TrainSpec, *phases: Phase) -> RunSpec:
    return replace(spec_of(run), train=train, phases=phases)


def at(done: float) -> ProgressRow:
    return ProgressRow(step=1, epoch=done, images=1, loss=1.0, accuracy=0.5, images_per_second=36.0)


def test_the_time_that_is_left(running: RunDetails) -> None:
    spec = with_train(running, TrainSpec(epochs=10))
    first = outlook(running, spec, at(0.5), images=72)  # an epoch of 72 images at 36 a second takes 2 s
    assert (first.left, first.spent, first.share) == (pytest.approx(19.0), pytest.approx(1.0), pytest.approx(0.05))
    assert outlook(running, spec, None, images=72).left is None
    four = replace(running, epochs=tuple(epoch(n) for n in (1, 2, 3, 4)), epochs_done=4)
    later = outlook(four, spec, at(4.5), images=72)
    assert (later.left, later.spent, later.at_most) == (pytest.approx(11.0), pytest.approx(9.0), False)
    stopping = with_train(running, TrainSpec(epochs=10, early_stop=EarlyStop(patience=3)))
    assert outlook(four, stopping, at(4.5), images=72).at_most
    timed = with_train(running, TrainSpec(epochs=1, budget="20s"))
    assert outlook(four, timed, at(4.5), images=72).left == pytest.approx(20 - 9)


def test_phases_before_the_run_proper_count(running: RunDetails) -> None:
    spec = with_train(running, TrainSpec(epochs=4), Phase(name="warm", train=TrainSpec(epochs=3)))
    two = replace(running, epochs=tuple(epoch(n, phase="warm") for n in (1, 2)), epochs_done=2)
    assert state_text(two, stage_of(two, spec), 2.2, None) == 'running · phase "warm", epoch 3 of 3'
    assert outlook(two, spec, at(2.5), images=72).left == pytest.approx(2 * (0.5 + 4))
    over = replace(running, epochs=tuple(epoch(n, phase="warm") for n in (1, 2, 3)), epochs_done=3)
    assert state_text(over, stage_of(over, spec), 3.2, None) == "running · epoch 4 of 7"
    assert outlook(over, spec, None, images=72).left == pytest.approx(2 * 4)
    stopped = with_train(
        running, TrainSpec(epochs=4), Phase(name="warm", train=TrainSpec(epochs=9, early_stop=EarlyStop(patience=1)))
    )
    rising = replace(over, epochs=(epoch(1, 0.4, phase="warm"), epoch(2, 0.5, phase="warm")), epochs_done=2)
    assert stage_of(rising, stopped).phase is None  # its patience ended the phase


def test_early_stopping_is_told_while_it_runs(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on("train.early_stop.patience=4", "train.early_stop.monitor=validation_loss")
    run = start(page)
    attempt = store.begin_attempt(run, {})
    assert "it stops after 4 epochs without a better one." in text(page.get(f"/train/{run}"))
    for number, loss in enumerate([0.5, 0.4, 0.45], start=1):
        store.record_epoch(run, attempt, epoch(number, loss), best=loss < 0.45)
    shown = text(page.get(f"/train/{run}"))
    assert "Early stopping watches validation loss: best 0.4000 at epoch 2 (1 epoch without a better one)" in shown
    assert "Patience left: 3 epochs." in shown
    page.post(f"/train/{run}/stop")
    assert "stopping …" in text(page.get(f"/train/{run}"))
    assert "It has been asked to stop, and ends after the step at hand." in text(page.get(f"/train/{run}"))


def test_a_loss_that_is_no_number_breaks_no_page(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on()
    run = start(page)
    attempt = store.begin_attempt(run, {})
    store.record_epoch(run, attempt, epoch(1, math.nan))
    shown = page.get(f"/train/{run}")
    assert shown.status_code == 200
    assert 'data-part="loss">–<' in shown.text


def test_the_number_of_validation_images_is_the_runs_own(
    page: TestClient, draft_on: DraftOn, store: Store, own_workspace: Workspace
) -> None:
    draft_on()  # 90 photographs: 14 are the test set, and a fifth of the others is held out
    first = start(page)
    train(store, own_workspace, first, [0.5])
    counts = store.data_set(store.run(first).fingerprint).counts
    page.post("/train/set", data={"data.validation": "10"})
    second = start(page)
    assert store.run(second).fingerprint == store.run(first).fingerprint
    train(store, own_workspace, second, [0.5])
    assert counts["validation"] != 10
    assert f"validation, n = {counts['validation']}<" in page.get(f"/train/{first}").text
    assert "validation, n = 10<" in page.get(f"/train/{second}").text


def test_a_continued_run_brings_the_curves_that_it_goes_on_from(
    page: TestClient, draft_on: DraftOn, store: Store, own_workspace: Workspace
) -> None:
    draft_on()
    run = start(page)
    train(store, own_workspace, run, [0.5, 0.4])
    page.post(f"/train/{run}/continue", data={"epochs": "3", "schedule": "constant"})
    attempt = store.begin_attempt("linear-2", {})
    store.record_epoch("linear-2", attempt, epoch(3, 0.3), best=True)
    with page.websocket_connect("ws://127.0.0.1:8640/live/linear-2", headers=LIVE) as socket:
        socket.send_text("{}")
        first = json.loads(socket.receive_text())
        assert [(each["epoch"], each["validation_loss"]) for each in first["before"]] == [(1, 0.5), (2, 0.4)]
        assert [each["epoch"] for each in first["epochs"]] == [3]
        assert first["boundaries"] == [[2, f"continue of {run}"]]
        assert first["texts"]["state"] == "running · epoch 4 of 5"
        store.record_epoch("linear-2", attempt, epoch(4, 0.35))
        assert "before" not in json.loads(socket.receive_text())  # once is enough


# -- what happened -----------------------------------------------------------------------------------------------------


def test_the_log_tells_what_happened_in_order(
    page: TestClient, draft_on: DraftOn, store: Store, own_workspace: Workspace
) -> None:
    draft_on()
    run = start(page)
    train(store, own_workspace, run, [0.5, 0.6, 0.4], "paused")
    page.post(f"/train/{run}/resume")
    attempt = store.begin_attempt(run, {"threads": 2}, after_epoch=3)
    store.record_epoch(run, attempt, epoch(4, 0.3), best=True)
    store.end(run, attempt, "failed", message="<b>the disk is full</b>")
    own_workspace.logs.mkdir(parents=True)
    (own_workspace.logs / "worker.log").write_text(
        f"worker: ready\n{run}: begins\nTraceback <most> recent\n{run}-other: begins\nnot of this run\n{run}: failed\n"
    )
    shown = page.get(f"/train/{run}/log").text
    assert "<b>" not in shown
    told = [html.unescape(each) for each in re.findall(r"<span>([^<]+)</span></li>", shown)]
    assert [re.sub(r"process \d+ on [^,.]+", "process", each) for each in told] == [
        "Created.",
        "Attempt 1 began: process, fp32, 1 thread.",
        "Epoch 1: best so far, validation loss 0.500, accuracy 75.0 %.",
        "Epoch 3: best so far, validation loss 0.400, accuracy 75.0 %.",
        "Attempt 1 ended.",
        "Attempt 2 began: process, 2 threads.",
        "Epoch 4: best so far, validation loss 0.300, accuracy 75.0 %.",
        "Failed. <b>the disk is full</b>",
    ]
    assert "after 6.0 s" in shown  # three epochs of two seconds
    lines = re.search(r"<pre[^>]*>(.*)</pre>", shown, re.DOTALL)
    assert lines is not None
    assert html.unescape(lines[1]).splitlines() == [f"{run}: begins", "Traceback <most> recent", f"{run}: failed"]
    assert page.get("/train/nope-1/log").status_code == 404
