"""What is set up before Start: weights to begin with, several seeds, what each epoch sees, the time it takes."""

from __future__ import annotations

import hashlib
import html
import json
import re
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from starlette.testclient import TestClient

from fittingroom.data.sources import load
from fittingroom.queue.together import Comparison, Way
from fittingroom.queue.wire import Message
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec, from_toml, presets
from fittingroom.store import Artifact, Store
from fittingroom.web.expected import told
from fittingroom.web.figures import roughly
from fittingroom.web.inference import Job
from fittingroom.workspace import Workspace

PART = {"hx-request": "true"}
DraftOn = Callable[..., None]
Trained = Callable[..., str]
STARTER = {"conv_1.weight": [16, 1, 3, 3], "conv_1.bias": [16], "conv_2.weight": [32, 16, 3, 3], "conv_2.bias": [32]}


def text(answer: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def shown_fates(page: TestClient) -> dict[str, str]:
    """What the table says of each layer, in one line."""
    body = page.get("/train").text.partition('<table class="fates">')[2].partition("</table>")[0]
    rows = [text(Answer(f"<tr{row}")).partition(" ") for row in body.split("<tr")[2:]]
    return {name: rest for name, _, rest in rows}


class Answer:
    def __init__(self, text: str) -> None:
        self.text = text


def buttons(page: TestClient) -> dict[str, list[tuple[str, str]]]:
    """What can be done about the faults at one click: label -> settings."""
    body = page.get("/train").text.partition('<div class="chips mends">')[2].partition("</div>")[0]
    return {
        html.unescape(re.findall(r"<button>(.*?)</button>", form)[0]): re.findall(r'name="(.*?)" value="(.*?)"', form)
        for form in body.split("<form")[1:]
    }


def click(page: TestClient, label: str) -> None:
    """Press such a button."""
    settings: dict[str, list[str]] = {}
    for path, value in buttons(page)[label]:
        settings.setdefault(path, []).append(html.unescape(value))
    assert page.post("/train/set", data=settings).status_code == 303


def spec_of(store: Store, run: str) -> Any:
    return json.loads(store.run(run).spec)


def started(page: TestClient, **form: str) -> str:
    answer = page.post("/train/start", data=form)
    assert answer.status_code == 303, text(answer)
    return str(answer.headers["location"].rpartition("/")[2])


@pytest.fixture
def trained(
    page: TestClient,
    store: Store,
    draft_on: DraftOn,
    photos: Path,
    own_workspace: Workspace,
    weights_file: Callable[..., bytes],
) -> Trained:
    """``trained(STARTER, split_seed=3)``: a finished run with such weights, and a draft of ``starter`` beside it."""

    def make(shapes: dict[str, list[int]], *, split_seed: int = 0, classes: tuple[str, ...] | None = None) -> str:
        draft_on("name=source")
        run = started(page)
        attempt = store.begin_attempt(run, {})
        data = load(str(photos), own_workspace)
        seen = {"source": data.source, "fingerprint": data.fingerprint, "validation": 0.2, "split_seed": split_seed}
        about = {"epoch": 2, "preprocessing": {"class_names": classes or data.class_names}, "trained_on": [seen]}
        content = weights_file(shapes, **{"fittingroom-classifier-1": about})
        kept = []
        for kind in ("best", "last", "checkpoint-1"):
            path = PurePosixPath(f"runs/{run}/attempt-1/{kind}.safetensors")
            (own_workspace.root / path).parent.mkdir(parents=True, exist_ok=True)
            (own_workspace.root / path).write_bytes(content)
            kept.append(Artifact(kind, path, hashlib.sha256(content).hexdigest(), len(content), 2))
        metrics = EpochMetrics(2, 0.5, 0.8, 0.4, 0.875, 0.01, 1.0)
        store.record_epoch(run, attempt, metrics, best=True, artifacts=kept)
        store.end(run, attempt, "finished")
        page.post("/train/from", data={"preset": "starter"})
        return run

    return make


def test_a_run_gives_its_weights_by_the_names_of_layers(page: TestClient, store: Store, trained: Trained) -> None:
    run = trained({**STARTER, "classify_1.weight": [3, 64], "classify_1.bias": [3], "old.bias": [1]})
    assert "no weights" not in text(page.get("/train"))
    page.post("/train/set", data={"start.source": run, "start.weights": "best"})
    # conv 16·(9+1), 32·(16·9+1); flat 32·2·2 to 64 and 64 to the three classes
    assert shown_fates(page) == {
        "conv_1": "copied 160", "max_pool_1": "no weights 0", "conv_2": "copied 4,640",
        "max_pool_2": "no weights 0", "flatten_1": "no weights 0", "dropout_1": "no weights 0",
        "dense_1": "fresh · not in the source 8,256", "classify_1": "copied 195",
    }  # fmt: skip
    page.post("/train/set", data={"train.freeze_up_to": "conv_2", "train.reset": ["", "classify_1"]})
    shown = shown_fates(page)
    assert (shown["conv_2"], shown["classify_1"]) == ("frozen copied 4,640", "fresh 195")
    assert "Copied: as source-1, epoch 2 has it. Left behind there: old." in text(page.get("/train"))
    spec = spec_of(store, started(page))
    assert spec["start"] == {"source": run, "weights": "best", "go_on": False}
    assert (spec["train"]["freeze_up_to"], spec["train"]["reset"]) == ("conv_2", ["classify_1"])


def test_fresh_weights_leave_nothing_of_a_transfer(page: TestClient, store: Store, trained: Trained) -> None:
    run = trained(STARTER)
    page.post("/train/set", data={"start.source": run})
    page.post("/train/set", data={"start.source": run, "start.weights": "1", "train.freeze_up_to": "conv_1"})
    assert '<option value="1" selected>epoch 1</option>' in page.get("/train").text
    page.post("/train/set", data={"start.source": "", "start.weights": "1", "train.freeze_up_to": "conv_1"})
    spec = spec_of(store, started(page))
    assert "start" not in spec
    assert "freeze_up_to" not in spec["train"]


def test_other_classes_are_told(page: TestClient, trained: Trained) -> None:
    head = {"classify_1.weight": [2, 64], "classify_1.bias": [2]}
    page.post("/train/set", data={"start.source": trained({**STARTER, **head}, classes=("cat", "dog"))})
    assert shown_fates(page)["classify_1"] == "fresh · other classes 195"
    assert "keeps this run from starting" not in text(page.get("/train"))


def test_layers_that_do_not_fit_are_mended_at_one_click(page: TestClient, store: Store, trained: Trained) -> None:
    misfits = {"conv_2.weight": [8, 16, 3, 3], "conv_2.bias": [8], "dense_1.weight": [9, 9], "dense_1.bias": [9]}
    page.post("/train/set", data={"start.source": trained({**STARTER, **misfits})})
    shown = text(page.get("/train"))
    assert "2 things keep this run from starting:" in shown
    assert "conv_2.bias is 32 here, but 8 in source-1, epoch 2" in shown
    assert shown_fates(page)["conv_2"] == "does not fit 4,640"
    assert page.post("/train/start").status_code == 200
    assert len(store.runs()) == 1
    assert list(buttons(page)) == [
        "Let conv_2 begin anew", "Let dense_1 begin anew", "Let all 2 that do not fit begin anew",
        "Begin with fresh weights",
    ]  # fmt: skip
    click(page, "Let conv_2 begin anew")
    assert list(buttons(page)) == ["Let dense_1 begin anew", "Begin with fresh weights"]
    click(page, "Let dense_1 begin anew")
    assert spec_of(store, started(page))["train"]["reset"] == ["conv_2", "dense_1"]


def test_names_that_mean_nothing_are_mended_at_one_click(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on("train.freeze_up_to=gone")
    page.post("/train/set", data={"train.reset": ["nothing", "classify_1"]})
    click(page, "Leave nothing out of train.reset")
    click(page, "Freeze nothing")
    assert spec_of(store, started(page))["train"]["reset"] == ["classify_1"]


def test_a_run_is_not_judged_on_what_its_weights_have_seen(page: TestClient, store: Store, trained: Trained) -> None:
    page.post("/train/set", data={"start.source": trained(STARTER, split_seed=3)})
    assert "validation images are among those that source-1, epoch 2 was trained on" in text(page.get("/train"))
    click(page, "Split the data as it was there")
    data = spec_of(store, started(page))["data"]
    assert (data["validation"], data["split_seed"]) == (0.2, 3)


def test_a_start_that_is_not_there_is_told(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on()
    page.post("/train/set", data={"start.source": "no-such-run"})
    shown = text(page.get("/train"))
    assert 'there is no run "no-such-run"' in shown
    assert page.post("/train/start").status_code == 200
    click(page, "Begin with fresh weights")
    assert started(page) == "linear-1"


def test_files_are_named_by_browsers_of_this_machine_only(
    page: TestClient, here: TestClient, photos: Path, tmp_path: Path, weights_file: Callable[..., bytes]
) -> None:
    path = tmp_path / "given <b>.safetensors"
    path.write_bytes(weights_file({"classify_1.weight": [3, 64], "classify_1.bias": [3]}))
    settings = {"start.source": str(path)}
    refused = page.post("/train/set", data=settings, headers=PART)
    assert "a file of this machine can be named by a browser on this machine only; choose a run" in text(refused)
    assert "From a file on this machine" not in text(page.get("/train"))
    here.post("/train/from", data={"preset": "linear"})
    here.post("/train/set", data={"data.source": str(photos), "data.validation": "0.2"})
    assert "From a file on this machine" in text(here.get("/train"))
    here.post("/train/set", data=settings)
    assert shown_fates(here)["classify_1"] == "copied 195"
    assert "given <b>.safetensors does not say what it was trained on" in html.unescape(here.get("/train").text)
    assert "<b>.safetensors" not in here.get("/train").text
    assert started(here) == "linear-1"


def test_phases_are_shown_and_can_be_left_out(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on()
    phases = '[{ name = "warm <up>", train = { epochs = 3, freeze_up_to = "flatten_1" } }]'
    page.post("/train/set", data={"phases": phases})
    shown = html.unescape(page.get("/train").text)
    assert "<b>warm <up></b>: 3 epochs, frozen up to flatten_1" in shown
    assert shown_fates(page)["classify_1"] == "copied 195"
    assert len(spec_of(store, started(page))["phases"]) == 1
    page.post("/train/set", data={"phases": ""})
    assert spec_of(store, started(page))["phases"] == []


def test_seeds_follow_each_other_and_differ_in_nothing_else(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on("seed=7", "name=several")
    assert started(page, runs="3") == "compare?run=several-1&run=several-2&run=several-3"
    specs = [spec_of(store, f"several-{number}") for number in (1, 2, 3)]
    assert [spec.pop("seed") for spec in specs] == [7, 8, 9]
    assert specs[0] == specs[1] == specs[2]
    for count in ("0", "21", "-1", "many", "²"):
        assert "that many runs cannot be started at once; choose 1 to 20" in text(
            page.post("/train/start", data={"runs": count})
        )
    draft_on(f"seed={2**63 - 1}")
    assert page.post("/train/start", data={"runs": "3"}).status_code == 200  # the second has no seed left
    assert len(store.runs()) == 3


def test_seeds_are_one_comparison_whose_sharing_of_the_cores_is_told(
    page: TestClient, draft_on: DraftOn, store: Store
) -> None:
    draft_on()
    assert started(page) == "linear-1"
    assert store.run("linear-1").lineage == {"kind": "new"}
    assert started(page, runs="3") == "compare?run=linear-2&run=linear-3&run=linear-4"
    runs = [store.run(f"linear-{number}") for number in (2, 3, 4)]
    (comparison,) = {Comparison.of(run.lineage) for run in runs}
    assert comparison is not None
    assert (comparison.runs, comparison.threads) == (3, None)
    assert "Shares the cores" not in text(page.get("/train/linear-2/log"))
    chosen = comparison.sharing(2, 1, [Way(2, 1, 0.02), Way(1, 2, 0.0225)])
    store.comparisons.agree(comparison.id, chosen.in_lineage())
    shares = (
        "3 runs on 2 cores: 2 at once with 1 thread each. "
        "A training step takes 20 ms alone with 2 threads, 22.5 ms 2 at once with 1 thread each."
    )
    for run in runs:
        log = text(page.get(f"/train/{run.id}/log"))
        assert f"Shares the cores with the others of its comparison. {shares}" in log
    plan = {"threads": 1, "precision": "fp32", "processor": "any", "rewrites": []}
    store.begin_attempt("linear-2", plan)
    assert shares in text(page.get("/train/linear-2"))


def test_a_double_click_starts_one_run(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on()
    key = re.findall(r'name="once" value="(.*?)"', page.get("/train").text)[0]
    assert {started(page, once=key) for _ in range(3)} == {"linear-1"}
    assert len(store.runs()) == 1
    assert started(page, once="another-key-of-a-new-page") == "linear-2"


def test_what_goes_on_is_told_and_more_can_be_queued(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on()
    assert ">Start</button>" in page.get("/train").text
    first, _, third = started(page), started(page), started(page)
    assert "linear-1 is about to begin; 3 runs wait in all" in text(page.get("/train"))
    attempt = store.begin_attempt(first, {})
    assert ">Queue</button>" in page.get("/train").text
    shown = text(page.get("/train/waiting"))
    assert shown.startswith("linear-1 is being trained, and 2 runs wait. What you queue now comes after them")
    page.post(f"/train/{third}/stop")
    assert "and 1 run waits." in text(page.get("/train/waiting"))
    store.end(first, attempt, "finished")
    page.post("/train/linear-2/stop")
    assert text(page.get("/train/waiting")) == ""
    assert "hx-get" not in page.get("/train/waiting").text


@pytest.mark.parametrize(
    ("batch", "epochs", "facts"),
    [
        # 90 pictures: 14 are sealed (15 %, stratified by 3 classes of 30), 15 held out, and 61 are left to train on
        (
            "20",
            "4",
            ["Training images 60", "Steps 3 of 20 ", "One image is left out", "4 epochs: 240 images, 12 steps."],
        ),
        ("25", "1", ["Training images 61", "Steps 3 of 25 (last 11)", "1 epoch: 61 images, 3 steps."]),
        ("500", "2", ["Training images 61", "Steps 1 of 61 ", "2 epochs: 122 images, 2 steps."]),
    ],
)
def test_what_each_epoch_sees_is_counted(
    page: TestClient, draft_on: DraftOn, batch: str, epochs: str, facts: list[str]
) -> None:
    draft_on("train.early_stop=none", f"train.batch_size={batch}", f"train.epochs={epochs}")
    shown = text(page.get("/train"))
    for fact in facts:
        assert fact in shown


def test_early_stopping_is_switched_and_keeps_what_was_set(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on("train.early_stop={}", "train.early_stop.patience=3")
    page.post("/train/set", data={"train.early_stop": "{}", "train.early_stop.patience": "4"})
    page.post("/train/set", data={"train.loss.label_smoothing": "0.1"})
    spec = spec_of(store, started(page))
    assert spec["train"]["early_stop"] == {"monitor": "validation_loss", "patience": 4, "min_delta": 0.0}
    assert spec["train"]["loss"]["label_smoothing"] == 0.1
    page.post("/train/set", data={"train.early_stop": "none", "train.early_stop.patience": "4"})
    assert "early_stop" not in spec_of(store, started(page))["train"]


def test_names_may_look_like_numbers(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on("name=2026", "train.epochs=2")
    assert store.run(started(page)).name == "2026"


@pytest.mark.parametrize("path", ["train", "data", "start", "train.optimizer", "train.early_stop.patience.x", "phases"])
def test_what_no_form_says_changes_nothing(page: TestClient, draft_on: DraftOn, path: str) -> None:
    draft_on()
    before = page.get("/train").text.partition('id="settings"')[2].partition("</form>")[0]
    answer = page.post("/train/set", data={path: "5"}, headers=PART)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert page.get("/train").text.partition('id="settings"')[2].partition("</form>")[0] == before


def test_a_preset_keeps_the_images_that_were_chosen(page: TestClient, draft_on: DraftOn, photos: Path) -> None:
    draft_on("data.split_seed=4")
    page.post("/train/from", data={"preset": "mlp"})
    shown = page.get("/train")
    assert f"{photos}" in shown.text
    assert "Training images 61" in text(shown)
    page.post("/train/set", data={"data.validation": "5000"})
    assert list(buttons(page)) == ["Hold out 10 %"]
    click(page, "Hold out 10 %")
    assert ">Start</button>" in page.get("/train").text


def test_looking_writes_nothing(page: TestClient, own_workspace: Workspace, draft_on: DraftOn) -> None:
    page.get("/train")
    page.post("/train/undo")
    assert not list(own_workspace.drafts.glob("*"))
    draft_on()
    (draft,) = own_workspace.drafts.glob("*")
    before = draft.stat()
    page.get("/train")
    page.post("/train/set", data={"train.epochs": "300"})  # as it is
    assert (draft.stat().st_mtime_ns, draft.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_the_time_is_told_after_a_short_timing(page: TestClient, draft_on: DraftOn, store: Store) -> None:
    draft_on("train.epochs=0")
    assert "It is timed when nothing keeps the run from starting." in text(page.get("/train"))
    draft_on("train.epochs=40", "train.early_stop=none")
    assert 'id="time-waits-' in page.get("/train").text
    run = started(page)
    attempt = store.begin_attempt(run, {})
    assert "linear-1 uses the cores. It is timed when they are free." in text(page.get("/train/time"))
    store.end(run, attempt, "finished")
    until = time.monotonic() + 60
    address = "/train/time"
    while "time-known" not in (shown := page.get(address).text) and time.monotonic() < until:
        address = re.findall(r'hx-get="(.*?)"', shown)[0]
        time.sleep(0.1)
    told = text(Answer(shown))
    assert re.search(r"About \S+ s for 40 epochs .* an epoch.* Timed here on \d+ threads?: [\d,]+ steps", told), told
    assert "The same run took" in text(page.get("/train"))
    page.post("/train/set", data={"train.epochs": "80", "train.optimizer.learning_rate": "0.02", "name": "longer"})
    assert "for 80 epochs" in text(page.get("/train"))  # nothing that its time depends on
    page.post("/train/set", data={"train.batch_size": "16"})
    assert 'id="time-waits-' in page.get("/train").text


def timed(**changes: Any) -> Job:
    one = {
        "epoch": 3.0, "shortest": 2.8, "longest": 3.4, "validation": 0.1, "steps": 30, "batch_size": 128,
        "images": 55000, "threads": 2, "device": "cpu", "others": 0.0, "phase": None,
    }  # fmt: skip
    return Job(state="done", result=Message({"timings": [{**one, **changes}]}))


@pytest.mark.parametrize(
    ("settings", "changes", "headline", "details"),
    [
        ([], {}, "About 15 s for 5 epochs", "3.0 s an epoch, 2.8 s to 3.4 s. Timed here on 2 threads: 30 steps."),
        (["train.budget=60s"], {}, "60 s: the budget. About 20 epochs fit into it", "3.0 s an epoch, 2.8 s to 3.4 s."),
        (["train.budget=2s"], {}, "2.0 s: the budget. About 0.7 epochs fit into it", "3.0 s an epoch"),
        (["train.early_stop={}"], {"threads": 1}, "At most about 15 s for 5 epochs", "on 1 thread: 30 steps."),
        ([], {"batch_size": 16, "steps": 1}, "About 15 s for 5 epochs", ": 1 step of 16 images."),
        ([], {"device": "cuda"}, "About 15 s for 5 epochs", "Timed here on cuda: 30 steps."),
        ([], {"others": 0.4}, "About 15 s for 5 epochs", "Other programs used 40 % of the processors meanwhile"),
    ],
)
def test_a_timing_in_words(settings: list[str], changes: dict[str, Any], headline: str, details: str) -> None:
    spec: RunSpec = from_toml(presets()["starter"], overrides=settings)
    found = told(timed(**changes), "key", spec)
    assert found.headline == headline
    assert details in found.details


def test_the_time_of_phases_is_told_before_that_of_the_run() -> None:
    phases = ["phases=[{ name = 'warm', train = { epochs = 4 } }, { name = 'cool', train = { budget = '7s' } }]"]
    first, second, own = ({**timed().result.words["timings"][0], "epoch": epoch} for epoch in (2.0, 1.0, 3.0))  # type: ignore[union-attr]
    job = Job(state="done", result=Message({"timings": [first, second, own]}))
    found = told(job, "key", from_toml(presets()["starter"], overrides=phases))
    assert found.headline == "Warm 8.0 s, cool 7.0 s, then about 15 s for 5 epochs"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.004, "under 0.01 s"), (0.06, "0.06 s"), (3.44, "3.4 s"), (9.96, "10 s"), (99.4, "99 s"), (100, "2 min"),
     (5400, "90 min"), (12_100, "3 h 20 min"), (7200, "2 h"), (1e6, "278 h")],
)  # fmt: skip
def test_estimates_have_no_more_digits_than_they_can_bear(seconds: float, shown: str) -> None:
    assert roughly(seconds) == shown


@pytest.mark.parametrize("typed", ["01:30:00", "2026-11-22", "2026-11-22T01:30:00"])
def test_what_toml_takes_for_a_time_is_told_as_the_text_that_was_typed(page: TestClient, typed: str) -> None:
    answer = page.post("/train/set", data={"train.budget": typed}, headers={"hx-request": "true"})
    assert answer.status_code == 200
    assert "train.budget" in answer.text
    assert typed in answer.text


def test_settings_that_lie_too_deep_or_have_no_kind_are_refused_in_words(page: TestClient) -> None:
    for data in ({".".join(["a"] * 3000): "1"}, {"train.optimizer": "nan"}):
        for _ in range(2):
            assert page.post("/train/set", data=data, headers={"hx-request": "true"}).status_code == 200
    assert page.post("/network/move", data={"row": "conv_1", "to": "9" * 5000}).status_code < 500


def test_several_seeds_are_seen_side_by_side(page: TestClient, draft_on: Callable[..., None]) -> None:
    draft_on()
    answer = page.post("/train/start", data={"runs": "3"})
    assert answer.headers["location"] == "/train/compare?run=linear-1&run=linear-2&run=linear-3"
