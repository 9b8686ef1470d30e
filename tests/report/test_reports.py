"""A report is one file that needs nothing else, says what the study says, and cannot be broken by a name."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

import fittingroom as fr
from fittingroom.cli.app import app
from fittingroom.data.dataset import Dataset
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.measure.guards import cautions
from fittingroom.measure.study import ArmResults, StudyResults
from fittingroom.measure.verdicts import judge
from fittingroom.queue.studies import read_study, submit_study
from fittingroom.report.found import Machine, StudyFound, cautions_in, machines_of, read_found
from fittingroom.report.run import report_run
from fittingroom.report.study import report_study, setup_of, study_html
from fittingroom.spec.data import DataSpec
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec
from fittingroom.spec.study import StudySpec, study_from_plain
from fittingroom.spec.train import TrainSpec
from fittingroom.store import Store, schema
from fittingroom.workspace import Workspace
from tests.report.conftest import arm, study

RATE = "train.optimizer.learning_rate"
NAUGHTY = '<b>&"</b><script>alert(1)</script>'
VOID = {"meta", "link", "img", "br", "input", "hr"}


class Reader(HTMLParser):
    """Checks that tags are closed, and gathers attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def check_self_contained(self) -> None:
        """No script, nothing that fetches, no address but the name of SVG."""
        assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _, _ in self.attributes}
        assert not {"src", "href", "onload", "onclick", "style"} & {name for _, name, _ in self.attributes}
        addresses = {value for _, name, value in self.attributes if "//" in value and name != "xmlns"}
        assert not addresses


def found_of(results: StudyResults) -> StudyFound:
    spec = RunSpec(data=DataSpec(source="fashion-mnist", validation=5000), network=(fr.Flatten(), fr.Classify()))
    histories = {
        each.key: {
            outcome.seed: [
                EpochMetrics(epoch, 0.3, 0.9, 0.4, 0.9 - 0.001 * (epoch % 2), 0.01, 1.0) for epoch in range(1, 6)
            ]
            for outcome in each.outcomes
        }
        for each in results.arms
    }
    return StudyFound(
        results=results,
        judged=judge(results),
        cautions=cautions(results, histories),
        histories=histories,
        spec=StudySpec(base=spec, vary={RATE: [0.1, 0.01]}, name=results.name, question=results.question),
        specs={each.key: spec for each in results.arms},
        created=datetime(2026, 1, 2, tzinfo=UTC),
        data="Fashion-MNIST",
        machines=(Machine("A processor", "2 threads, fp32", "torch 2.11.0", 6),),
        openings=0,
    )


@pytest.mark.parametrize(
    "results",
    [
        study(),
        study(arm("relu", [0.9])),
        study(arm("relu", [None]), arm("elu", [None, None])),
        study(arm("relu", [0.9, 0.91, 0.92]), arm("elu", [0.85, 0.86, None])),
        study(*(arm(f"arm {number}", [0.8, 0.81 + number / 1000]) for number in range(9))),
        study(arm(NAUGHTY, [0.9, 0.91]), arm("elu", [0.8, 0.82])),
    ],
    ids=["empty", "one", "nothing finished", "two", "nine", "naughty"],
)
def test_the_report_of_any_study_is_whole_and_needs_nothing_else(results: StudyResults) -> None:
    html = study_html(found_of(results))
    report = Reader(html)
    report.check_self_contained()
    assert not re.search(r"\b(nan|inf|None)\b", report.text)
    assert results.question in report.text
    for each in results.arms:
        assert each.name in report.text


def test_names_are_written_as_text() -> None:
    results = study(arm(NAUGHTY, [0.9, 0.91]), arm("elu", [0.8, 0.82]))
    html = study_html(found_of(dataclasses.replace(results, name=NAUGHTY, question=NAUGHTY)))
    assert "<script" not in html
    assert "<b>&" not in html
    assert Reader(html).text.count(NAUGHTY) > 5


def test_a_report_says_what_was_found() -> None:
    results = study(arm("relu", [0.9012, 0.9034, 0.9056]), arm("elu", [0.8512, 0.8534, None]))
    found = found_of(results)
    text = Reader(study_html(found)).text
    for said in (found.judged.headline, *found.judged.sentences, *found.judged.scope):
        assert said in text
    assert [caution.kind for caution in found.cautions] == ["no result"]
    for caution in found.cautions:
        assert caution.text in text
        assert caution.advice in text
    for value in ("90.12", "90.34", "90.56", "85.12", "85.34", "failed", "run-0", "1,000"):
        assert value in text
    assert "A processor" in text
    assert "torch 2.11.0" in text


def test_a_report_tells_epochs_to_the_target_and_of_which_runs_there_are_none() -> None:
    results = study(arm("relu", [0.9, 0.92]), arm("elu", [0.8, 0.82]))

    def reach(each: ArmResults, epochs: Sequence[float | None]) -> ArmResults:
        outcomes = [
            dataclasses.replace(outcome, figures={**outcome.figures, "epochs_to_target": epoch, "best_epoch": 7.0})
            for outcome, epoch in zip(each.outcomes, epochs, strict=True)
        ]
        return dataclasses.replace(each, outcomes=tuple(outcomes))

    relu, elu = results.arms
    found = found_of(dataclasses.replace(results, target=0.88, arms=(reach(relu, [3, 4]), reach(elu, [5, None]))))
    told = Reader(study_html(found)).text
    assert "epochs to 88 %" in told
    assert re.search(r"\b7\.0 3\.5 ", told)
    assert re.search(r"\b7\.0 1 of 2 never ", told)
    assert "epochs to 88 %" not in Reader(study_html(found_of(results))).text


def test_a_course_of_one_epoch_is_not_drawn() -> None:
    found = found_of(study(arm("relu", [0.9, 0.92]), arm("elu", [0.8, 0.82])))
    short = {key: {seed: list(own)[:1] for seed, own in seeds.items()} for key, seeds in found.histories.items()}
    assert "validation accuracy by epoch" in Reader(study_html(found)).text
    assert "validation accuracy by epoch" not in Reader(study_html(dataclasses.replace(found, histories=short))).text


def test_a_report_by_time_does_not_say_that_it_was_measured_on_images() -> None:
    results = dataclasses.replace(study(arm("relu", [0.9, 0.92]), arm("elu", [0.8, 0.82])), measure="train_seconds")
    told = Reader(study_html(found_of(results))).text
    assert "raining time (s) of each run" in told
    assert "of the best epoch, on" not in told
    assert "over images" not in told


def test_the_spec_in_a_report_is_the_study_again() -> None:
    import tomllib

    found = found_of(study(arm("relu", [0.9]), arm("elu", [0.8])))
    report = Reader(study_html(found))
    toml = next(text for text in report.texts if text.startswith("format = 1"))
    assert study_from_plain(tomllib.loads(toml)) == found.spec


def test_a_set_up_in_lines_leaves_defaults_out() -> None:
    spec = RunSpec(data=DataSpec(source="fashion-mnist"), network=(fr.Flatten(), fr.Dense(60), fr.Classify()))
    lines = dict(setup_of(spec, "Fashion-MNIST"))
    assert lines["network"] == "flatten → dense units 60 → classify"
    assert lines["data"].startswith("Fashion-MNIST, 0.1 of the images held out for validation")
    assert "augmentation" not in lines


def test_machines_are_counted_by_what_differs() -> None:
    one = {"processor": "A", "threads": 2, "precision": "fp32", "versions": {"torch": "2.11"}}
    found = machines_of([one, {**one, "threads": 1}, one, None, {}])
    assert [(each.how, each.runs) for each in found] == [("2 threads, fp32", 2), ("1 thread, fp32", 1)]


# -- from a workspace ------------------------------------------------------------------------------------------------


def train(workspace: Workspace, ends: Sequence[float | None]) -> None:
    """Let each waiting run end with that validation accuracy; None: it fails."""
    plan = {"processor": "A processor", "threads": 2, "versions": {"torch": "2.11"}}
    with Store.open(workspace.create().database) as store:
        for run, end in zip([run.id for run in store.queue.managed()], ends, strict=True):
            attempt = store.begin_attempt(run, plan, seen=store.run(run), by_worker=True)
            for epoch in range(1, 5):
                accuracy = (end or 0.6) - (4 - epoch) / 100
                metrics = EpochMetrics(epoch, 1, min(1.0, accuracy + 0.02), 0.9, accuracy, 0.01, 2)
                store.record_epoch(run, attempt, metrics, best=True)
            store.end(run, attempt, "failed" if end is None else "finished", message="as it was played")


@pytest.fixture
def trained(own_workspace: Workspace, stripes: Callable[..., Dataset]) -> str:
    """A study of two learning rates and two seeds that was trained, but for one run."""
    data = DataSpec(source=stripes(120).source, validation=30)
    base = RunSpec(data=data, network=(fr.Flatten(), fr.Classify()), train=TrainSpec(epochs=4))
    name = submit_study(StudySpec(base=base, vary={RATE: [0.1, 0.01]}, seeds=2, name="rates"), own_workspace)
    train(own_workspace, [0.64, None, 0.84, 0.94])
    return name


def test_a_study_of_a_workspace(trained: str, own_workspace: Workspace, tmp_path: Path) -> None:
    found = read_found(trained, own_workspace)
    assert [len(seeds) for seeds in found.curves.values()] == [2, 2]
    assert {caution.kind for caution in found.cautions} >= {"no result", "single seed"}
    written = report_study("rates", own_workspace, tmp_path / "deep" / "report.html")
    report = Reader(written.read_text(encoding="utf-8"))
    report.check_self_contained()
    assert "A processor" in report.text
    with pytest.raises(InvalidInput, match="there already"):
        report_study(trained, own_workspace, written)
    assert report_study(trained, own_workspace, written, replace=True) == written
    with pytest.raises(InvalidInput, match="is a folder"):
        report_study(trained, own_workspace, tmp_path)
    with pytest.raises(NotFound):
        report_study("nobody", own_workspace, tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def test_an_arm_that_the_study_no_longer_has_is_not_read(trained: str, own_workspace: Workspace) -> None:
    """Its spec may be of a kind that is no longer known, and its data gone."""
    gone = {"spec": '{"format": 1, "data": {"source": "nowhere"}, "network": [{"layer": "of old"}]}'}
    with Store.open(own_workspace.database) as store:
        with store._database.writing("test") as connection:
            row = {"study": trained, "arm": "gone", "number": 9, "name": "gone", "settings": "{}", "parameters": 1,
                   "fingerprint": "f-gone", "images": 30, "listed": False, **gone}  # fmt: skip
            connection.execute(insert(schema.study_arms).values(row))
        assert len(store.studies.study(trained).arms) == 3
        assert {caution.kind for caution in cautions_in(store, read_study(trained, own_workspace))} >= {"no result"}
    found = read_found(trained, own_workspace)
    assert list(found.specs) == [arm.key for arm in found.results.arms]
    assert len(found.specs) == 2


def test_a_run_without_scores_has_a_report_too(trained: str, own_workspace: Workspace, tmp_path: Path) -> None:
    with Store.open(own_workspace.database) as store:
        run = store.runs()[0].id
        store.labels.change(run, name=NAUGHTY, note=NAUGHTY)
    report = Reader(report_run(run, own_workspace, tmp_path / "run.html").read_text(encoding="utf-8"))
    report.check_self_contained()
    assert NAUGHTY in report.text
    assert "One run with one seed" in report.text


def test_the_commands(trained: str, own_workspace: Workspace, tmp_path: Path) -> None:
    place = ["--workspace", str(own_workspace.root)]
    answer = CliRunner().invoke(app, ["study", "report", trained, "--out", str(tmp_path / "a.html"), "--json", *place])
    assert json.loads(answer.stdout) == {
        "file": str(tmp_path / "a.html"), "bytes": (tmp_path / "a.html").stat().st_size
    }  # fmt: skip
    answer = CliRunner().invoke(app, ["runs", "report", "last", "--out", str(tmp_path / "b.html"), *place])
    assert answer.stdout == f"Report written to {tmp_path / 'b.html'}.\n"
    answer = CliRunner().invoke(app, ["study", "show", trained, "--json", *place])
    warned = json.loads(answer.stdout)["warnings"]
    assert {"kind", "arms", "runs", "text", "advice"} == set(warned[0])


@pytest.mark.parametrize("best", [0.8, 1.0])
def test_near_copies_are_found_by_the_report(best: float, own_workspace: Workspace) -> None:
    """Every image is there twice, once a little noisier: splits keep exact copies together, but not these."""
    generator = np.random.default_rng(0)
    once = generator.integers(0, 250, (300, 8, 8, 1), dtype=np.uint8)
    images = np.concatenate([once, once + generator.integers(0, 3, once.shape, dtype=np.uint8)])
    data = fr.load(images, np.arange(600) % 3, class_names=["a", "b", "c"], name="twice")
    base = RunSpec(data=DataSpec(source=data.source, validation=120), network=(fr.Flatten(), fr.Classify()))
    name = submit_study(StudySpec(base=base, vary={RATE: [0.1, 0.01]}, seeds=2, name="twice"), own_workspace)
    train(own_workspace, [0.7, best, 0.7, best])
    found = {caution.kind: caution for caution in read_found(name, own_workspace).cautions}
    assert ("too good" in found) is (best == 1)
    assert re.search(r"Of 120 validation images that were compared, \d+ are", found["validation in training"].text)
    assert len(found["validation in training"].arms) == 2
