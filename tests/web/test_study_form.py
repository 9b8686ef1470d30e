"""What the form of a new study can say beside lists of values: ranges, searches and a time budget."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from starlette.testclient import TestClient

from fittingroom.spec.arms import arms
from fittingroom.spec.run import from_toml, presets
from fittingroom.spec.study import Range, Search, StudySpec
from fittingroom.store import Store
from fittingroom.web.study.ranges import read_range
from fittingroom.web.study.variables import variables_of
from tests.web.study_pages import assert_refused, spec_at, text

DraftOn = Callable[..., None]
PART = {"hx-request": "true"}
RATE, SIZE = "train.optimizer.learning_rate", "train.batch_size"


def asked(*axes: dict[str, Any], **more: str) -> str:
    """The address of a form: ``asked({"axis": SIZE, "kind": "range", "low": "8", "high": "32"}, trials="4")``."""
    said: list[tuple[str, Any]] = list(more.items())
    for number, axis in enumerate(axes):
        said += [(f"{name}-{number}", value) for name, value in ({"was": axis["axis"]} | axis).items()]
    return f"/studies/new?{urlencode(said, doseq=True)}"


def ranged(path: str, low: str, high: str, **more: str) -> dict[str, Any]:
    return {"axis": path, "kind": "range", "low": low, "high": high, **more}


def listed(path: str, *values: str) -> dict[str, Any]:
    return {"axis": path, "kind": "values", "value": list(values)}


def sent_by(answer: Any) -> list[tuple[str, str]]:
    """Everything that the form on a page would send, as a browser collects it."""
    form = answer.text.partition('id="new-study"')[2].partition("</form>")[0]
    found = []
    for tag in re.findall(r"<input[^>]*>", form):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        chosen = said.get("type") not in ("checkbox", "radio") or re.search(r"\schecked[\s>]", tag)
        if "name" in said and chosen and not re.search(r"\sdisabled[\s>]", tag):
            found.append((said["name"], html.unescape(said.get("value", "on"))))
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        (value,) = re.findall(r'<option value="([^"]*)" selected', options) or [""]
        found.append((name, html.unescape(value)))
    return [pair for pair in found if pair[0] != "once"]


# Ranges


def test_every_number_that_can_vary_begins_with_a_range_that_can_be_trained() -> None:
    for name, preset in presets().items():
        base = from_toml(preset)
        numbers = {each.path: each.range for each in variables_of(base) if each.range}
        assert {RATE, SIZE} <= set(numbers), name
        for path in (
            RATE,
            SIZE,
            "network.*.rate",
            "network.*.units",
            "network.*.filters",
            "train.loss.label_smoothing",
        ):
            if path not in numbers:
                continue
            read, problems = read_range(numbers[path])
            assert read is not None, (name, path, problems)
            study = StudySpec(base=base, vary={path: read}, search=Search(trials=3), seeds=1)
            assert 1 <= len(arms(study)) <= 3


def test_where_ranges_begin() -> None:
    numbers = {each.path: each.range for each in variables_of(from_toml(presets()["cnn"], overrides=[
        "train.optimizer.learning_rate=0.02", "train.batch_size=64",
    ]))}  # fmt: skip
    rate, size, dropout = (read_range(numbers[path])[0] for path in (RATE, SIZE, "network.*.rate"))  # type: ignore[arg-type]
    assert rate == Range(low=0.002, high=0.2, log=True)
    assert size == Range(low=32, high=128, whole=True)
    assert dropout == Range(low=0, high=0.5)
    assert numbers["train.optimizer"] is None  # words and tables have none


def test_a_range_turns_the_search_on_and_says_so(page: TestClient, draft_on: DraftOn) -> None:
    draft_on("train.optimizer.learning_rate=0.02")
    first = page.get(asked({"axis": RATE, "kind": "range"}))
    assert "A range has no end of values, so some combinations are drawn." in text(first)
    assert re.search(r'name="low-0" value="0.002"', first.text)
    assert re.search(r'name="high-0" value="0.2"', first.text)
    assert "20 arms × 3 seeds = 60 runs" in text(first)
    assert "Start 60 runs" in text(first)
    study = spec_at(page, asked(ranged(RATE, "0,01", "0.5", log="1"), trials="7", draw="3", seeds="2"))
    assert study.vary == {RATE: Range(low=0.01, high=0.5, log=True)}
    assert study.search == Search(method="random", trials=7, seed=3)
    drawn = [float(arm.settings[RATE]) for arm in arms(study)]
    assert all(0.01 <= rate <= 0.5 for rate in drawn)


def test_a_whole_setting_has_whole_ranges_only(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    study = spec_at(page, asked(ranged(SIZE, "4", "60")))
    assert study.vary == {SIZE: Range(low=4, high=60, whole=True)}


def test_values_and_range_wait_for_each_other(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    there = page.get(asked({"axis": SIZE, "value": ["8", "16"], "more": "20"} | ranged(SIZE, "5", "50", log="1")))
    back = [pair if pair[0] != "kind-0" else ("kind-0", "values") for pair in sent_by(there)]
    values = page.get(f"/studies/new?{urlencode(back)}")
    assert spec_at(page, f"/studies/new?{urlencode(back)}").vary == {SIZE: (8, 16, 20)}
    assert "3 arms × 3 seeds = 9 runs" in text(values)  # and all combinations again
    again = [pair if pair[0] != "kind-0" else ("kind-0", "range") for pair in sent_by(values)]
    assert spec_at(page, f"/studies/new?{urlencode(again)}").vary == {SIZE: Range(low=5, high=50, log=True, whole=True)}


def test_what_the_form_sends_is_what_its_address_says(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    for address in (
        asked(ranged(RATE, "0.01", "x"), listed(SIZE, "8", "16"), search="tpe", trials="", prune="1", budget="soon"),
        asked(ranged(RATE, "0.01", "0.5", whole="1"), budget="30m"),
        asked(listed(RATE, "0.1", "0.2"), trials="5", draw="9", prune="1"),
    ):
        shown = page.get(address, headers=PART)
        said = set(parse_qsl(urlsplit(shown.headers["hx-push-url"]).query, keep_blank_values=True))
        sent = page.get(f"/studies/new?{urlencode(sent_by(shown))}", headers=PART)
        assert set(parse_qsl(urlsplit(sent.headers["hx-push-url"]).query, keep_blank_values=True)) == said


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (asked(ranged(RATE, "x", "0.5")), "From: 'x' is no number"),
        (asked(ranged(RATE, "", "0.5")), "From: give a number"),
        (asked(ranged(RATE, "0.1", "nan")), "To: should be a finite number"),
        (asked(ranged(RATE, "0.5", "0.1")), "To: 0.1 is not above low, 0.5"),
        (asked(ranged(RATE, "0", "0.1", log="1")), "From: 0.0 has no logarithm"),
        (asked(ranged(RATE, "0.1", "1000")), "To: 1000.0: should be less than or equal to 100"),
        (asked(ranged(SIZE, "0", "8")), "From: 0: should be greater than or equal to 1"),
        (asked(ranged(RATE, "0.1", "0.5"), trials="1"), "Should be greater than or equal to 2, not 1"),
        (asked(ranged(RATE, "0.1", "0.5"), trials="many"), "Should be a whole number, not 'many'"),
        (asked(ranged(RATE, "0.1", "0.5"), trials=""), "Should be greater than or equal to 2, not 0"),
        (asked(ranged(RATE, "0.1", "0.5"), draw="-1"), "Should be greater than or equal to 0, not -1"),
        (asked(ranged(RATE, "0.1", "0.5"), search="grid"), "'grid' is not one of its values"),
        (asked(listed(RATE, "0.1", "0.5"), budget="soon"), "'soon' is not a time to train for"),
        (asked(ranged("network.*.no_such", "1", "2")), "no item of network has a setting at"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_starts(
    address: str, said: str, page: TestClient, store: Store, draft_on: DraftOn
) -> None:
    draft_on()
    assert_refused(page, store, address, said)


# Searches


def test_tpe_is_told_as_what_it_comes_to_at_most(page: TestClient, store: Store, draft_on: DraftOn) -> None:
    draft_on("train.epochs=2")
    address = asked(ranged(RATE, "0.01", "0.5", log="1"), search="tpe", trials="8", seeds="2", prune="1", budget="30m")
    shown = text(page.get(address))
    assert "8 trials × 2 seeds = 16 runs at most" in shown
    assert "Start up to 16 runs" in shown
    assert "Nothing is begun after 30 min at work." in shown
    answer = page.post("/studies/start", data=parse_qs(urlsplit(address).query))
    assert answer.status_code == 303
    (record,) = store.studies.studies()
    assert len(record.arms) > 1
    for arm in record.arms:
        assert arm.name in shown  # those that it begins with are those that were shown
    study = spec_at(page, answer.headers["location"])
    assert study.search == Search(method="tpe", trials=8, prune=True)
    assert study.budget_seconds == 1800


def test_of_few_combinations_a_search_tries_no_more_than_there_are(page: TestClient, draft_on: DraftOn) -> None:
    draft_on()
    two = listed(RATE, "0.1", "0.2"), listed(SIZE, "8", "16")
    assert "4 trials × 3 seeds = 12 runs at most" in text(page.get(asked(*two, search="tpe")))
    drawn = text(page.get(asked(*two, search="random", trials="30")))
    assert "4 arms × 3 seeds = 12 runs" in drawn
    assert "26 of 30 draws came out as one before." in drawn


def test_runs_are_not_ended_early_where_nobody_knows_their_epochs(page: TestClient, draft_on: DraftOn) -> None:
    draft_on("train.budget=60s")
    address = asked(ranged(RATE, "0.01", "0.5"), prune="1")
    answer = page.get(address)
    assert re.search(r'name="prune"[^>]* disabled', answer.text)
    assert "Not with a time budget in the base" in text(answer)
    assert spec_at(page, address).search == Search(trials=20, prune=False)


def test_runs_as_arms_are_not_searched_by_tpe(page: TestClient, draft_on: DraftOn) -> None:
    runs = []
    for settings in (["train.epochs=2"], ["train.epochs=3"]):
        draft_on(*settings)
        runs.append(page.post("/train/start").headers["location"].rpartition("/")[2])
    address = f"/studies/new?run={runs[0]}&run={runs[1]}&search=tpe"
    answer = page.get(address)
    assert "a search by tpe varies axes only, not arms by hand" in text(answer)
    assert re.search(r'id="start"[^>]* disabled', answer.text)
    offered = page.get(f"/studies/new?run={runs[0]}&run={runs[1]}").text
    assert re.search(r'value="tpe"[^>]* disabled', offered)


def test_a_browser_elsewhere_names_no_folder_by_an_axis(page: TestClient, near: Any, draft_on: DraftOn) -> None:
    draft_on()
    address = asked(listed("data.source", "/etc", "/usr"))
    assert "are opened for browsers on that machine only" in text(page.get(address))
    assert "are opened for browsers on that machine only" not in text(near().get(address))
