"""The view Network: every change is a request that comes back with the list, and is kept; without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

DraftOn = Callable[..., None]
PARTS = {"hx-request": "true"}
STARTER = ["conv_1", "max_pool_1", "conv_2", "max_pool_2", "flatten_1", "dropout_1", "dense_1", "classify_1"]


def rows(answer: Any) -> dict[str, tuple[str, str, str]]:
    """Layer → output, parameters, share of compute."""
    found = {}
    for part in answer.text.split('<li id="row-')[1:]:
        figures = re.findall(r'<span class="lab">(?:Output|Parameters|Compute)</span><span[^>]*>([^<]*)', part)
        found[part.partition('"')[0]] = tuple(html.unescape(figure.strip()) for figure in figures)
    return found


def text(answer: Any) -> str:
    return html.unescape(answer.text)


@pytest.fixture
def do(page: TestClient) -> Callable[..., Any]:
    """``do("add", kind="conv")``: what the page sends when a part of it is used."""

    def post(what: str, **form: str) -> Any:
        answer = page.post(f"/network/{what}", data=form, headers=PARTS)
        assert answer.status_code == 200
        assert answer.text.lstrip().startswith('<div id="network">')
        return answer

    return post


Do = Callable[..., Any]


def test_the_draft_is_shown_with_shapes_counts_and_compute(page: TestClient) -> None:
    answer = page.get("/network")
    assert rows(answer) == {
        "conv_1": ("16 × 28 × 28", "160", "10 %"),
        "max_pool_1": ("16 × 14 × 14", "0", "0"),
        "conv_2": ("32 × 14 × 14", "4,640", "81 %"),
        "max_pool_2": ("32 × 7 × 7", "0", "0"),
        "flatten_1": ("1568", "0", "0"),
        "dropout_1": ("1568", "0", "0"),
        "dense_1": ("64", "100,416", "9 %"),
        "classify_1": ("10", "650", "< 1 %"),
    }
    shown = text(answer)
    # 2 × (9·16·28² + 9·16·32·14² + 1568·64 + 640) operations
    for fact in ("105,866", "2.2 MFLOP", "No faults: it can be trained.", "fashion-mnist, 1 × 28 × 28, 10 classes"):
        assert fact in shown
    assert "conv_1 gives 16 × 28 × 28, max_pool_1 gives 16 × 14 × 14" in shown  # the drawing in words
    assert "style=" not in answer.text


def test_a_setting_changes_what_follows_and_is_kept(page: TestClient, do: Do) -> None:
    changed = do("set", **{"network.conv_1.filters": "8", "network.conv_1.activation": "none"})
    assert rows(changed)["max_pool_1"][0] == "8 × 14 × 14"
    assert rows(page.get("/network")) == rows(changed)
    assert page.get("/train").text.count("8 × 28 × 28") == 1
    assert rows(do("undo"))["conv_1"][0] == "16 × 28 × 28"
    assert rows(do("redo")) == rows(changed)


def test_settings_of_other_parts_of_the_spec_are_out_of_reach(page: TestClient, do: Do) -> None:
    do("set", **{"train.epochs": "77", "network.conv_1.kernel": "5"})
    assert 'value="77"' not in page.get("/train").text


def test_layers_are_added_moved_duplicated_and_deleted(do: Do) -> None:
    assert list(rows(do("add", kind="dense"))) == [*STARTER[:7], "dense_2", "classify_1"]
    assert list(rows(do("add", kind="batch_norm", before="max_pool_1")))[:3] == ["conv_1", "batch_norm_1", "max_pool_1"]
    assert list(rows(do("add", kind="dropout", before="gone")))[-2:] == ["dropout_2", "classify_1"]
    assert list(rows(do("layer", row="batch_norm_1", do="up")))[:2] == ["batch_norm_1", "conv_1"]
    assert list(rows(do("layer", row="batch_norm_1", do="down")))[:2] == ["conv_1", "batch_norm_1"]
    assert list(rows(do("layer", row="conv_1", do="duplicate")))[:3] == ["conv_1", "conv_3", "batch_norm_1"]
    assert list(rows(do("layer", row="conv_1", do="remove")))[:2] == ["conv_3", "batch_norm_1"]
    assert list(rows(do("move", row="conv_3", to="2")))[:3] == ["batch_norm_1", "max_pool_1", "conv_3"]
    for _ in range(8):
        answer = do("undo")
    assert list(rows(answer)) == STARTER


def test_what_cannot_be_done_is_told_and_changes_nothing(do: Do) -> None:
    for refused in (
        do("layer", row="conv_9", do="remove"),
        do("add", kind="cnov"),
        do("layer", row="conv_1", do="fly"),
    ):
        assert '<div class="fault" role="alert">' in refused.text
        assert list(rows(refused)) == STARTER
    assert 'there is another layer "conv_2"' in text(do("rename", row="conv_1", name="conv_2"))


def test_a_layer_that_cannot_be_is_marked_where_it_stands_and_mended_at_one_click(do: Do) -> None:
    broken = do("layer", row="flatten_1", do="remove")
    marked = broken.text[broken.text.index('id="row-dense_1"') : broken.text.index('id="row-classify_1"')]
    assert "needs a flat input but gets 32×7×7" in marked
    assert ">Insert flatten before it</button>" in marked
    assert '<b class="wrong">1 fault</b>' in broken.text
    assert rows(broken)["dense_1"] == ("–", "–", "–")
    mended = do("mend", row="dense_1", mend="flatten")
    assert list(rows(mended)) == [*STARTER[:4], "dropout_1", "flatten_1", "dense_1", "classify_1"]
    assert "No faults" in mended.text
    assert rows(do("mend", row="dense_1", mend="flatten")) == rows(mended)  # from a page that is out of date


def test_a_mistake_while_typing_is_told_at_its_field_and_stays_in_it(do: Do) -> None:
    wrong = do("set", **{"network.conv_2.kernel": "<b>3"})
    field = re.search(r'<input id="f-network-conv_2-kernel"[^>]*>', wrong.text)
    assert field
    assert 'value="&lt;b&gt;3"' in field[0]
    assert 'aria-invalid="true"' in field[0]
    assert "should be a whole number, not '<b>3'; give a whole number" in text(wrong)
    assert rows(wrong)["max_pool_1"] == ("16 × 14 × 14", "0", "0")
    assert rows(wrong)["max_pool_2"] == ("–", "–", "–")
    assert rows(do("mend", row="conv_2", mend="reset-kernel"))["max_pool_2"][0] == "32 × 7 × 7"


def test_whatever_a_draft_holds_is_shown(page: TestClient, do: Do) -> None:
    page.post("/train/set", data={"network.conv_1.layer": "<i>new</i>", "network.dense_1.units": "{ a = 1 }"})
    shown = do("set")
    assert "<i>" not in shown.text
    assert 'there is no layer "<i>new</i>"' in text(shown)
    assert list(rows(do("layer", row="conv_1", do="remove"))) == STARTER[1:]
    page.post("/train/set", data={"network": "3"})
    assert "No layers yet." in page.get("/network").text
    assert list(rows(do("mend", row="", mend="end"))) == ["flatten_1", "classify_1"]


def test_a_new_name_is_followed_by_the_training(page: TestClient, do: Do) -> None:
    page.post("/train/set", data={"train.freeze_up_to": "conv_1"})
    renamed = do("rename", row="conv_1", name="eyes")
    assert list(rows(renamed)) == ["eyes", *STARTER[1:]]
    assert re.search(r"frozen</th><td>160</td>", renamed.text)
    assert 'value="conv_1"' in do("rename", row="eyes", name=" ").text


def test_the_network_as_text_goes_out_and_in(page: TestClient, do: Do) -> None:
    shown = text(page.get("/network"))
    toml = shown[shown.index("[[network]]") : shown.index("</textarea>")]
    assert toml.count("[[network]]") == 8
    assert rows(do("text", text=toml.replace("filters = 16", "filters = 4")))["conv_1"][0] == "4 × 28 × 28"
    refused = do("text", text=toml.replace('layer = "dense"', 'layer = "dnse"'))
    assert 'line 32, network[6]: there is no layer "dnse"; did you mean "dense"?' in text(refused)
    assert 'layer = "dnse"' in text(refused)  # what was pasted is not lost
    assert rows(refused)["conv_1"][0] == "4 × 28 × 28"


def test_a_preset_or_a_run_gives_its_network_and_nothing_else(page: TestClient, do: Do, draft_on: DraftOn) -> None:
    draft_on("train.epochs=3", "network.flatten_1.name=flat", "name=mine")
    run = page.post("/train/start").headers["location"].rpartition("/")[2]
    page.post("/train/set", data={"train.epochs": "9"})
    assert list(rows(do("from", preset="mlp")))[1:3] == ["dense_1", "dropout_1"]
    assert f'<option value="{run}">' in page.get("/network").text
    assert list(rows(do("from", run=run))) == ["flat", "classify_1"]
    assert 'name="train.epochs" value="9"' in page.get("/train").text
    assert 'there is no preset "mpl"' in text(do("from", preset="mpl"))
    assert "no-such-run" in text(do("from", run="no-such-run"))


def test_without_its_data_the_network_is_edited_all_the_same(
    page: TestClient, do: Do, near: Callable[[], TestClient]
) -> None:
    page.get("/train")
    near().post("/train/set", data={"data.source": "/no/such/folder"})
    answer = do("add", kind="conv", before="conv_1")
    assert list(rows(answer)) == ["conv_3", *STARTER]
    assert set(rows(answer).values()) == {("–", "–", "–")}
    assert "The data cannot be read" in answer.text
    assert "/no/such/folder" in answer.text
    assert "<title id=" not in answer.text  # no drawing


def test_forms_work_without_scripts(page: TestClient) -> None:
    answer = page.post("/network/layer", data={"row": "conv_1", "do": "remove"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/network")
    assert list(rows(page.get("/network"))) == STARTER[1:]


def test_every_control_has_a_label_and_every_id_is_its_own(page: TestClient, do: Do) -> None:
    for kind in ("residual", "batch_norm", "global_pool", "depthwise_conv"):
        do("add", kind=kind, before="conv_1")
    shown = page.get("/network").text
    ids = re.findall(r'\sid="([^"]+)"', shown)
    assert len(ids) == len(set(ids))
    labelled = set(re.findall(r'<label for="([^"]+)"', shown))
    for control in re.findall(r"<(?:input|select|textarea)\b[^>]*>", shown):
        own = re.search(r'\sid="([^"]+)"', control)
        assert 'type="hidden"' in control or "aria-label" in control or (own and own[1] in labelled), control
    for reference in re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', shown):
        assert set(reference.split()) <= set(ids)
