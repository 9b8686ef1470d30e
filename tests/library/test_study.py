"""A study by the library: trained by real workers, looked at, extended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.workspace import Workspace


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core slots that no other test uses."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def base(own_cache: None, stripes: Callable[..., Dataset]) -> fr.RunSpec:
    data = fr.DataSpec(source=stripes(120).source, validation=30)
    train = fr.TrainSpec(epochs=2, batch_size=16)
    return fr.RunSpec(data=data, network=(fr.Flatten(), fr.Classify()), train=train)


def test_a_study_is_run_looked_at_and_extended(
    base: fr.RunSpec,
    own_workspace: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = fr.StudySpec(base=base, vary={"train.optimizer.learning_rate": [0.05, 1e-6]}, seeds=2, name="rates")
    study = fr.run_study(spec, workspace=own_workspace.root, show=False)
    assert (study.id, study.state) == ("rates-1", "finished")
    assert [run.state for run in study.runs] == ["finished"] * 4
    good, poor = study.results.arms
    assert min(good.values("validation_accuracy").values()) > max(poor.values("validation_accuracy").values())
    assert any("0.05" in sentence for sentence in study.verdicts)
    assert isinstance(study.warnings, list)
    assert "<svg" in study._repr_html_()
    assert "4 of 4 runs finished" in repr(study)
    file = study.report(tmp_path / "rates.html")
    assert "rates-1" in file.read_text(encoding="utf-8")
    assert capsys.readouterr().out == ""
    before = [run.id for run in study.runs]
    more = fr.run_study(spec, seeds=3, workspace=own_workspace.root)
    assert more.id == study.id
    assert set(before) < {run.id for run in more.runs}
    assert len(more.runs) == 6
    assert capsys.readouterr().out.count("finished") == 2


def test_a_study_that_is_no_smaller_says_so(base: fr.RunSpec, own_workspace: Workspace) -> None:
    spec = fr.StudySpec(base=base, vary={"train.batch_size": [8, 16]})
    with pytest.raises(fr.InvalidInput, match=r"add \[small\]"):
        fr.run_study(spec, small=True, workspace=own_workspace.root)
    with pytest.raises(fr.NotFound, match="no study"):
        fr.Study("nothing", own_workspace.root)


def test_a_study_whose_time_is_spent_returns(base: fr.RunSpec, own_workspace: Workspace) -> None:
    vary = {"train.optimizer.learning_rate": [0.05, 0.02, 0.01]}
    spec = fr.StudySpec(base=base, vary=vary, seeds=2, budget="0.01s", name="short")
    study = fr.run_study(spec, workspace=own_workspace.root, show=False)
    states = [run.state for run in study.runs]
    assert states.count("stopped") >= 4
    assert "finished" in states
    assert study.headline in study.verdicts


def test_a_search_is_run_to_its_end(base: fr.RunSpec, own_workspace: Workspace) -> None:
    vary = {"train.optimizer.learning_rate": {"low": 1e-4, "high": 0.1, "log": True}}
    search = {"method": "tpe", "trials": 6}
    spec = fr.StudySpec(base=base, vary=vary, seeds=1, search=search, name="searched")  # type: ignore[arg-type]
    study = fr.run_study(spec, workspace=own_workspace.root, show=False)
    assert [run.state for run in study.runs] == ["finished"] * 6
