"""Runs are checked before they wait, and without torch."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.errors import InvalidInput, InvalidSpec, NotFound
from fittingroom.queue import submit, submit_again, submit_forked
from fittingroom.spec.data import DataSpec
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Phase, Start
from fittingroom.spec.train import TrainSpec
from fittingroom.store import Artifact, Store
from fittingroom.workspace import Workspace

NETWORK = (fr.Conv(4, 3), fr.BatchNorm(), fr.Flatten(), fr.Classify())


@pytest.fixture
def spec(stripes: Callable[..., Dataset]) -> RunSpec:
    data = DataSpec(source=stripes(120).source, validation=30)
    return RunSpec(data=data, network=NETWORK, train=TrainSpec(epochs=2), name="three stripes")


@pytest.fixture
def store(own_workspace: Workspace) -> Iterator[Store]:
    with Store.open(own_workspace.create().database) as store:
        yield store


def nothing_is_stored(workspace: Workspace) -> bool:
    if not workspace.database.exists():
        return True
    with Store.open(workspace.database) as store:
        return store.runs() == []


def test_a_submitted_run_waits_with_all_that_is_known_of_it(
    spec: RunSpec, own_workspace: Workspace, store: Store
) -> None:
    run = store.run(submit(spec, own_workspace))
    assert (run.id, run.name, run.state, run.attempts) == ("three-stripes-1", "three stripes", "queued", ())
    assert run.queued is not None
    assert json.loads(run.spec) == spec.to_json()
    assert (run.spec_id, run.lineage) == (spec.content_id, {"kind": "new"})
    # conv 4·(3·3·1 + 1), batch norm 4·4 as Keras counts, classifier 4·6·6 · 3 + 3
    assert run.parameters == 40 + 16 + 144 * 3 + 3
    data = store.data_set(run.fingerprint)
    assert (data.counts, data.shape) == ({"train": 90, "validation": 30, "test": 60}, (1, 8, 8))
    following = store.queue.next()
    assert following is not None
    assert following.id == run.id


def test_the_engine_makes_the_same_of_it(spec: RunSpec, own_workspace: Workspace, store: Store) -> None:
    from fittingroom.engine.prepare import prepare_run

    phase = Phase(name="before", train=TrainSpec(epochs=1))
    for each in (spec, replace(spec, phases=(phase,))):
        run, prepared = store.run(submit(each, own_workspace)), prepare_run(each, own_workspace)
        assert run.parameters == prepared.parameters
        assert json.loads(run.spec) == prepared.spec.to_json()
        assert run.fingerprint == prepared.stages[-1].data.fingerprint


def test_every_fault_is_told_and_nothing_is_stored(spec: RunSpec, own_workspace: Workspace) -> None:
    from fittingroom.engine.prepare import prepare_run

    broken = replace(
        spec, network=(fr.Conv(4, 20), *NETWORK[1:]), train=TrainSpec(optimizer=fr.Sgd(0.1, nesterov=True))
    )
    with pytest.raises(InvalidSpec) as told:
        submit(broken, own_workspace)
    assert {fault.path for fault in told.value.faults} == {"network[0]", "train.optimizer.nesterov"}
    with pytest.raises(InvalidSpec) as trained:
        prepare_run(broken, own_workspace)
    assert str(told.value) == str(trained.value)
    missing = replace(spec, data=replace(spec.data, source="nowhere"))
    with pytest.raises(NotFound, match="nowhere"):
        submit(missing, own_workspace)
    assert nothing_is_stored(own_workspace)


def test_faults_of_a_phase_say_so(spec: RunSpec, own_workspace: Workspace) -> None:
    phase = Phase(name="before", train=TrainSpec(optimizer=fr.Sgd(0.1, nesterov=True)))
    with pytest.raises(InvalidSpec) as told:
        submit(replace(spec, phases=(phase,)), own_workspace)
    assert [fault.path for fault in told.value.faults] == ["phases[0].train.optimizer.nesterov"]


def test_a_restart_remembers_where_it_comes_from(
    spec: RunSpec, own_workspace: Workspace, store: Store, stripes: Callable[..., Dataset]
) -> None:
    old = submit(spec, own_workspace)
    again = submit_again("last", own_workspace)
    assert store.run(again).lineage == {"kind": "restart", "from": old}
    assert store.run(again).spec == store.run(old).spec
    given = {"name": "changed", "spec": store.run(old).spec, "spec_id": "a", "parameters": 1}
    changed = store.create_run(**given, fingerprint="0" * 64)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"has changed since changed-1 was trained on it \(fingerprint"):
        submit_again(changed, own_workspace)


def test_a_replay_needs_a_whole_trace(spec: RunSpec, own_workspace: Workspace, store: Store) -> None:
    plain = submit(spec, own_workspace)
    with pytest.raises(
        InvalidInput, match=rf'^run "{plain}" has no time budget \(or has phases\), so there is no trace'
    ):
        submit_again(plain, own_workspace, replay=True)
    timed = submit(replace(spec, train=replace(spec.train, budget="60s")), own_workspace)
    with pytest.raises(InvalidInput, match=f'^run "{timed}" is queued, so its trace is not whole; resume it first$'):
        submit_again(timed, own_workspace, replay=True)
    store.end(timed, store.begin_attempt(timed, {"threads": 1}), "finished")
    replayed = store.run(submit_again(timed, own_workspace, replay=True))
    assert replayed.lineage == {"kind": "replay", "from": timed, "threads": 1}


def test_what_a_run_starts_from_is_found_again_later(
    spec: RunSpec,
    own_workspace: Workspace,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    weights_file: Callable[..., bytes],
) -> None:
    content = weights_file({"conv_1.weight": [4, 1, 3, 3], "conv_1.bias": [4]})
    old = submit(spec, own_workspace)
    with pytest.raises(InvalidInput, match=f'^run "{old}" is still in the queue, so its weights change'):
        submit(replace(spec, start=Start(source=old)), own_workspace)
    attempt = store.begin_attempt(old, {"threads": 3})
    with pytest.raises(InvalidInput, match=f'^run "{old}" is still being trained, so its weights change'):
        submit(replace(spec, start=Start(source=old)), own_workspace)
    digest = hashlib.sha256(content).hexdigest()
    own_workspace.runs.mkdir()
    (own_workspace.runs / "x").write_bytes(content)
    store.adopt(old, attempt, Artifact("best", PurePosixPath("runs/x"), digest, 7, 7))
    store.end(old, attempt, "finished")
    forked = store.run(submit(replace(spec, start=Start(source="last")), own_workspace))
    assert forked.lineage == {"kind": "transfer", "from": old, "weights": "best", "epoch": 7, "sha256": digest}
    assert json.loads(forked.spec)["start"]["source"] == old
    by_fork = store.run(submit_forked(old, own_workspace, overrides=["seed=3"]))
    assert by_fork.lineage == {**forked.lineage, "kind": "fork", "set": ["seed=3"], "threads": 3}
    with pytest.raises(InvalidInput, match=f'^run "{old}" has no last weights: it ended'):
        submit(replace(spec, start=Start(source=old, weights="last", go_on=True)), own_workspace)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shoe.safetensors").write_bytes(content)
    from_file = store.run(submit(replace(spec, start=Start(source="shoe.safetensors")), own_workspace))
    assert json.loads(from_file.spec)["start"]["source"] == str(tmp_path / "shoe.safetensors")
    assert from_file.lineage == {
        "kind": "transfer",
        "from": str(tmp_path / "shoe.safetensors"),
        "sha256": digest,
    }
    with pytest.raises(NotFound, match=r'^there is no file "boot.safetensors" to start from'):
        submit(replace(spec, start=Start(source="boot.safetensors")), own_workspace)


def test_no_torch_is_needed() -> None:
    program = "import sys, fittingroom.queue; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
