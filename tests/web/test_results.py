"""The view Results, on stored predictions whose every figure is known."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from html import unescape
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest
from starlette.testclient import TestClient

from fittingroom.data.dataset import Dataset
from fittingroom.measure.evaluate import evaluate
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import from_plain
from fittingroom.store import Artifact, DataRecord, Score, Store
from fittingroom.web.results import LEVELS, calibration_in_words, confused_pairs, headline
from fittingroom.web.site import STATIC
from fittingroom.workspace import Workspace

CONFUSION = ((70, 25, 5), (10, 90, 0), (0, 0, 100))
"""True classes in rows: what is said of the 300 training images of ``stripes``, 100 of each class."""


class Stored(NamedTuple):
    """A run in the store, and what it is said to have predicted."""

    id: str
    data: Dataset
    images: np.ndarray
    """(N,): positions in the data set."""
    probabilities: np.ndarray
    """(N, K)"""

    def cell(self, true: int, predicted: int) -> list[tuple[float, int]]:
        """(confidence, position in the data set) of a cell's images, in any order."""
        labels, said = self.data.labels[self.images], self.probabilities.argmax(axis=1)
        found = np.flatnonzero((labels == true) & (said == predicted))
        return [(float(self.probabilities[i].max()), int(self.images[i])) for i in found]


def predictions(data: Dataset, images: np.ndarray, confusion: Sequence[Sequence[int]]) -> np.ndarray:
    """Probabilities that come to this confusion matrix, whose rows have the same sum; each confidence differs."""
    classes = len(confusion)
    confidence = np.random.default_rng(3).permutation(np.linspace(0.6, 0.99, len(images)))
    probabilities = np.repeat((1 - confidence)[:, None] / (classes - 1), classes, axis=1)
    for true, row in enumerate(confusion):
        said = np.repeat(np.arange(classes), row)
        places = np.flatnonzero(data.labels[images] == true)[: len(said)]
        probabilities[places, said] = confidence[places]
    return probabilities.astype(np.float32)


@pytest.fixture
def remember(store: Store, own_workspace: Workspace, stripes: Callable[..., Dataset]) -> Callable[..., Stored]:
    """``remember()``: a finished run with results in the store, of a data set that is there."""

    def make(
        name: str = "known", *, names: Sequence[str] | None = None, confusion: Sequence[Sequence[int]] = CONFUSION,
        source: str | None = None, fingerprint: str | None = None, channels: int = 1,
    ) -> Stored:  # fmt: skip
        data = stripes(sum(map(sum, confusion)), classes=len(confusion), channels=channels)
        images = np.arange(data.test_start or len(data))
        probabilities = predictions(data, images, confusion)
        source, fingerprint = source or data.source, fingerprint or data.fingerprint
        counts = {"train": 0, "validation": len(images), "test": 60}
        if fingerprint == data.fingerprint:
            classes = tuple(names or data.class_names)
            store.remember_data(DataRecord(fingerprint, "stripes", source, classes, counts, data.shape))
        run = new_run(store, name, source=source, fingerprint=fingerprint)
        attempt = store.begin_attempt(run, {})
        file = io.BytesIO()
        np.savez_compressed(
            file, indices=images, labels=data.labels[images], probabilities=probabilities,
            class_names=np.array(names or data.class_names),
        )  # fmt: skip
        path = PurePosixPath("runs", run, "attempt-1", "validation-predictions-2.npz")
        (own_workspace.root / path).parent.mkdir(parents=True)
        (own_workspace.root / path).write_bytes(file.getvalue())
        digest = hashlib.sha256(file.getvalue()).hexdigest()
        artifact = Artifact("predictions", path, digest, len(file.getvalue()), epoch=2)
        store.record_epoch(run, attempt, EpochMetrics(1, 2.0, 0.1, 2.0, 0.1, 0.001, 1.0))
        best = EpochMetrics(2, 1.0, 0.8, 1.0, 0.8, 0.001, 1.0)
        store.record_epoch(run, attempt, best, best=True, artifacts=[artifact])
        store.end(run, attempt, "finished")
        return Stored(run, data, images, probabilities)

    return make


def new_run(store: Store, name: str, *, source: str, fingerprint: str = "f", queued: bool = False) -> str:
    network = [{"layer": "flatten"}, {"layer": "classify"}]
    spec = from_plain({"format": 1, "data": {"source": source}, "network": network}, origin="the test")
    return store.create_run(
        name=name, spec=json.dumps(spec.to_json()), spec_id="a", fingerprint=fingerprint, parameters=10, queued=queued
    )


def text_of(html: str) -> str:
    """What a page says, without its tags."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


def matrix_in(html: str) -> list[list[str]]:
    """The rows of the confusion matrix, headings left out."""
    body = html.partition("<confusion-matrix")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [text_of(cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)
    ]


def tiles_in(html: str) -> list[int]:
    """The images that are linked to below the matrix, in order."""
    opened = html.partition('id="cell-images"')[2].partition("</confusion-matrix>")[0]
    return [int(image) for image in re.findall(r"/image/(\d+)\"", opened)]


# -- which run ---------------------------------------------------------------------------------------------------------


def test_without_runs_it_says_what_to_do(page: TestClient) -> None:
    answer = page.get("/results")
    assert answer.status_code == 200
    assert "nothing has been trained" in answer.text
    assert 'href="/train"' in answer.text


def test_the_newest_run_with_results_is_shown_first(
    page: TestClient, store: Store, remember: Callable[..., Stored]
) -> None:
    remember("older")
    newer = remember("newer")
    new_run(store, "waiting", source=newer.data.source, queued=True)
    assert page.get("/results").headers["location"] == f"/results/{newer.id}"


def test_another_run_is_chosen_by_the_form(page: TestClient, remember: Callable[..., Stored]) -> None:
    first = remember("first")
    second = remember("second")
    shown = page.get(f"/results/{second.id}").text
    assert f'<option value="{first.id}">' in shown
    assert f'<option value="{second.id}" selected>' in shown
    assert page.get("/results", params={"run": first.id}).headers["location"] == f"/results/{first.id}"


def test_a_run_that_is_not_there_is_not_found(page: TestClient, remember: Callable[..., Stored]) -> None:
    remember()
    for address in ("/results/none-1", "/results/none-1/cell?true=0&predicted=0", "/results?run=none"):
        assert page.get(address).status_code == 404


# -- runs without results ----------------------------------------------------------------------------------------------


def test_a_queued_run_says_what_it_waits_for(page: TestClient, store: Store) -> None:
    run = new_run(store, "waiting", source="fashion-mnist", queued=True)
    answer = page.get(f"/results/{run}")
    assert answer.status_code == 200
    assert "It waits for a worker" in answer.text
    assert f'href="/train/{run}"' in answer.text


def test_a_failed_run_says_why_and_what_to_do(page: TestClient, store: Store) -> None:
    run = new_run(store, "broken", source="fashion-mnist")
    store.end(run, store.begin_attempt(run, {}), "failed", message="no memory for <b>this</b>")
    said = page.get(f"/results/{run}").text
    assert "It failed before its first epoch was validated. no memory for &lt;b&gt;this&lt;/b&gt;." in said
    assert "Resume it" in said


def test_a_run_that_ended_in_an_earlier_phase_says_so(page: TestClient, store: Store) -> None:
    run = new_run(store, "phased", source="fashion-mnist")
    attempt = store.begin_attempt(run, {})
    store.adopt(run, attempt, Artifact("phase-1", PurePosixPath("x"), "0", 1, epoch=1))
    store.end(run, attempt, "stopped")
    assert "It was stopped in a phase before the run proper. Resume it" in page.get(f"/results/{run}").text


def test_damaged_predictions_are_told_beside_the_choice_of_runs(
    page: TestClient, remember: Callable[..., Stored], own_workspace: Workspace
) -> None:
    run = remember().id
    next(own_workspace.runs.glob("*/*/*.npz")).write_bytes(b"else")
    answer = page.get(f"/results/{run}")
    assert answer.status_code == 200
    assert "SHA-256 differs" in answer.text
    assert '<select id="chosen-run"' in answer.text
    inside = page.get(f"/results/{run}/cell?true=0&predicted=0", headers={"HX-Request": "true"})
    assert inside.headers["hx-redirect"].endswith(f"/results/{run}/cell?true=0&predicted=0")


# -- figures -----------------------------------------------------------------------------------------------------------


def test_the_headline_says_how_sure_it_is_and_on_what_it_was_measured(
    page: TestClient, remember: Callable[..., Stored]
) -> None:
    low, high = binomtest(260, 300).proportion_ci(method="wilson")
    said = text_of(page.get(f"/results/{remember().id}").text)
    assert f"Validation accuracy 86.7 % ± {50 * (high - low):.1f} · validation, n = 300 " in said
    assert "Weights of epoch 2 , the best of 2 ·" in said


def test_a_headline_near_the_edge_is_an_interval() -> None:
    probabilities = np.repeat([[0.9, 0.1]], 20, axis=0)
    made = evaluate(np.zeros(20, int), probabilities, ["a", "b"], "validation")
    low, high = binomtest(20, 20).proportion_ci(method="wilson")
    assert headline(made) == ("100.0 %", f"{100 * low:.1f} to {100 * high:.1f} · validation, n = 20")


def test_cautions_are_shown(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember(confusion=((10, 0), (10, 0)))
    assert (
        "Always answering stripe 0 would be right for 50.0 % of these 20 images" in page.get(f"/results/{run.id}").text
    )


def test_each_class_has_its_scores(page: TestClient, remember: Callable[..., Stored]) -> None:
    said = text_of(page.get(f"/results/{remember().id}").text)
    assert f"stripe 0 {70 / 80:.3f} 0.700 {140 / 180:.3f} 100 " in said
    assert f"stripe 1 {90 / 115:.3f} 0.900 {180 / 215:.3f} 100 " in said


# -- the confusion matrix ----------------------------------------------------------------------------------------------


def test_the_matrix_counts_images(page: TestClient, remember: Callable[..., Stored]) -> None:
    html = page.get(f"/results/{remember().id}").text
    assert matrix_in(html) == [["70", "25", "5"], ["10", "90", ""], ["", "", "100"]]


def test_the_matrix_tells_shares_of_the_true_class(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember(confusion=((399, 1, 0), (0, 100, 300), (0, 0, 400)))
    html = page.get(f"/results/{run.id}?show=rates").text
    assert matrix_in(html) == [[">99", "<1", ""], ["", "25", "75"], ["", "", "100"]]


def test_cells_with_images_are_links_and_others_are_not(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember()
    html = page.get(f"/results/{run.id}?show=rates").text
    assert f'href="/results/{run.id}/cell?true=0&amp;predicted=1&amp;show=rates"' in html
    assert f'href="/results/{run.id}/cell?true=1&amp;predicted=2' not in html
    assert 'aria-label="25 %: stripe 0 taken for stripe 1"' in html


def test_the_colour_map_has_a_rule_for_every_level() -> None:
    css = (STATIC / "results.css").read_text(encoding="utf-8")
    steps = [int(re.search(rf"\.m{level} {{ --step: (\d+)%; }}", css)[1]) for level in range(1, LEVELS + 1)]  # type: ignore[index]
    assert steps == sorted(steps)
    assert steps[-1] == 100


@pytest.mark.parametrize("classes", [2, 100])
def test_few_and_many_classes(page: TestClient, remember: Callable[..., Stored], classes: int) -> None:
    run = remember(confusion=(2 * np.eye(classes, dtype=int)).tolist())
    html = page.get(f"/results/{run.id}").text
    assert [len(row) for row in matrix_in(html)] == [classes] * classes
    assert "No two classes are confused" in html


def test_names_of_classes_are_escaped(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember(names=["<script>alert(1)</script>", '"quoted"', "plain"])
    for address in ("", "/cell?true=0&predicted=1", "/image/0"):
        html = page.get(f"/results/{run.id}{address}").text
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html
        assert not re.search(r"\sstyle=|\son[a-z]+=", html)


# -- the images of a cell ----------------------------------------------------------------------------------------------


def test_mistakes_of_a_cell_come_with_the_most_confident_first(
    page: TestClient, remember: Callable[..., Stored]
) -> None:
    run = remember()
    html = page.get(f"/results/{run.id}/cell?true=0&predicted=1").text
    assert "25 images of stripe 0 taken for stripe 1" in html
    assert tiles_in(html) == [image for _, image in sorted(run.cell(0, 1), reverse=True)]
    assert 'aria-current="true" aria-label="25: stripe 0 taken for stripe 1"' in html


def test_right_answers_of_a_cell_come_with_the_least_confident_first_page_by_page(
    page: TestClient, remember: Callable[..., Stored]
) -> None:
    run = remember()
    address = f"/results/{run.id}/cell?true=1&predicted=1"
    expected = [image for _, image in sorted(run.cell(1, 1))]
    first, second = page.get(address).text, page.get(f"{address}&page=2").text
    assert tiles_in(first) + tiles_in(second) == expected
    assert f'href="{address}&page=2"' in unescape(first)
    assert "61 to 90 of 90" in text_of(second)
    assert tiles_in(page.get(f"{address}&page=999").text) == tiles_in(second)


def test_each_tile_shows_its_own_part_of_the_sheet(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember(channels=3)
    html = page.get(f"/results/{run.id}/cell?true=0&predicted=1").text
    opened = html.partition('id="cell-images"')[2]
    tiles = re.findall(r'/image/(\d+)".*?viewBox="(\d+) (\d+) (\d+) (\d+)".*?<image href="([^"]+)"', opened, re.S)[:25]
    sheet = page.get(tiles[0][5].replace("&amp;", "&"))
    assert sheet.status_code == 200
    pixels = np.asarray(Image.open(io.BytesIO(sheet.content)).convert("RGB"))
    for image, x, y, wide, tall, _ in tiles:
        left, top, width, height = int(x), int(y), int(wide), int(tall)
        size = run.data.width
        middles = [int((place + 0.5) * width / size) for place in range(size)]
        part = pixels[top : top + height, left : left + width]
        np.testing.assert_array_equal(part[np.ix_(middles, middles)], run.data.images[int(image)])


def test_a_chosen_cell_replaces_the_matrix_alone(page: TestClient, remember: Callable[..., Stored]) -> None:
    address = f"/results/{remember().id}/cell?true=0&predicted=1"
    part = page.get(address, headers={"HX-Request": "true"}).text
    assert part.startswith("<confusion-matrix")
    assert len(tiles_in(part)) == 25
    back = page.get(address, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}).text
    assert back.startswith("<!doctype html>")


def test_a_cell_that_is_not_there_is_not_found(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember().id
    for query in (
        "",
        "true=0",
        "true=0&predicted=3",
        "true=-1&predicted=0",
        "true=x&predicted=0",
        "true=²&predicted=0",
    ):
        answer = page.get(f"/results/{run}/cell?{query}")
        assert answer.status_code == 404
        assert "the classes are numbered 0 to 2" in answer.text


# -- one image ---------------------------------------------------------------------------------------------------------


def test_an_image_is_shown_with_all_probabilities(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember()
    confidence, image = max(run.cell(0, 2))
    html = page.get(f"/results/{run.id}/image/{image}").text
    rest = f"{50 * (1 - confidence):.1f} %"
    table = text_of(html.partition('<table class="probabilities">')[2])
    assert f"stripe 2 predicted {100 * confidence:.1f} % stripe 0 true {rest} stripe 1 {rest} " in table
    assert f'src="/data/image/{run.data.fingerprint}/{image}"' in html


def test_images_of_a_cell_are_leafed_through(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember()
    order = [image for _, image in sorted(run.cell(0, 2), reverse=True)]
    pages = [page.get(f"/results/{run.id}/image/{image}").text for image in order]
    after = [re.search(r'/image/(\d+)" rel="next"', html) for html in pages]
    before = [re.search(r'/image/(\d+)" rel="prev"', html) for html in pages]
    assert [int(found[1]) for found in after[:-1] if found] == order[1:]
    assert [int(found[1]) for found in before[1:] if found] == order[:-1]
    assert after[-1] is before[0] is None


def test_an_image_that_was_not_validated_on_is_refused(page: TestClient, remember: Callable[..., Stored]) -> None:
    answer = page.get(f"/results/{remember().id}/image/300")
    assert answer.status_code == 404
    assert "image 300 is none of the 300 validation images" in answer.text


# -- data that is gone -------------------------------------------------------------------------------------------------


def test_without_the_data_the_figures_stay_and_it_says_why(
    page: TestClient, remember: Callable[..., Stored], tmp_path: Path
) -> None:
    run = remember(source=str(tmp_path / "gone"), fingerprint="e" * 64)
    html = page.get(f"/results/{run.id}/cell?true=0&predicted=1").text
    assert matrix_in(html)[0] == ["70", "25", "5"]
    assert "gone does not exist" in html
    assert "/data/sheet/" not in html
    assert len(tiles_in(html)) == 25
    alone = page.get(f"/results/{run.id}/image/{run.cell(0, 1)[0][1]}").text
    assert "gone does not exist" in alone
    assert "/data/image/" not in alone


def test_data_that_has_changed_is_not_taken_for_the_old_one(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember(fingerprint="e" * 64)
    html = page.get(f"/results/{run.id}").text
    assert f"has changed since {run.id} was trained on it" in html
    assert "/data/sheet/" not in html


# -- mistakes, pairs, calibration, test --------------------------------------------------------------------------------


def test_the_worst_mistakes_come_first(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember()
    wrong = [*run.cell(0, 1), *run.cell(0, 2), *run.cell(1, 0)]
    shown = page.get(f"/results/{run.id}").text.partition("Worst mistakes")[2]
    images = [int(image) for image in re.findall(r"/image/(\d+)\"", shown)]
    assert images == [image for _, image in sorted(wrong, reverse=True)[:24]]


def test_pairs_are_counted_in_both_directions() -> None:
    confusion = np.array([[5, 2, 0, 4], [3, 5, 0, 0], [0, 0, 5, 0], [0, 0, 1, 5]])
    labels = np.repeat(np.arange(4), confusion.sum(axis=1))
    said = np.concatenate([np.repeat(np.arange(4), row) for row in confusion])
    made = evaluate(labels, np.eye(4)[said], ["a", "b", "c", "d"], "validation")
    assert confused_pairs(made, 5) == [(1, 0, 3, 2), (0, 3, 4, 0), (3, 2, 1, 0)]
    assert confused_pairs(made, 1) == [(1, 0, 3, 2)]


def test_pairs_are_told_in_words(page: TestClient, remember: Callable[..., Stored]) -> None:
    said = text_of(page.get(f"/results/{remember().id}").text)
    told = "stripe 0 is taken for stripe 1 in 25 of 100 images , the other way round in 10 of 100 ."
    assert told in said


@pytest.mark.parametrize(
    ("confidence", "said"), [(0.95, "surer than it should be"), (0.55, "less sure than it could be"), (0.75, "no diff")]
)
def test_calibration_is_told_in_words(confidence: float, said: str) -> None:
    labels = np.repeat([0, 1], [75, 25])  # 0 is said of all: right for 75 %
    made = evaluate(labels, np.repeat([[confidence, 1 - confidence]], 100, axis=0), ["a", "b"], "validation")
    assert said in calibration_in_words(made)
    assert f"Mean confidence is {100 * confidence:.1f} %, accuracy 75.0 %" in calibration_in_words(made)


def test_the_reliability_diagram_has_the_images_of_each_bin(page: TestClient, remember: Callable[..., Stored]) -> None:
    run = remember()
    html = page.get(f"/results/{run.id}").text
    drawn = re.findall(r"rotate\(-90\)\">([\d,]+)</text>", html)
    counts, _ = np.histogram(run.probabilities.max(axis=1), np.linspace(0, 1, 16))
    assert [int(n) for n in drawn] == counts.tolist()
    assert html.count('<circle class="accuracy"') == (counts > 0).sum()


def test_the_test_set_stays_sealed_until_somebody_opens_it(
    page: TestClient, store: Store, remember: Callable[..., Stored]
) -> None:
    run, other = remember("first"), remember("second")
    sealed = text_of(page.get(f"/results/{run.id}").text)
    assert "For this data it was never opened ." in sealed
    assert f"fittingroom test {run.id}" in sealed
    store.open_test(run.data.fingerprint, [Score(other.id, 0.5, 1.0, 60)])
    store.open_test(run.data.fingerprint, [Score(run.id, 0.75, 1.0, 60)])
    opened = text_of(page.get(f"/results/{run.id}").text)
    assert "For this data it was opened 2 times ." in opened
    low, high = binomtest(45, 60).proportion_ci(method="wilson")
    assert f"75.0 % ± {50 * (high - low):.1f} (test, n = 60)" in opened
    assert "50.0 %" not in opened
