"""The view Studies without a browser: a study is made from a run, watched, and asked for more; shipped ones begin."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from fittingroom.queue.studies import delete_study
from fittingroom.queue.study_time import Beside
from fittingroom.queue.wire import Message
from fittingroom.spec.arms import arms
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import from_toml, presets
from fittingroom.spec.study import StudySpec
from fittingroom.store import Store
from fittingroom.web.expected import Timings
from fittingroom.web.inference import Job
from fittingroom.web.study.time import ArmTime, StudyTime, expect_study
from fittingroom.web.study.values import as_toml, values_of
from fittingroom.web.study.variables import variables_of
from fittingroom.web.waiting import Waiting
from fittingroom.workspace import Workspace
from tests.web.study_pages import assert_refused, form_of, spec_at, text

DraftOn = Callable[..., None]
PART = {"hx-request": "true"}
RATE, SIZE = "train.optimizer.learning_rate", "train.batch_size"


def asked(*axes: tuple[str, list[str], str], **more: str) -> str:
    """The address of a study in the making: ``asked((SIZE, ["8", "16"], "32"), seeds="2")``."""
    said = list(more.items())
    for number, (path, ticked, typed) in enumerate(axes):
        said += [(f"axis-{number}", path), (f"was-{number}", path), (f"more-{number}", typed)]
        said += [(f"value-{number}", value) for value in ticked]
    return f"/studies/new?{urlencode(said)}"


def ticked(answer: Any) -> list[str]:
    found = re.findall(r'<input type="checkbox" name="value-0" value="([^"]*)"[^>]* checked>', answer.text)
    return [html.unescape(each) for each in found]


@pytest.fixture
def begun(page: TestClient, draft_on: DraftOn) -> str:
    """The id of a study of two learning rates with two seeds each; nobody trains it."""
    draft_on("train.epochs=2", "name=tiny")
    answer = page.post("/studies/start", data=form_of(asked((RATE, ["0.1", "0.2"], ""), seeds="2")))
    assert answer.status_code == 303, text(answer)
    return str(answer.headers["location"].rpartition("/")[2])


def finish(store: Store, run: str, accuracy: float, epochs: int = 2) -> None:
    """Let a run end with that accuracy at its last epoch."""
    attempt = store.begin_attempt(run, {})
    for epoch in range(1, epochs + 1):
        reached = accuracy - 0.01 * (epochs - epoch)
        metrics = EpochMetrics(epoch, 0.5, reached, 1 - reached, reached, 0.01, 1.5)
        store.record_epoch(run, attempt, metrics, best=True, artifacts=[])
    store.end(run, attempt, "finished")


def finish_all(store: Store, study: str, accuracies: list[list[float]]) -> None:
    """``accuracies[arm][seed]``."""
    order = [arm.key for arm in store.studies.study(study).arms]
    for (arm, seed), run in store.studies.places(study).items():
        finish(store, run.id, accuracies[order.index(arm)][seed])


# What can be varied


def test_every_preset_offers_settings_whose_values_can_all_be_trained() -> None:
    for name, preset in presets().items():
        base = from_toml(preset)
        offered = {each.path: each for each in variables_of(base)}
        assert {RATE, SIZE, "train.optimizer", "train.early_stop", "augment", "data.normalize"} <= set(offered), name
        for variable in [offered[path] for path in (RATE, SIZE, "train.optimizer", "train.early_stop", "augment")]:
            values = values_of(value.text for value in variable.offered)
            assert len(values) == len(variable.offered)
            assert len(arms(StudySpec(base=base, vary={variable.path: values}))) == len(values), variable.path
            assert sum(value.usual for value in variable.offered) == 1
            assert 2 <= len(variable.ticked) <= 4


def test_what_is_ticked_at_first_holds_what_the_base_has() -> None:
    for variable in variables_of(from_toml(presets()["cnn-bn"])):
        usual = [value.text for value in variable.offered if value.usual]
        assert all(each in variable.ticked for each in usual), variable.path


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("relu, elu,relu", ["relu", "elu"]),
        ("0.1, 1e-3; 2", [0.1, 0.001, 2]),
        ('{ name = "sgd", learning_rate = 0.5 }, none', [{"name": "sgd", "learning_rate": 0.5}, "none"]),
        ('[], [{ kind = "mirror" }]', [[], [{"kind": "mirror"}]]),
        ('"a, b", true', ["a, b", True]),
        (" , ,", []),
        ("{ name = ", ["{ name ="]),
    ],
)
def test_values_are_read_as_people_write_them(typed: str, values: list[Any]) -> None:
    assert values_of([typed]) == values
    assert values_of([", ".join(as_toml(value) for value in values)]) == values  # and written so that they are again


# In the making


def test_a_new_study_begins_from_what_is_set_up_in_train(page: TestClient, draft_on: DraftOn) -> None:
    draft_on("train.epochs=7", "train.batch_size=16")
    shown = text(page.get("/studies/new"))
    assert "7 epochs at most, batches of 16" in shown
    assert "Choose one setting, and two or more values for it." in shown
    assert re.search(r'id="start"[^>]* disabled', page.get("/studies/new").text)


def test_a_setting_that_is_chosen_begins_with_values_worth_trying(page: TestClient, draft_on: DraftOn) -> None:
    draft_on("train.batch_size=16")
    answer = page.get("/studies/new?axis-0=train.batch_size")
    assert ticked(answer) == ["8", "16", "32"]
    assert "3 arms × 3 seeds = 9 runs" in text(answer)
    assert "Start 9 runs" in text(answer)
    again = page.get("/studies/new?axis-0=train.batch_size&was-0=train.epochs&value-0=1")
    assert ticked(again) == ["8", "16", "32"]  # what was ticked of another setting is forgotten


def test_the_text_file_says_the_study_that_the_page_shows(page: TestClient, draft_on: DraftOn) -> None:
    draft_on("train.epochs=2")
    address = asked((RATE, ["0.1"], "0.2"), (SIZE, ["8", "16"], ""), seeds="2", name="mine", margin="0,5", target="88",
                    question="Which?")  # fmt: skip
    study = spec_at(page, address)
    assert study.vary == {RATE: (0.1, 0.2), SIZE: (8, 16)}
    assert (study.seeds, study.name, study.margin, study.target, study.question) == (2, "mine", 0.5, 0.88, "Which?")
    shown = text(page.get(address))
    assert "4 arms × 2 seeds = 8 runs" in shown
    for arm in arms(study):
        assert arm.name in shown


def test_the_address_says_all_of_it_and_buttons_do_nothing_twice(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    address = asked((RATE, ["0.1"], "0.2"), seeds="2")
    added = page.get(f"{address}&add=axis")
    assert added.status_code == 303
    assert spec_at(page, added.headers["location"]) == spec_at(page, address)
    two = asked((RATE, ["0.1", "0.2"], ""), (SIZE, ["8", "16"], ""))
    without = page.get(f"{two}&drop=0").headers["location"]
    assert spec_at(page, without).vary == {SIZE: (8, 16)}
    part = page.get(f"{two}&drop=1", headers=PART)
    assert part.status_code == 200
    assert spec_at(page, part.headers["hx-push-url"]).vary == {RATE: (0.1, 0.2)}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (asked((SIZE, ["8"], "0")), "0: should be greater than or equal to 1, not 0; use 1 or more"),
        (asked((SIZE, ["8"], "lots")), "lots: should be a whole number, not 'lots'; give a whole number"),
        (asked((SIZE, ["8"], "")), "Choose two values or more."),
        (asked(("train.no_such", ["1", "2"], "")), "unknown key"),
        (asked(("network.*.filters", ["1", "2"], "")), "no item of network has a setting at"),
        (asked((SIZE, ["8", "16"], ""), seeds="x"), "Should be a whole number, not 'x'"),
        (asked((SIZE, ["8", "16"], ""), seeds="0"), "Should be greater than or equal to 1, not 0"),
        (asked((SIZE, ["8", "16"], ""), margin="-1"), "Should be greater than 0, not -1"),
        (asked((SIZE, ["8", "16"], ""), (SIZE, ["32", "64"], "")), "This setting varies above already"),
        (asked((SIZE, ["8", "16"], ""), target="many"), "Should be a number, not 'many'"),
        (asked((SIZE, ["8", "16"], ""), target="800"),
         '"800" is no accuracy to reach; give a percentage above 0 and below 100'),
        (asked((SIZE, [str(size) for size in range(1, 40)], ""), (RATE, [f"0.{n:02}" for n in range(1, 30)], "")),
         "1,131 combinations are more than 200"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_starts(
    address: str, said: str, page: TestClient, store: Store, draft_on: DraftOn
) -> None:
    draft_on()
    assert_refused(page, store, address, said)


def test_a_number_that_is_left_empty_is_told_as_missing(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    assert "Is missing; give a whole number from 1" in text(page.get(asked((SIZE, ["8", "16"], ""), seeds="")))


def test_a_network_that_cannot_be_is_told_of_each_arm(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    page.post("/train/from", data={"preset": "cnn"})
    page.post("/train/set", data={"data.source": "fashion-mnist"})
    shown = text(page.get(asked(("network.max_pool_1.size", ["2", "20"], ""))))
    assert "max pool 20" not in shown
    assert "20: " in shown
    assert "keeps the study from starting" in shown or "keep the study from starting" in shown


def test_a_run_is_the_base_and_a_run_that_is_not_there_is_told(page: TestClient, begun: str, store: Store) -> None:
    run = store.runs()[0].id
    answer = page.get(asked((SIZE, ["8", "16"], ""), run=run))
    assert re.search(rf'<option value="{run}" selected>', answer.text)
    assert spec_at(page, asked((SIZE, ["8", "16"], ""), run=run)).base.train.epochs == 2
    assert page.get("/studies/new?run=nowhere-1").status_code == 404
    assert page.get("/studies/new?preset=nowhere").status_code == 404


def test_several_runs_become_arms_with_what_differs_told(page: TestClient, store: Store, draft_on: DraftOn) -> None:
    runs = []
    for settings in (["train.epochs=2"], ["train.epochs=3", "train.batch_size=7"]):
        draft_on(*settings)
        runs.append(page.post("/train/start").headers["location"].rpartition("/")[2])
    address = f"/studies/new?run={runs[0]}&run={runs[1]}"
    shown = text(page.get(address))
    assert "2 arms × 3 seeds = 6 runs" in shown
    assert "The arms differ in train.batch_size , train.epochs" in shown
    study = spec_at(page, address)
    assert [arm.name for arm in study.arms] == runs
    assert {arm.spec.seed for arm in arms(study)} == {study.base.seed}
    assert page.post("/studies/start", data={"run": runs}).status_code == 303
    (record,) = store.studies.studies()
    assert [arm.name for arm in record.arms] == runs


def test_a_study_starts_once_however_often_its_button_is_clicked(
    page: TestClient, store: Store, draft_on: DraftOn
) -> None:
    draft_on("train.epochs=2")
    form = form_of(asked((RATE, ["0.1", "0.2"], ""), seeds="2")) | {"once": ["a-key-of-this-form"]}
    answers = [page.post("/studies/start", data=form) for _ in range(2)]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(store.runs()) == 4
    assert {json.loads(store.run(run.id).spec)["seed"] for run in store.runs()} == {0, 1}


def test_links_lead_from_runs_their_comparison_and_train(page: TestClient, begun: str, store: Store) -> None:
    first, second = (run.id for run in store.runs()[:2])
    assert f'href="/studies/new?run={first}"' in page.get(f"/train/{first}").text
    compared = html.unescape(page.get(f"/train/compare?run={first}&run={second}").text)
    assert f'href="/studies/new?run={first}&run={second}"' in compared
    assert 'href="/studies/new"' in page.get("/train").text
    assert 'formaction="/studies/new"' in page.get("/runs").text


# What one has found


def test_the_list_explains_itself_and_then_tells_each_verdict(
    page: TestClient, store: Store, draft_on: DraftOn
) -> None:
    assert "says which differences between them are real and which are chance" in text(page.get("/studies"))
    draft_on("train.epochs=2")
    answer = page.post("/studies/start", data=form_of(asked((RATE, ["0.1", "0.2"], ""), name="<b>rates</b>")))
    study = answer.headers["location"].rpartition("/")[2]
    listed = page.get("/studies")
    assert "&lt;b&gt;rates&lt;/b&gt;" in listed.text
    assert "waits · 0 of 6 runs" in text(listed)
    assert 'hx-trigger="every 5s"' in listed.text
    finish_all(store, study, [[0.5, 0.51, 0.49], [0.9, 0.91, 0.895]])
    listed = page.get("/studies")
    assert "learning rate 0.2 is the best of the two arms" in text(listed)
    assert 'hx-trigger="every 5s"' not in listed.text
    assert page.get(f"/studies/{study}").text.count("<b>rates") == 0


def test_every_seed_is_in_the_table_and_leads_to_its_run(page: TestClient, store: Store, begun: str) -> None:
    finish_all(store, begun, [[0.5, 0.52], [0.9, 0.91]])
    answer = page.get(f"/studies/{begun}")
    shown = text(answer)
    for figure in ("50.00", "52.00", "90.00", "91.00", "51.00 %", "90.50 %", "finished · 4 runs"):
        assert figure in shown
    for run in store.runs():
        assert f'href="/train/{run.id}"' in answer.text
    (arm, _) = store.studies.study(begun).arms
    assert f"on {arm.images} validation images" in shown
    assert answer.text.count("<svg xmlns") >= 3
    assert "style=" not in answer.text  # the policy of the page would drop it


def test_a_page_that_has_seen_everything_is_sent_nothing(page: TestClient, store: Store, begun: str) -> None:
    first = page.get(f"/studies/{begun}").text
    (address,) = re.findall(r'hx-get="(/studies/[^"]*seen=[^"]*)"', first)
    assert page.get(address, headers=PART).status_code == 204
    run = store.runs()[0].id
    store.begin_attempt(run, {})
    assert page.get(address, headers=PART).status_code == 200
    assert page.get(address).status_code == 200  # a reload shows all of it


def test_more_seeds_train_only_what_is_new(page: TestClient, store: Store, begun: str) -> None:
    finish_all(store, begun, [[0.5, 0.52], [0.9, 0.91]])
    answer = page.post(f"/studies/{begun}/seeds", data={"count": "3"})
    assert answer.status_code == 303
    assert sorted(run.state for run in store.runs()) == ["finished"] * 4 + ["queued"] * 6
    assert "More seeds wait to be trained" in text(page.get(answer.headers["location"]))
    for wrong in ("0", "-1", "x", "1000", "99"):
        refused = page.post(f"/studies/{begun}/seeds", data={"count": wrong})
        assert refused.status_code == 422
        assert "seeds" in text(refused)
    assert len(store.runs()) == 10


def test_stop_and_go_on(page: TestClient, store: Store, begun: str) -> None:
    page.post(f"/studies/{begun}/stop")
    assert {run.state for run in store.runs()} == {"stopped"}
    stopped = page.get(f"/studies/{begun}").text
    assert 'action="/studies/' + begun + '/go-on"' in stopped
    assert "hx-trigger" not in stopped.partition('<div id="study"')[2].partition(">")[0]
    page.post(f"/studies/{begun}/go-on")
    assert {run.state for run in store.runs()} == {"queued"}
    assert len(store.runs()) == 4


def test_a_deleted_study_can_be_brought_back(page: TestClient, store: Store, begun: str) -> None:
    refused = page.post(f"/studies/{begun}/delete", data={"keep": ""})
    assert refused.status_code == 422  # its runs wait
    finish_all(store, begun, [[0.5, 0.52], [0.9, 0.91]])
    answer = page.post(f"/studies/{begun}/delete", data={"keep": ""})
    assert answer.status_code == 303
    assert store.runs() == []
    assert page.get(f"/studies/{begun}").status_code == 404
    assert "Undo" in text(page.get(answer.headers["location"]))
    page.post("/studies/restore", data={"study": begun})
    assert len(store.runs()) == 4
    assert "90.50 %" in text(page.get(f"/studies/{begun}"))
    page.post(f"/studies/{begun}/delete", data={"keep": "runs"})
    assert len(store.runs()) == 4


def test_its_text_file_can_be_run_again(page: TestClient, begun: str) -> None:
    study = spec_at(page, f"/studies/{begun}")
    assert study.vary == {RATE: (0.1, 0.2)}
    assert study.seeds == 2


def test_a_study_that_is_not_there_is_told(page: TestClient, begun: str) -> None:
    for path in ("/studies/nowhere", "/studies/nowhere/study.toml"):
        assert page.get(path).status_code == 404
    for act in ("seeds", "stop", "go-on", "delete"):
        assert page.post(f"/studies/nowhere/{act}", data={"count": "3"}).status_code == 404


def test_what_to_beware_of_is_told_with_what_to_do(page: TestClient, store: Store, begun: str) -> None:
    finished, failed, *others = store.runs()
    finish(store, finished.id, 0.5)
    store.end(failed.id, store.begin_attempt(failed.id, {}), "failed", message="the loss became nan in <epoch> 2")
    for run in others:
        finish(store, run.id, 0.6)
    answer = page.get(f"/studies/{begun}")
    shown = text(answer)
    assert "No result. 1 of 4 runs have no result (1 failed)" in shown
    assert "finished · 4 runs, 1 failed" in shown
    assert "the loss became nan in &lt;epoch&gt; 2" in answer.text
    assert "<epoch>" not in answer.text


def test_the_report_is_one_file_that_needs_nothing_else(page: TestClient, store: Store, begun: str) -> None:
    finish_all(store, begun, [[0.5, 0.52], [0.9, 0.91]])
    read, kept = (page.get(f"/studies/{begun}/report{query}") for query in ("", "?save=1"))
    assert read.status_code == kept.status_code == 200
    assert "script-src" not in read.headers["content-security-policy"]  # so that none runs, whatever is in it
    assert read.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "content-disposition" not in read.headers
    assert kept.headers["content-disposition"] == f'attachment; filename="{begun}.html"'
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', read.text) == []
    assert page.get("/studies/nowhere/report").status_code == 404
    run = store.runs()[0].id
    of_run = page.get(f"/results/{run}/report?save=1")
    assert of_run.headers["content-disposition"] == f'attachment; filename="{run}.html"'
    assert "script-src" not in of_run.headers["content-security-policy"]
    assert page.get("/results/nowhere-1/report").status_code == 404


# How long it will take


def timed(*arms_and_seconds: tuple[str, float | None], epochs: int, seeds: int) -> StudyTime:
    """What is told of arms by the key of their timing, and the seconds of an epoch of each; None is not timed."""
    spec = from_toml(presets()["linear"], overrides=[f"train.epochs={epochs}", "train.early_stop=none"])
    timings = Timings()
    for key, seconds in arms_and_seconds:
        if seconds is not None:
            one = {"epoch": seconds, "shortest": seconds, "longest": seconds, "validation": 0.1, "steps": 5,
                   "batch_size": 64, "images": 640, "threads": 2, "device": "cpu", "others": 0.0}  # fmt: skip
            timings._jobs.put(key, Job(state="done", result=Message({"timings": [one]})))
    request = SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(only_ones={Timings: timings})))
    found = [ArmTime(key, spec) for key, _ in arms_and_seconds]
    beside = Beside(0.5, 0, 4.0)
    return expect_study(found, seeds, beside, Waiting([], []), request, 2, begin=False)  # type: ignore[arg-type]


def test_the_time_of_a_study_is_that_of_all_its_runs() -> None:
    known = timed(("a", 1.0), ("a", 1.0), ("b", 4.0), epochs=10, seeds=3)
    assert known.state == "known"
    assert known.headline == "About 3 min"  # 3 × (10 + 10 + 40) s, and 3 × 3 × 0.5 + 4 s besides
    assert timed(("a", 1.0), epochs=1, seeds=2).headline == "About 7.0 s"  # 2 × (1 + 0.5) + 4
    assert "Reckoned besides: 0.5 s for the rest of each run, as is usual, and 4.0 s for a worker." in known.details
    assert "10 s to 40 s a run, one after the other" in known.details


def test_the_time_of_a_study_is_not_told_before_each_arm_was_timed() -> None:
    assert timed(("a", 1.0), ("b", None), epochs=10, seeds=3).state == "waits"
    assert timed(epochs=10, seeds=3).state == "none"


# Shipped studies


def test_a_shipped_study_begins_with_one_click_small_or_whole(page: TestClient, store: Store) -> None:
    assert "Which activation suits a perceptron" in text(page.get("/studies"))
    answer = page.post("/studies/shipped/a-activations-mlp", data={"size": "small"})
    assert answer.status_code == 303
    (record,) = store.studies.studies()
    assert json.loads(record.spec)["set"]["train.epochs"] == 12
    assert len(store.runs()) == len(record.arms) * json.loads(record.spec)["seeds"]
    assert page.post("/studies/shipped/no-such", data={"size": "small"}).status_code == 404
    assert page.get("/studies/shipped/no-such/time").status_code == 404


def test_a_study_deleted_elsewhere_leaves_the_list(
    page: TestClient, begun: str, own_workspace: Workspace, store: Store
) -> None:
    page.post(f"/studies/{begun}/stop")
    delete_study(begun, own_workspace)
    assert begun not in page.get("/studies").text


def test_arms_on_data_that_is_gone_are_told(page: TestClient, draft_on: DraftOn, photos: Path) -> None:
    draft_on()
    photos.rename(photos.with_name("elsewhere"))
    answer = page.get(asked((RATE, ["0.1", "0.2"], "")))
    assert answer.status_code == 200
    assert "photos" in text(answer)
    assert re.search(r'id="start"[^>]* disabled', answer.text)


def test_a_study_that_cannot_be_read_is_told_of_in_its_row_and_on_its_page(
    page: TestClient, begun: str, own_workspace: Workspace, draft_on: DraftOn
) -> None:
    draft_on("train.epochs=2", "name=other")
    page.post("/studies/start", data=form_of(asked((RATE, ["0.1", "0.2"], ""), seeds="2")))
    with sqlite3.connect(own_workspace.database) as connection:
        connection.execute("""update studies set spec = '{"novelty": 3}' where id = ?""", (begun,))
    listed = page.get("/studies")
    assert listed.status_code == 200
    assert "other" in text(listed)
    assert 'unknown key "novelty"' in text(listed)
    own = page.get(f"/studies/{begun}")
    assert own.status_code == 200
    assert 'unknown key "novelty"' in text(own)
    assert page.post(f"/studies/{begun}/stop").status_code == 303
    assert "Delete it, keep its runs" in text(page.get(f"/studies/{begun}"))
    assert page.post(f"/studies/{begun}/delete", data={"keep": "runs"}).status_code == 303
    assert begun not in text(page.get("/studies"))
