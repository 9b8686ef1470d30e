"""A run goes into an archive and comes out the same; archives from strangers do no harm."""

from __future__ import annotations

import hashlib
import io
import json
import math
import random
import re
import stat
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors, save as save_tensors

import fittingroom as fr
from fittingroom.engine.resume import prepare_resume
from fittingroom.library.manifest import EpochEntry, Manifest
from fittingroom.measure.terminal import terminal_curves
from fittingroom.queue.stored import open_store
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import Artifact, Store
from fittingroom.workspace import Workspace

Files = dict[str, bytes]
Change = Callable[[Files, dict[str, Any]], None]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one trained run: two epochs of a small network with batch norm."""
    generator = np.random.default_rng(5)
    labels = np.arange(120) % 3
    images = generator.integers(0, 120, (120, 8, 8, 1), dtype=np.uint8)
    images[np.arange(120), :, labels * 3] += 100
    workspace = Workspace(tmp_path_factory.mktemp("origin"))
    data = fr.load(images, labels, class_names=["left", "middle", "right"], name="stripes")
    net = [fr.Conv(4, 3, activation="relu"), fr.BatchNorm(), fr.MaxPool(2), fr.Flatten(), fr.Classify()]
    settings: dict[str, Any] = {"epochs": 2, "batch_size": 16, "early_stop": fr.EarlyStop(patience=3)}
    fr.fit(net, data, **settings, validation=30, name="stripes", workspace=workspace.root, show=False)
    return workspace


@pytest.fixture(scope="module")
def exported(origin: Workspace, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The archive of that run."""
    return fr.export_run("last", tmp_path_factory.mktemp("out") / "run.zip", workspace=origin).read_bytes()


def unpacked(archive: bytes) -> tuple[Files, dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        files = {name: file.read(name) for name in file.namelist()}
    return files, json.loads(files.pop("manifest.json"))


def packed(files: Files, manifest: object, **options: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as file:
        file.writestr("manifest.json", manifest if isinstance(manifest, bytes) else json.dumps(manifest))
        for name, content in files.items():
            file.writestr(name, content)
    return out.getvalue()


def changed(archive: bytes, change: Change) -> bytes:
    """The archive with something changed, packed anew."""
    files, manifest = unpacked(archive)
    change(files, manifest)
    return packed(files, manifest)


def put(files: Files, manifest: dict[str, Any], kind: str, content: bytes) -> None:
    """Other content for one kind of file, with the manifest saying so."""
    (entry,) = [entry for entry in manifest["artifacts"] if entry["kind"] == kind]
    files["predictions.npz" if kind == "predictions" else f"{kind}.safetensors"] = content
    entry |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def content_of(workspace: Workspace) -> list[str]:
    """Every file that is there, but for those of the database."""
    files = (path for path in workspace.root.parent.rglob("*") if path.is_file())
    return sorted(str(path) for path in files if "fittingroom.sqlite" not in path.name)


# -- there and back ----------------------------------------------------------------------------------------------------


def test_a_run_comes_back_the_same_to_the_byte(origin: Workspace, exported: bytes, tmp_path: Path) -> None:
    (tmp_path / "run.zip").write_bytes(exported)
    with open_store(origin) as store:
        before, data = store.run("stripes-1"), store.data_set(store.run("stripes-1").fingerprint)
    assert fr.import_run(tmp_path / "run.zip") == "stripes-1"
    assert fr.import_run(tmp_path / "run.zip") == "stripes-2"
    run = fr.Run("stripes-2")
    after = run.details
    same = ("name state message created spec spec_id fingerprint parameters epochs epochs_done best_epoch bytes data "
            "validation_accuracy validation_loss train_seconds attempt plan queued deleted").split()  # fmt: skip
    assert {name: getattr(after, name) for name in same} == {name: getattr(before, name) for name in same}
    assert after.lineage == {"kind": "import", "from": "stripes-1", "lineage": {"kind": "new"}}
    assert [(each.started, each.ended) for each in after.attempts] == [
        (each.started, each.ended) for each in before.attempts
    ]
    assert after.artifacts.keys() == before.artifacts.keys() == {"best", "last", "predictions"}
    for kind, old in before.artifacts.items():
        new = after.artifacts[kind]
        assert (new.sha256, new.bytes, new.epoch) == (old.sha256, old.bytes, old.epoch)
        assert (run.workspace.root / new.path).read_bytes() == (origin.root / old.path).read_bytes()
        assert new.path.parent == PurePosixPath("runs/stripes-2/attempt-1")
    with open_store(run.workspace) as store:
        assert store.data_set(after.fingerprint) == data
    original = fr.Run("stripes-1", origin)
    assert run.confusion().headline == original.confusion().headline
    assert run.test().evaluation.accuracy == original.test().evaluation.accuracy


def test_all_of_an_epoch_is_kept() -> None:
    assert EpochEntry.model_fields.keys() == EpochMetrics.__dataclass_fields__.keys()


def test_what_only_some_runs_have_comes_back_too(origin: Workspace, tmp_path: Path) -> None:
    """Several attempts, one of them killed, phases, figures that are no numbers, kept checkpoints, odd messages."""
    strange = EpochMetrics(3, math.nan, 0.5, math.inf, 0.25, 0.1, 1.0, phase="pretrain")
    with open_store(origin) as store:
        trained = store.run("stripes-1")
        run = store.create_run(
            name="odd", spec=trained.spec, spec_id=trained.spec_id, fingerprint=trained.fingerprint, parameters=7,
            lineage={"kind": "restart", "from": "stripes-1"},
        )  # fmt: skip
        store.begin_attempt(run, {"threads": 1})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fittingroom.store.owners.Owner.alive", lambda owner: False)
            attempt = store.begin_attempt(run, {"threads": 2})
        checkpoint, best = trained.artifacts["last"], trained.artifacts["best"]
        kept = [replace(checkpoint, kind="checkpoint-5", epoch=5), replace(best, kind="phase-1", epoch=None)]
        store.record_epoch(run, attempt, strange, artifacts=kept)
        store.end(run, attempt, "failed", message="first line\nsecond\x1b[31m line")
        before = store.run(run)
    fr.import_run(fr.export_run(run, tmp_path / "odd.zip", workspace=origin))
    after = fr.Run("last").details
    (kept_epoch,) = after.epochs
    assert repr(kept_epoch) == repr(strange)
    assert (after.state, after.message) == ("failed", "first line\nsecond [31m line")
    assert after.lineage["lineage"] == {"kind": "restart", "from": "stripes-1"}
    assert [each.plan for each in after.attempts] == [{"threads": 1}, {"threads": 2}]
    assert before.attempts[0].ended is None
    assert after.attempts[0].ended is not None  # by the time of the export
    assert {kind: (each.epoch, each.sha256) for kind, each in after.artifacts.items()} == {
        "checkpoint-5": (5, checkpoint.sha256),
        "phase-1": (None, best.sha256),
    }


def test_an_interrupted_run_arrives_as_stopped_and_with_nobody_at_work(origin: Workspace, tmp_path: Path) -> None:
    with open_store(origin) as store:
        trained = store.run("stripes-1")
        run = store.create_run(
            name="cut", spec=trained.spec, spec_id=trained.spec_id, fingerprint=trained.fingerprint, parameters=7
        )
        assert store.run(run).state == "interrupted"
    fr.import_run(fr.export_run(run, tmp_path / "cut.zip", workspace=origin))
    arrived = fr.Run("cut-1")
    assert (arrived.state, arrived.details.attempts, arrived.details.artifacts) == ("stopped", (), {})
    with open_store(arrived.workspace) as store:
        assert store.begin_attempt("cut-1", {}) == 1


def test_an_imported_run_can_be_taken_up(exported: bytes, tmp_path: Path) -> None:
    def stopped(_: Files, manifest: dict[str, Any]) -> None:
        manifest["state"] = "stopped"

    (tmp_path / "run.zip").write_bytes(changed(exported, stopped))
    run = fr.import_run(tmp_path / "run.zip")
    with open_store(Workspace.find()) as store:
        assert store.begin_attempt(run, {"threads": 1}, seen=store.run(run)) == 2
        assert [attempt.number for attempt in store.run(run).attempts] == [1, 2]
        store.queue.request(run, 2)


def test_a_data_set_keeps_the_name_that_it_has_here(exported: bytes, tmp_path: Path) -> None:
    def renamed(_: Files, manifest: dict[str, Any]) -> None:
        manifest["data"]["name"] = "theirs"

    (tmp_path / "mine.zip").write_bytes(exported)
    (tmp_path / "theirs.zip").write_bytes(changed(exported, renamed))
    fr.import_run(tmp_path / "mine.zip")
    fr.import_run(tmp_path / "theirs.zip")
    assert fr.Run("stripes-2").details.data == "stripes"


def test_a_run_from_the_future_is_not_the_newest_for_ever(exported: bytes, tmp_path: Path) -> None:
    def later(_: Files, manifest: dict[str, Any]) -> None:
        manifest["created"] = "2150-01-01T00:00:00+02:00"

    (tmp_path / "run.zip").write_bytes(changed(exported, later))
    fr.import_run(tmp_path / "run.zip")
    assert timedelta(0) <= datetime.now(UTC) - fr.Run("last").details.created < timedelta(minutes=1)


# -- exporting ---------------------------------------------------------------------------------------------------------


def test_a_run_is_exported_under_its_own_name_and_nothing_is_overwritten(
    origin: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fr.export_run("stripes-1", workspace=origin) == Path("stripes-1.fittingroom.zip")
    with pytest.raises(
        fr.InvalidInput, match=r'^"stripes-1.fittingroom.zip" is there already; give another name, or replace it with'
    ):
        fr.export_run("stripes-1", workspace=origin)
    fr.export_run("stripes-1", workspace=origin, replace=True)
    with pytest.raises(fr.InvalidInput, match=r"is a folder; give the name of a file in it$"):
        fr.export_run("stripes-1", tmp_path, workspace=origin)
    with zipfile.ZipFile("stripes-1.fittingroom.zip") as file:
        assert file.namelist()[0] == "manifest.json"
        assert set(file.namelist()[1:]) == {"best.safetensors", "last.safetensors", "predictions.npz"}
        assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}


def test_only_runs_at_rest_are_exported(store_here: Store, tmp_path: Path) -> None:
    given = {"spec": "{}", "spec_id": "a" * 64, "fingerprint": "f" * 64, "parameters": 1}
    running, queued = store_here.create_run(name="a", **given), store_here.create_run(name="b", queued=True, **given)
    store_here.begin_attempt(running, {})
    told = r'^run "a-1" is being trained; stop it, or wait until it has ended, and export it then$'
    with pytest.raises(fr.InvalidInput, match=told):
        fr.export_run(running, tmp_path / "x.zip")
    with pytest.raises(fr.InvalidInput, match=r'^run "b-1" waits in the queue; stop it, or wait'):
        fr.export_run(queued, tmp_path / "x.zip")
    store_here.trash.delete(queued)
    with pytest.raises(
        fr.NotFound, match=r'^run "b-1" was deleted; bring it back with: fittingroom runs undelete b-1$'
    ):
        fr.export_run(queued, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


@pytest.fixture
def store_here() -> Any:
    with open_store(Workspace.find()) as store:
        yield store


def test_a_run_whose_files_are_missing_or_damaged_is_not_exported(store_here: Store, tmp_path: Path) -> None:
    spec = {"spec": "{}", "spec_id": "a" * 64, "fingerprint": "f" * 64, "parameters": 1}
    run = store_here.create_run(name="a", **spec)
    attempt = store_here.begin_attempt(run, {"threads": 1})
    store_here.adopt(run, attempt, Artifact("best", PurePosixPath("runs/a-1/best"), "0" * 64, 3, 1))
    store_here.end(run, attempt, "finished")
    path = Workspace.find().root / "runs" / "a-1" / "best"
    with pytest.raises(fr.WorkspaceError, match=rf"^{re.escape(str(path))} is missing, so the run cannot be exported"):
        fr.export_run(run, tmp_path / "x.zip")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"abc")
    with pytest.raises(fr.WorkspaceError, match=r"best is not what the run wrote \(its SHA-256 differs\); restore it"):
        fr.export_run(run, tmp_path / "x.zip")
    assert list(tmp_path.glob("*x.zip*")) == []


# -- archives from strangers -------------------------------------------------------------------------------------------


def refused(archive: bytes, reason: str, tmp_path: Path) -> None:
    """The archive is refused for this reason, and nothing has changed anywhere."""
    workspace = Workspace.find()
    path = tmp_path / "strange.zip"
    path.write_bytes(archive)
    before = content_of(workspace)
    with pytest.raises(fr.InvalidInput, match=reason) as caught:
        fr.import_run(path)
    assert str(caught.value).endswith("ask for a new export of the run") or "\n" in str(caught.value)
    assert content_of(workspace) == before
    with open_store(workspace) as store:
        assert store.runs() == store.trash.deleted() == []


def set_to(path: str, value: object) -> Change:
    """Change one value of the manifest, by its path."""

    def change(_: Files, manifest: dict[str, Any]) -> None:
        *parts, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
        at: Any = manifest
        for part in parts:
            at = at[part]
        at[last] = value

    return change


def test_a_file_that_is_not_there_or_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(fr.NotFound, match=r'^there is no file ".*none.zip"; give an archive that fittingroom runs'):
        fr.import_run(tmp_path / "none.zip")
    with pytest.raises(fr.NotFound, match=r"^there is no file"):
        fr.import_run(tmp_path)
    for content in (b"", b"PK", b"\x00" * 1000, b"PK\x05\x06" + b"\xff" * 18):
        refused(content, 'strange.zip" cannot be imported: it ', tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "/tmp/evil.txt",
        "..\\evil.txt",
        "C:\\evil.txt",
        "best.safetensors/../../evil",
        "runs/",
        "evil.txt",
    ],
)
def test_names_are_never_paths(exported: bytes, tmp_path: Path, name: str) -> None:
    files, manifest = unpacked(exported)
    reason = rf"it holds {re.escape(repr(name))}, which its manifest.json does not name; ask"
    refused(packed({**files, name: b"evil"}, manifest), reason, tmp_path)
    files[name] = files.pop("best.safetensors")
    refused(packed(files, manifest), reason, tmp_path)


def test_a_name_that_ends_early_is_not_taken_for_the_expected_one(exported: bytes, tmp_path: Path) -> None:
    for old, new in [(b"best.safetensors", b"best.\0afetensors"), (b"predictions.npz", b"predictions.np\0")]:
        refused(exported.replace(old, new), r"it holds .*\\x00|File name in directory|it lacks", tmp_path)


def test_what_is_missing_or_there_twice_is_told(exported: bytes, tmp_path: Path) -> None:
    files, manifest = unpacked(exported)
    without = {name: content for name, content in files.items() if name != "last.safetensors"}
    refused(packed(without, manifest), "it lacks last.safetensors; ask", tmp_path)
    out = io.BytesIO(packed(files, manifest))
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr("last.safetensors", files["last.safetensors"])
    refused(out.getvalue(), "it holds two files of one name; ask", tmp_path)
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr("manifest.json", b"{}")
    refused(out.getvalue(), "it holds 2 files manifest.json; ask", tmp_path)
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    refused(empty.getvalue(), "it has no manifest.json, so it is damaged, or no export of a run; ask", tmp_path)


def test_links_are_refused(exported: bytes, tmp_path: Path) -> None:
    files, manifest = unpacked(exported)
    put(files, manifest, "last", b"/etc/passwd")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("manifest.json", json.dumps(manifest))
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            if name == "last.safetensors":
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, content)
    refused(out.getvalue(), "last.safetensors is a link or something else that is no file; ask", tmp_path)


def test_bombs_do_not_go_off(exported: bytes, tmp_path: Path) -> None:
    files, manifest = unpacked(exported)
    put(files, manifest, "last", bytes(2**26))
    bomb = packed(files, manifest, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 2**18
    refused(bomb, "manifest.json is compressed, which no export does; ask", tmp_path)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("manifest.json", json.dumps(manifest))
        for name, content in files.items():
            file.writestr(name, content, zipfile.ZIP_DEFLATED if name == "last.safetensors" else zipfile.ZIP_STORED)
    refused(out.getvalue(), "last.safetensors is compressed, which no export does; ask", tmp_path)


def test_entries_that_overlap_are_refused(exported: bytes, tmp_path: Path) -> None:
    """The content of one file holds another one, header and all, so that its bytes count twice."""
    files, manifest = unpacked(exported)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("best.safetensors", bytes(100_000))
    outer = inner.getvalue()[: 30 + len("best.safetensors") + 100_000]
    put(files, manifest, "last", outer)
    put(files, manifest, "best", bytes(100_000))
    del files["best.safetensors"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("manifest.json", json.dumps(manifest))
        for name, content in files.items():
            file.writestr(name, content)
        hidden = zipfile.ZipFile(inner).infolist()[0]
        hidden.header_offset = file.getinfo("last.safetensors").header_offset + 30 + len("last.safetensors")
        file.filelist.append(hidden)
    refused(out.getvalue(), "its files overlap; ask|Overlapped entries", tmp_path)


def test_encrypted_entries_are_refused(exported: bytes, tmp_path: Path) -> None:
    archive = bytearray(exported)
    for match in re.finditer(b"PK\x01\x02", exported):
        archive[match.start() + 8] |= 1
    refused(bytes(archive), "manifest.json is encrypted or packed in a way that no export does; ask", tmp_path)


def test_sizes_and_checksums_must_be_those_of_the_manifest(exported: bytes, tmp_path: Path) -> None:
    size = unpacked(exported)[1]["artifacts"][0]["bytes"]
    kind = unpacked(exported)[1]["artifacts"][0]["kind"]
    lie = changed(exported, set_to("artifacts.0.bytes", size + 1))
    refused(lie, rf"{kind}.safetensors has {size:,} bytes, but its manifest.json says {size + 1:,}; ask", tmp_path)
    lie = changed(exported, set_to("artifacts.0.sha256", "0" * 64))
    refused(lie, rf"{kind}.safetensors is damaged: its SHA-256 is not the one in its manifest.json; ask", tmp_path)
    refused(packed({}, b" " * (2**26 + 1)), "its manifest.json has 67,108,865 bytes, more than the 67,", tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("format", 2, "format: Input should be 1"),
        ("surprise", 1, "surprise: Extra inputs are not permitted"),
        ("name", "two\nlines", "name: String should match pattern"),
        ("name", "\x1b[2Jgone", "name: String should match pattern"),
        ("name", "x" * 101, "name: String should have at most 100 characters"),
        ("message", "x" * 10_001, "message: String should have at most 10000 characters"),
        ("message", "\x9b2J", "message: String should match pattern"),
        ("tags", ["Best"], "tags: Value error, should be at most 20 tags as they are kept, sorted"),
        ("tags", ["b", "a"], "tags: Value error, should be at most 20 tags as they are kept, sorted"),
        ("tags", [f"t{number:02d}" for number in range(21)], "tags: Value error, should be at most 20 tags"),
        ("tags", ["\x1b[2J"], "tags.0: String should match pattern"),
        ("tags", ["x" * 41], "tags: Value error, the tag"),
        ("note", "\x1b[2Jgone", "note: Value error, the note holds control characters; leave them out"),
        ("note", "x" * 4_001, "note: Value error, the note has 4,001 characters"),
        ("run", "../../x-1", "run: String should match pattern"),
        ("state", "running", "state: Input should be 'finished'"),
        ("state", "queued", "state: Input should be 'finished'"),
        ("fingerprint", "f0", "fingerprint: String should match pattern"),
        ("created", "0001-01-01T00:00:00+14:00", "created: Input should be greater than or equal to 2000"),
        ("created", "2026-01-01T00:00:00", "created: Input should have timezone info"),
        ("created", 0, "created: Input should be a valid datetime"),
        ("parameters", 2**63, "parameters: Input should be less than 9223372036854775808"),
        ("parameters", "7", "parameters: Input should be a valid integer"),
        ("train_seconds", -1, "train_seconds: Input should be greater than or equal to 0"),
        ("lineage", [], "lineage: Input should be an object"),
        ("lineage", {"from": "\x1b]0;evil\x07"}, "lineage: Value error, should hold no control characters"),
        ("lineage", {"from": math.nan}, "lineage: Value error, Out of range float values are not JSON compliant"),
        ("lineage", {"from": "x" * 100_000}, "lineage: Value error, should be at most 100,000 characters"),
        ("data.class_names", ["\x1b[31mred"], "data.class_names.0: String should match pattern"),
        ("attempts.0.plan", {"threads": -3}, "attempts.0.plan: Value error, threads should be a whole number"),
        ("attempts.0.plan", {"threads": True}, "attempts.0.plan: Value error, threads should be a whole number"),
        ("attempts.0.plan", {"versions": 3}, "attempts.0.plan: Value error, versions should be an object"),
        ("epochs.1.epoch", 1, "epochs: Value error, epochs should ascend"),
        ("epochs.0.epoch", 0, "epochs.0.epoch: Input should be greater than or equal to 1"),
        ("epochs.0.learning_rate", "x", "epochs.0.learning_rate: Input should be a valid number"),
        ("artifacts.0.kind", "../../../evil", "artifacts.0.kind: String should match pattern"),
        ("artifacts.0.kind", "best\n", "artifacts.0.kind: String should match pattern"),
        ("artifacts.0.kind", "phase-0", "artifacts.0.kind: String should match pattern"),
        ("artifacts.0.bytes", -1, "artifacts.0.bytes: Input should be greater than or equal to 0"),
        ("artifacts.0.path", "/etc/passwd", "artifacts.0.path: Extra inputs are not permitted"),
        ("artifacts.1.kind", "best", "artifacts: Value error, a kind of file comes twice"),
        ("spec", "{", "its spec is not valid JSON: EOF while parsing"),
        ("spec", '{"name": "\\ud800"}', "its spec is not valid JSON: unexpected end of hex escape"),
        ("spec", '{"name": "\\u001b[2J"}', "its spec holds control characters"),
        ("spec", '{"\\u001b[2J": 1}', "its spec holds control characters"),
        ("\x1b[2J", 1, r"'\x1b[2J': Extra inputs are not permitted"),
        ("spec", "[" * 100_000, "its spec is not valid JSON: recursion limit exceeded"),
        ("spec", "{}", "the spec in the archive has faults:\n"),
        ("spec", "[]", "the spec in the archive has faults:\n"),
        ("spec", '{"format": 99}', "reads up to 1; upgrade Fitting Room"),
    ],
)
def test_a_manifest_is_believed_only_where_it_is_valid(
    exported: bytes, tmp_path: Path, path: str, value: object, reason: str
) -> None:
    refused(changed(exported, set_to(path, value)), re.escape(reason), tmp_path)


def test_a_manifest_that_is_no_json_or_lacks_something_is_refused(exported: bytes, tmp_path: Path) -> None:
    files, manifest = unpacked(exported)
    for text in (b"", b"\xff\xfe", b"[]", b"null", b"[" * 200_000, b'{"format": ' + b"9" * 5000 + b"}"):
        refused(packed(files, text), "its manifest.json is not valid: ", tmp_path)
    for key in set(manifest) - {"format"}:
        less = {name: value for name, value in manifest.items() if name != key}
        refused(packed(files, less), f"its manifest.json is not valid: {key}: Field required; ask", tmp_path)


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.savez_compressed(out, **arrays)
    return out.getvalue()


def predictions(**changes: Any) -> bytes:
    kept: dict[str, Any] = {
        "indices": np.arange(4),
        "labels": np.array([0, 1, 2, 0]),
        "probabilities": np.full((4, 3), 1 / 3, np.float32),
        "class_names": np.array(["a", "b", "c"]),
    }
    return npz(**{name: array for name, array in (kept | changes).items() if array is not None})


def lying_header() -> bytes:
    """An array that says it has 10^12 values and holds none."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i8", "fortran_order": False, "shape": (10**12,)})
    out = io.BytesIO(predictions(indices=None))
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("indices.npy", header.getvalue())
    return out.getvalue()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("a pickle was opened",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no zip", "File is not a zip file"),
        (predictions(labels=np.array([Evil()] * 4, dtype=object)), "labels.npy should not be object with 1 axes"),
        (predictions(labels=None), "it should hold the arrays class_names, indices, labels, probabilities, each once"),
        (predictions(more=np.zeros(1)), "it should hold the arrays"),
        (predictions(labels=np.zeros((4, 1), int)), "labels.npy should not be int64 with 2 axes"),
        (predictions(labels=np.zeros(4)), "labels.npy should not be float64 with 1 axes"),
        (predictions(probabilities=np.zeros((2**26, 3), np.float32)), "should take at most 536,870,912 bytes"),
        (lying_header(), "indices.npy should not have 128 bytes"),
        (predictions(labels=np.array([0, 1, 2, 3])), "ask for a new export"),
        (predictions(probabilities=np.full((4, 3), np.nan, np.float32)), "ask for a new export"),
        (predictions(indices=np.arange(3)), "indices should be positions, one for each label"),
        (predictions(indices=-np.arange(4)), "indices should be positions, one for each label"),
        (predictions(class_names=np.array(["a", "b", "\x1b[2J"])), "class names should be one line of text each"),
        (predictions(class_names=np.array(["a", "b", "\ud800"])), "surrogates not allowed"),
    ],
)
def test_predictions_are_read_without_pickle_and_within_bounds(
    exported: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    files, manifest = unpacked(exported)
    put(files, manifest, "predictions", content)
    refused(
        packed(files, manifest), rf"^predictions.npz in the archive is not what a run writes \(.*{reason}", tmp_path
    )
    assert capsys.readouterr().out == ""


def tensors(files: Files, kind: str, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> bytes:
    """A file of weights with its tensors and description changed."""
    content = files[f"{kind}.safetensors"]
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    ((form, text),) = header["__metadata__"].items()
    weights, description = dict(load_tensors(content)), json.loads(text)
    change(weights, description)
    form = description.pop("form", form)
    return save_tensors(weights, {form: json.dumps(description)})


def huge_network(_: dict[str, Any], described: dict[str, Any]) -> None:
    described["network"] = [{"layer": "flatten"}, {"layer": "dense", "units": 60_000}] * 2 + [{"layer": "classify"}]


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        (
            "best",
            lambda w, d: w.pop("conv_1.bias"),
            "the network it describes has .* parameters, its weights are others",
        ),
        ("best", huge_network, "the network it describes has .* parameters, its weights are others"),
        ("best", lambda w, d: d.pop("preprocessing"), "'preprocessing'"),
        ("best", lambda w, d: d.update(epoch="x"), "invalid literal for int"),
        ("best", lambda w, d: d["preprocessing"].update(mean=[0.5, 0.5]), "cannot be prepared so"),
        ("best", lambda w, d: d["preprocessing"].update(shape=[1, 8, 10**9]), "ask"),
        ("best", lambda w, d: d["preprocessing"].update(class_names=["\x1b", "b", "c"]), "one line of text each"),
        ("best", lambda w, d: d.update(form="fittingroom-checkpoint-1"), "of the form fittingroom-classifier-1"),
        ("best", lambda w, d: d.update(form="pickle"), "of the form fittingroom-classifier-1"),
        ("last", lambda w, d: d.update(form="fittingroom-classifier-1"), "of the form fittingroom-checkpoint-1"),
        ("last", lambda w, d: d.pop("step"), "step Field required"),
        ("last", lambda w, d: d.update(epoch=-1), "epoch Input should be greater"),
        ("last", lambda w, d: d["sums"].update(evil=1), "sums.evil Extra inputs"),
        ("last", lambda w, d: d["best"].update(value="x"), "best.value Input should be a valid number"),
        ("last", lambda w, d: w.update({"optimizer/0/exp_avg": np.zeros(1, np.float32)}), "belongs to no weight"),
        ("last", lambda w, d: w.update({"optimizer/x/exp_avg": w["optimizer/0/exp_avg"]}), "belongs to no weight"),
        ("last", lambda w, d: w.update({"optimizer/0/step": np.zeros(9, np.float32)}), "belongs to no weight"),
        ("last", lambda w, d: w.update({"budget/trace": np.array([2.0])}), "the trace of its budget should be shares"),
    ],
)
def test_weights_and_checkpoints_must_be_what_a_run_writes(
    exported: bytes, tmp_path: Path, kind: str, change: Callable[[Any, Any], None], reason: str
) -> None:
    files, manifest = unpacked(exported)
    put(files, manifest, kind, tensors(files, kind, change))
    told = rf"^{kind}.safetensors in the archive is not what a run writes \(.*{reason}"
    refused(packed(files, manifest), told, tmp_path)


def test_optimizer_state_of_another_weight_never_reaches_the_optimizer(exported: bytes, tmp_path: Path) -> None:
    """Each shape is one of the network's, but not of this weight: fused optimizers would write into foreign memory."""

    def swapped(weights: dict[str, Any], _: dict[str, Any]) -> None:
        weights["optimizer/0/exp_avg"] = weights["optimizer/1/exp_avg"]

    files, manifest = unpacked(exported)
    put(files, manifest, "last", tensors(files, "last", swapped))
    (tmp_path / "run.zip").write_bytes(packed(files, manifest | {"state": "stopped"}))
    run = fr.Run(fr.import_run(tmp_path / "run.zip"))
    told = r"^the checkpoint's optimizer state 0/exp_avg does not fit its weight; start the run again$"
    with pytest.raises(fr.InvalidInput, match=told):
        prepare_resume(run.details, run.workspace)


def test_files_that_are_no_tensors_are_refused(exported: bytes, tmp_path: Path) -> None:
    for content in (b"", b"\xff" * 100, b"\x80\x04\x95", (10**15).to_bytes(8, "little") + b"{}"):
        files, manifest = unpacked(exported)
        put(files, manifest, "best", content)
        refused(packed(files, manifest), "^best.safetensors in the archive is not what a run writes", tmp_path)


# -- whatever else may come --------------------------------------------------------------------------------------------

NASTY: list[object] = [
    *(None, True, -1, 0, 2**31, 2**63, 2**70, 1e308, math.nan, -math.inf, [], {}, [[]], {"a": {"b": []}}),
    *("", "x" * 20_000, "\x00", "\x1b[2J", "../..", "NaN", "1e999", "2026-01-01", "9999-12-31T23:59:59Z", "é𝄞"),
]


def damaged(archive: bytes, chance: random.Random) -> bytes:
    """Bytes flipped, cut out, doubled or zeroed somewhere."""
    content = bytearray(archive)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content))
        stop = min(len(content), start + chance.choice([1, 2, 8, 100, 5000]))
        match chance.randrange(5):
            case 0:
                content[start] ^= 1 << chance.randrange(8)
            case 1:
                content[start:stop] = bytes(stop - start)
            case 2:
                del content[start:stop]
            case 3:
                content[start:start] = content[start:stop]
            case 4:
                content[start:stop] = chance.randbytes(stop - start)
        if not content:
            break
    return bytes(content)


def lied(archive: bytes, chance: random.Random) -> bytes:
    """Values of the manifest replaced by others, in an archive that is whole."""

    def change(_: Files, manifest: dict[str, Any]) -> None:
        for _each in range(chance.randint(1, 2)):
            at: Any = manifest
            while True:
                keys = list(at) if isinstance(at, dict) else list(range(len(at)))
                if not keys:
                    break
                key = chance.choice(keys)
                if not isinstance(at[key], dict | list) or not at[key] or chance.random() < 0.1:
                    at[key] = chance.choice(NASTY)
                    break
                at = at[key]

    return changed(archive, change)


def spoiled(archive: bytes, chance: random.Random) -> bytes:
    """Files that are damaged inside, while the manifest says that they are right."""

    def change(files: Files, manifest: dict[str, Any]) -> None:
        kind = chance.choice(["best", "last", "predictions"])
        name = "predictions.npz" if kind == "predictions" else f"{kind}.safetensors"
        put(files, manifest, kind, damaged(files[name], chance))

    return changed(archive, change)


@pytest.mark.parametrize("spoil", [damaged, lied, spoiled])
def test_whatever_comes_is_imported_whole_or_refused(
    exported: bytes, tmp_path: Path, spoil: Callable[[bytes, random.Random], bytes]
) -> None:
    """Errors are always ours; nothing is left behind; and what is imported can be looked at."""
    chance, workspace, imported = random.Random(20260722), Workspace.find(), 0
    path = tmp_path / "strange.zip"
    for _ in range(150):
        path.write_bytes(spoil(exported, chance))
        before = content_of(workspace)
        try:
            name = fr.import_run(path)
        except fr.FittingRoomError:
            assert content_of(workspace) == before
            continue
        imported += 1
        run = fr.Run(name)
        new = {str(workspace.root / artifact.path) for artifact in run.details.artifacts.values()}
        assert set(content_of(workspace)) == {*before, *new}
        if "predictions" in run.details.artifacts:
            assert run.confusion().n > 0
        if "best" in run.details.artifacts:
            assert run.classifier.epoch >= 0
        if run.epochs:
            assert run.reading()
            assert terminal_curves(run.epochs, width=80)
    with open_store(workspace) as store:
        assert len(store.runs()) == imported
    assert imported < 140


def test_a_failure_of_the_store_leaves_no_files(
    exported: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise fr.WorkspaceError("the disk is full")

    (tmp_path / "run.zip").write_bytes(exported)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "insert_run", full)
        with pytest.raises(fr.WorkspaceError, match=r"^the disk is full$"):
            fr.import_run(tmp_path / "run.zip")
    assert list(Workspace.find().runs.iterdir()) == []
    assert fr.import_run(tmp_path / "run.zip") == "stripes-2"


def test_the_manifest_has_the_keys_that_the_reference_names() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "archive.md").read_text(encoding="utf-8")
    for name in Manifest.model_fields:
        assert f"`{name}`" in page
