"""The view Runs without a browser: sorting, filtering, what differs, labels, delete with undo."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from fittingroom.spec.run import from_toml, presets
from fittingroom.store import DataRecord, Store
from fittingroom.workspace import Workspace

Trained = Callable[..., str]


@pytest.fixture
def trained(store: Store) -> Trained:
    """``trained("mlp", "seed=1", accuracy=0.9)``: a finished run of a preset with settings changed."""
    store.remember_data(DataRecord("f0", "shoes", "shoes.zip", ("boot",), {"train": 9, "validation": 2}, (1, 28, 28)))

    def add(preset: str, *settings: str, name: str = "", accuracy: float | None = None, data: str = "f0") -> str:
        spec = from_toml(presets()[preset], overrides=[f"name={name or preset}", *settings])
        run = store.create_run(
            name=spec.name, spec=json.dumps(spec.to_json()), spec_id=spec.content_id, fingerprint=data, parameters=10
        )
        attempt = store.begin_attempt(run, {})
        figures: dict[str, Any] = {}
        if accuracy is not None:
            figures = {"best_epoch": 2, "validation_accuracy": accuracy, "validation_loss": 1 - accuracy}
        store.end(run, attempt, "finished" if figures else "stopped", **figures)
        return run

    return add


def text(answer: Any) -> str:
    return html.unescape(answer.text)


def shown(page: TestClient, address: str = "/runs") -> list[str]:
    """The ids of the runs of a page, in their order."""
    answer = page.get(address)
    assert answer.status_code == 200
    return re.findall(r'<tr id="run-([^"]+)"', answer.text)


def settings(page: TestClient, run: str, address: str = "/runs") -> list[str]:
    """What one line says under "Differs in"."""
    line = page.get(address).text.partition(f'<tr id="run-{run}"')[2].partition("</tr>")[0]
    return [html.unescape(each) for each in re.findall(r'<a class="setting"[^>]*>([^<]*)</a>', line)]


def links(page: TestClient, label: str, address: str = "/runs") -> list[str]:
    """Where the links of this text lead."""
    found = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>([^<]*)', page.get(address).text)
    return [html.unescape(href) for href, words in found if html.unescape(words).strip() == label]


def test_an_empty_table_says_what_to_do_next(page: TestClient, store: Store, trained: Trained) -> None:
    assert "No runs yet." in page.get("/runs").text
    run = trained("linear")
    store.trash.delete(run)
    assert "Bring a deleted one back" in page.get("/runs").text


def test_newest_first_and_sorted_by_what_a_heading_links_to(page: TestClient, trained: Trained) -> None:
    for accuracy in (0.8, 0.9, None, 0.85):
        trained("linear", accuracy=accuracy)
    assert shown(page) == ["linear-4", "linear-3", "linear-2", "linear-1"]
    (best,) = links(page, "Accuracy")
    assert shown(page, best) == ["linear-2", "linear-4", "linear-1", "linear-3"]
    assert '<th scope="col" class="n" aria-sort="descending"><a id="sort-accuracy"' in page.get(best).text
    (worst,) = links(page, "Accuracy", best)
    assert shown(page, worst) == ["linear-1", "linear-4", "linear-2", "linear-3"]  # what has none stays last
    assert page.get(worst).text.count("aria-sort=") == 1
    assert shown(page, links(page, "Loss")[0]) == ["linear-2", "linear-4", "linear-1", "linear-3"]
    assert shown(page, "/runs?sort=-no-such-column") == shown(page)


def test_every_column_sorts(page: TestClient, trained: Trained) -> None:
    for number in (10, 2, 1):
        trained("linear", f"seed={number}", accuracy=0.5)
    everything = {"linear-1", "linear-2", "linear-3"}
    headings = re.findall(r'<a id="sort-[^"]*" href="([^"]*)"', page.get("/runs").text)
    assert len(headings) == 10
    for address in headings:
        assert set(shown(page, html.unescape(address))) == everything
    assert shown(page, "/runs?sort=differs") == ["linear-3", "linear-2", "linear-1"]  # by number, not by letter


def test_names_are_sorted_as_people_count(page: TestClient, trained: Trained) -> None:
    for _ in range(11):
        trained("linear")
    assert shown(page, "/runs?sort=run")[:3] == ["linear-1", "linear-2", "linear-3"]


def test_words_state_data_and_tags_narrow_the_table(page: TestClient, store: Store, trained: Trained) -> None:
    first, second, third = trained("mlp", accuracy=0.9), trained("cnn"), trained("linear", data="f9")
    store.labels.change(second, name="Größe", note="Rises from epoch 30 on", add=["lab-3", "best"])
    store.labels.change(third, add=["best"])
    assert (
        shown(page, "/runs?q=größe") == shown(page, "/runs?q=epoch+rises") == shown(page, "/runs?q=lab-3") == [second]
    )
    assert shown(page, "/runs?q=MLP-1") == [first]
    assert shown(page, "/runs?state=finished") == [first]
    assert shown(page, "/runs?data=shoes") == [second, first]
    assert shown(page, "/runs?tag=best") == [third, second]
    assert shown(page, "/runs?tag=best&tag=lab-3") == [second]
    assert shown(page, links(page, "lab-3")[0]) == [second]
    nothing = page.get("/runs?q=nowhere")
    assert "No run is like that." in nothing.text
    assert 'value="nowhere"' in nothing.text


def test_only_what_differs_among_the_runs_shown_is_told(page: TestClient, trained: Trained) -> None:
    trained("mlp", "network.dropout_1.rate=0.3", "seed=1")
    trained("mlp", "train.optimizer.learning_rate=0.1")
    trained("linear")
    assert settings(page, "mlp-1", "/runs?q=mlp") == [
        "network.dropout_1.rate = 0.3",
        "train.optimizer.learning_rate = 0.05",
        "seed = 1",
    ]
    assert "network: dense 120, dropout, dense 120, dropout 0.2" in settings(page, "mlp-1")
    assert settings(page, "linear-1", "/runs?q=linear") == []


def test_what_is_special_about_a_run_is_seen_first(page: TestClient, trained: Trained) -> None:
    for seed in (0, 0, 7):
        trained("mlp", f"seed={seed}")
    trained("starter")
    line = page.get("/runs").text.partition('<tr id="run-mlp-3"')[2].partition("<details>")
    assert 'title="Only runs with seed = 7"' in line[0]  # the last setting in reading order
    assert line[0].count('class="setting"') == 4
    assert "seed = 7" not in line[2].partition("</details>")[0]
    assert len(settings(page, "mlp-3")) > 8


def test_a_setting_narrows_the_table_and_settings_add_up(page: TestClient, trained: Trained) -> None:
    for seed in (0, 1):
        for rate in (0.2, 0.3):
            trained("mlp", f"seed={seed}", f"network.dropout_1.rate={rate}")
    trained("linear")
    (address, *_) = links(page, "network.dropout_1.rate = 0.3")
    assert shown(page, address) == ["mlp-4", "mlp-2"]
    assert settings(page, "mlp-2", address) == ["seed = 0"]
    (both,) = links(page, "seed = 1", address)
    assert shown(page, both) == ["mlp-4"]
    chosen = page.get(both)
    assert "No longer only runs with network.dropout_1.rate = 0.3" in chosen.text
    (less,) = links(page, "network.dropout_1.rate = 0.3", both)
    assert shown(page, less) == ["mlp-4", "mlp-3"]
    family = next(each for each in links(page, "network: dense 120, dropout, dense 120, dropout 0.2"))
    assert shown(page, family) == ["mlp-4", "mlp-3", "mlp-2", "mlp-1"]
    assert shown(page, family + "&state=stopped&seed=1") == ["mlp-4", "mlp-3", "mlp-2", "mlp-1"]
    choice = re.search(r'<option value="(seed=1)">1 · (\d)</option>', page.get("/runs").text)
    assert choice
    assert choice[2] == "2"
    assert shown(page, "/runs?also=seed%3D1") == ["mlp-4", "mlp-3"]
    assert shown(page, "/runs?where=train.no_such%3D1") == []


def test_a_thousand_runs_come_in_pages(page: TestClient, trained: Trained) -> None:
    for _ in range(205):
        trained("linear")
    assert shown(page)[0] == "linear-205"
    assert len(shown(page)) == 100
    assert shown(page, "/runs?page=3") == [f"linear-{number}" for number in range(5, 0, -1)]
    assert shown(page, "/runs?page=99") == shown(page, "/runs?page=3")
    assert "205 runs, 101–200 here" in page.get("/runs?page=2").text
    assert links(page, "Next") == ["/runs?page=2"]
    assert page.get("/runs?page=x").status_code == 422


def test_a_run_whose_spec_cannot_be_read_is_shown_all_the_same(
    page: TestClient, store: Store, trained: Trained
) -> None:
    for spec in ("{}", "no JSON"):
        store.create_run(name="odd", spec=spec, spec_id="a", fingerprint="f", parameters=1)
    trained("linear")
    assert shown(page) == ["linear-1", "odd-2", "odd-1"]


def form(page: TestClient, address: str) -> dict[str, str]:
    """The form below a line, as it is sent when nothing is changed."""
    body = page.get(address).text.partition('action="/runs/edit"')[2].partition("</form>")[0]
    fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', body))
    fields["note"] = body.partition("</textarea>")[0].rpartition(">\n")[2]
    return {name: html.unescape(value) for name, value in fields.items()}


def test_a_run_is_renamed_tagged_and_described_in_place(page: TestClient, store: Store, trained: Trained) -> None:
    run = trained("linear")
    (address,) = re.findall(r'href="([^"]*edit=linear-1[^"]*)"', page.get("/runs?sort=-loss").text)
    told = form(page, html.unescape(address))
    assert (told["name"], told["tags"], told["note"]) == ("linear", "", "")
    changed = {**told, "name": '<b>"mine" & yours</b>', "tags": "Best, lab 3,, best", "note": "two\r\nlines <i>"}
    saved = page.post("/runs/edit", data=changed)
    assert (saved.status_code, saved.headers["location"]) == (303, "/runs?sort=-loss#run-linear-1")
    kept = store.run(run)
    assert (kept.id, kept.name, kept.tags) == (run, '<b>"mine" & yours</b>', ("best", "lab-3"))
    assert kept.note == "two\nlines <i>"
    seen = page.get("/runs").text
    assert "<b>&#34;mine" not in seen
    assert "&lt;b&gt;&#34;mine&#34; &amp; yours&lt;/b&gt;" in seen
    assert form(page, "/runs?edit=linear-1")["tags"] == "best, lab-3"


def test_two_tabs_change_only_what_each_has_changed(page: TestClient, store: Store, trained: Trained) -> None:
    run = trained("linear")
    store.labels.change(run, add=["both", "old"], note="as it was")
    one, other = form(page, "/runs?edit=linear-1"), form(page, "/runs?edit=linear-1")
    page.post("/runs/edit", data={**one, "name": "new name", "tags": "both, first"})
    page.post("/runs/edit", data={**other, "tags": "both, old, second", "note": "as it was, later"})
    kept = store.run(run)
    assert (kept.name, kept.tags, kept.note) == ("new name", ("both", "first", "second"), "as it was, later")


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("name", " ", "A run needs a name; give at least one character."),
        ("tags", "x" * 41, "has 41 characters; 40 are allowed."),
        ("note", "y" * 4001, "The note has 4,001 characters; 4,000 are allowed, so shorten it."),
    ],
)
def test_what_cannot_be_kept_is_told_and_nothing_typed_is_lost(
    page: TestClient, store: Store, trained: Trained, field: str, value: str, why: str
) -> None:
    run = trained("linear")
    typed = {**form(page, "/runs?edit=linear-1"), "name": "typed <name>", "note": "typed note", field: value}
    refused = page.post("/runs/edit", data=typed)
    assert refused.status_code == 422
    assert why in text(refused)
    assert '<div class="fault" role="alert">' in refused.text
    assert "typed note" in refused.text or field == "note"
    assert "typed &lt;name&gt;" in refused.text or field == "name"
    assert (store.run(run).name, store.run(run).note) == ("linear", "")
    assert refused.headers["HX-Push-Url"] == "/runs?edit=linear-1"  # a reload shows the form again


def test_a_run_that_has_gone_meanwhile_is_told_beside_the_others(page: TestClient, trained: Trained) -> None:
    trained("linear"), trained("mlp")
    typed = form(page, "/runs?edit=linear-1")
    page.post("/runs/delete", data={"run": "linear-1"})
    gone = page.post("/runs/edit", data={**typed, "name": "new"})
    assert gone.status_code == 404
    assert 'run "linear-1" was deleted; bring it back with: fittingroom runs undelete linear-1' in text(gone)
    assert '<tr id="run-mlp-1"' in gone.text
    for address in ("/runs/edit", "/runs/delete", "/runs/restore"):  # a reload after a form without script
        assert page.get(address).headers["location"] == "/runs"


def test_several_runs_are_deleted_and_brought_back(page: TestClient, store: Store, trained: Trained) -> None:
    runs = [trained("linear", accuracy=0.5) for _ in range(4)]
    gone = page.post("/runs/delete", data={"run": [runs[0], runs[2]], "back": "sort=-loss&tag=no%26where"})
    assert gone.status_code == 303
    assert gone.headers["location"] == "/runs?tag=no%26where&sort=-loss&deleted=linear-1&deleted=linear-3"
    again = page.post("/runs/delete", data={"run": [runs[0], runs[2]]})  # a double click
    assert again.headers["location"] == "/runs?deleted=linear-1&deleted=linear-3"
    told = page.get(again.headers["location"])
    assert "linear-1, linear-3 were deleted." in told.text
    assert shown(page) == ["linear-4", "linear-2"]
    assert "Deleted · 2" in told.text
    undone = page.post("/runs/restore", data={"run": [runs[0], runs[2]], "back": "q=lin"})
    assert undone.headers["location"] == "/runs?q=lin&restored=linear-1&restored=linear-3"
    assert "linear-1, linear-3 are back." in page.get(undone.headers["location"]).text
    assert shown(page) == ["linear-4", "linear-3", "linear-2", "linear-1"]
    assert page.post("/runs/restore", data={"run": runs[0]}).status_code == 303
    assert "was deleted" not in page.get(gone.headers["location"]).text  # a reload after the undo
    assert store.trash.deleted() == []


def test_the_deleted_list_brings_runs_back_one_by_one(page: TestClient, store: Store, trained: Trained) -> None:
    assert "Nothing is deleted." in page.get("/runs/deleted").text
    for run in (trained("linear", accuracy=0.5), trained("mlp")):
        page.post("/runs/delete", data={"run": run})
    listed = page.get("/runs/deleted").text
    assert re.findall(r'name="run" value="([^"]*)"', listed) == ["mlp-1", "linear-1"]
    assert "50.0 %" in listed
    back = page.post("/runs/restore", data={"run": "linear-1", "from": "trash"})
    assert back.headers["location"] == "/runs/deleted"
    assert [run.id for run in store.trash.deleted()] == ["mlp-1"]


TRAIN_UNTIL_KILLED = """
import sys
from fittingroom.store import Store
with Store.open(sys.argv[1]) as store:
    store.begin_attempt(sys.argv[2], {})
    print("begun", flush=True), sys.stdin.readline()
"""


@pytest.fixture
def running(trained: Trained, own_workspace: Workspace) -> Iterator[str]:
    """A run that another process trains."""
    run = trained("cnn")
    trained("mlp")
    command = [sys.executable, "-c", TRAIN_UNTIL_KILLED, str(own_workspace.database), run]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield run
        process.kill()


def test_a_run_that_is_being_trained_stays_and_says_so(
    page: TestClient, store: Store, trained: Trained, running: str
) -> None:
    other = trained("linear")
    answer = page.post("/runs/delete", data={"run": [running, other]})
    assert answer.headers["location"] == "/runs?deleted=linear-1&refused=cnn-1"
    told = page.get(answer.headers["location"]).text
    assert "cnn-1 was not deleted: it is being trained." in told
    assert '<a href="/train/cnn-1"' in told
    assert "linear-1 was deleted." in told
    assert store.run(running).state == "running"
    lines = dict(re.findall(r'<tr id="run-([^"]+)"([^>]*)>', page.get("/runs?sort=loss").text))
    assert 'hx-get="/runs?sort=loss"' in lines[running]  # only what goes on is asked for again
    assert all("hx-get" not in line for run, line in lines.items() if run != running)


def test_words_in_an_address_are_escaped_and_lead_nowhere_else(page: TestClient, trained: Trained) -> None:
    trained("linear")
    odd = (
        "%3Cscript%3E&where=%3Cscript%3E%3D1&tag=%3Cscript%3E&state=%3Cscript%3E&data=%3Cscript%3E&deleted=%3Cscript%3E"
    )
    assert "<script>" not in page.get(f"/runs?q={odd}").text
    back = page.post("/runs/delete", data={"run": "linear-1", "back": "//evil.example/?q=x"})
    assert back.headers["location"].startswith("/runs?deleted=")
