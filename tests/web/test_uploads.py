"""Uploads: what comes is what was sent, nothing else gets in, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fittingroom.data import formats
from fittingroom.data.sources import load
from fittingroom.errors import InvalidInput
from fittingroom.web.app import create_app
from fittingroom.web.filenames import Names
from fittingroom.web.intake import Intake
from fittingroom.web.uploads import Limits, Uploads, sweep
from fittingroom.workspace import Workspace
from tests.web.conftest import Held

HOST, TOKEN = "127.0.0.1:8640", "a-token-of-forty-three-characters-or-so-long"
Files = dict[str, bytes]


@pytest.fixture
def small(own_workspace: Workspace) -> Iterator[TestClient]:
    """A browser elsewhere, on a page that takes 50 kB at most."""
    app = create_app(own_workspace, hosts=[HOST], token=TOKEN, workers=False, upload_limit=50_000)
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as client:
        client.get("/", params={"token": TOKEN})
        yield client


def files_in(folder: Path) -> Files:
    """As a browser names them: the chosen folder first."""
    return {str(file.relative_to(folder.parent)): file.read_bytes() for file in sorted(folder.rglob("*.png"))}


def framed(files: Files) -> bytes:
    return b"".join(
        json.dumps({"path": path, "bytes": len(content)}).encode() + b"\n" + content for path, content in files.items()
    )


def announced(page: TestClient, files: Files) -> str:
    """Announce an upload; returns its id."""
    told = {"files": len(files), "bytes": sum(map(len, files.values()))}
    answer = page.post("/data/upload", data=told)
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


def sent(page: TestClient, files: Files) -> str:
    """A whole upload in parts of 40 files; returns its id."""
    id, names = announced(page, files), list(files)
    for number, start in enumerate(range(0, len(names), 40)):
        some = {name: files[name] for name in names[start : start + 40]}
        answer = page.post(f"/data/upload/{id}/part", params={"number": number}, content=framed(some))
        assert answer.status_code == 200, answer.text
    return id


def staged(workspace: Workspace) -> list[Path]:
    """Whatever of uploads lies in the workspace; folders and locks aside."""
    return [path for path in workspace.uploads.rglob("*") if path.is_file() and path.suffix != ".lock"]


def wait_for(condition: Callable[[], bool]) -> None:
    done = threading.Event()
    for _ in range(1000):
        if condition():
            return
        done.wait(0.01)
    raise AssertionError("it never came about")


def imported(page: TestClient, id: str, **more: str) -> str:
    """The wizard from an upload on; returns where it leads."""
    answer = page.post("/data/import", data={"upload": id, **more})
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["location"]
    assert page.post(address).status_code == 303
    wait_for(lambda: page.get(address).status_code == 303)
    where: str = page.get(address).headers["location"]
    return where


# The way in


def test_an_uploaded_folder_becomes_the_data_set_that_it_would_be_here(
    page: TestClient, photos: Path, own_workspace: Workspace
) -> None:
    id = sent(page, files_in(photos))
    assert page.get(f"/data/upload/{id}").json() == {
        "parts": 3, "files": 90, "bytes": sum(map(len, files_in(photos).values())), "problem": "",
    }  # fmt: skip
    assert imported(page, id) == "/data/set?name=photos"
    assert load("photos", own_workspace).fingerprint == load(photos).fingerprint
    assert load("photos", own_workspace).origin == "image folder photos"
    assert staged(own_workspace) == []


def test_the_wizard_tells_of_an_upload_what_it_tells_of_a_folder(
    page: TestClient, photos: Path, own_workspace: Workspace
) -> None:
    (photos / "left" / "7.png").write_bytes(b"no picture")
    id = sent(page, files_in(photos))
    wrong = page.post("/data/import", data={"upload": id, "name": "two words"})
    assert wrong.status_code == 422
    assert "&#34;two words&#34; cannot be the name" in wrong.text
    assert f'name="upload" value="{id}"' in wrong.text, "what was sent need not be sent again"
    answer = page.post("/data/import", data={"upload": id, "name": "mine"})
    check = page.get(answer.headers["location"]).text
    assert "left/7.png is none of PNG" in check
    assert str(own_workspace.root) not in check
    assert f'name="upload" value="{id}"' in page.get(f"/data/import?change={answer.headers['location'][-16:]}").text


def test_a_folder_with_one_class_is_refused_without_telling_where_it_is_kept(
    page: TestClient, photos: Path, own_workspace: Workspace
) -> None:
    one = {path: content for path, content in files_in(photos).items() if "left" in path}
    refused = page.post("/data/import", data={"upload": sent(page, one)})
    assert "photos has one class (left), and a classifier needs at least 2" in refused.text
    assert str(own_workspace.root) not in refused.text


def test_several_folders_that_were_dropped_together_are_classes(page: TestClient, photos: Path) -> None:
    classes = {path.removeprefix("photos/"): content for path, content in files_in(photos).items()}
    assert imported(page, sent(page, classes)) == "/data/set?name=uploaded-images"


def test_another_format_needs_no_code_of_the_page(
    page: TestClient, photos: Path, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A format that reads a file with the path of a folder in it."""

    def there(path: Path) -> Path:
        return Path(path.read_text())

    pointer = formats.Format(
        name="file that points to a folder", suffixes=(".pointer",), members=frozenset(), layout="PATH",
        about="A path.",
        preview=lambda path, wanted, progress: formats.FOLDER.preview(there(path), wanted, progress),
        read=lambda path, wanted: formats.FOLDER.read(there(path), wanted),
    )  # fmt: skip
    monkeypatch.setattr(formats, "FORMATS", (formats.FOLDER, pointer))
    monkeypatch.setattr("fittingroom.web.routes.data_import.FORMATS", formats.FORMATS)
    form = page.get("/data/import").text
    assert 'accept=".pointer"' in form
    assert "File that points to a folder" in form
    assert imported(page, sent(page, {"mine.pointer": str(photos).encode()})) == "/data/set?name=mine"
    assert load("mine", own_workspace).fingerprint == load(photos).fingerprint


def test_two_uploads_at_once_do_not_mix(page: TestClient, photos: Path, own_workspace: Workspace) -> None:
    files = files_in(photos)
    other = {path.replace("photos", "turned"): content for path, content in reversed(files.items())}
    one, two = announced(page, files), announced(page, other)
    for id, some in ((one, files), (two, other)):
        page.post(f"/data/upload/{id}/part?number=0", content=framed(some))
    assert imported(page, two) == "/data/set?name=turned"
    assert imported(page, one) == "/data/set?name=photos"
    assert staged(own_workspace) == []


def test_threads_of_one_server_begin_uploads_together(own_workspace: Workspace) -> None:
    uploads = Uploads(own_workspace, Limits())
    with ThreadPoolExecutor(8) as threads:
        begun = list(threads.map(lambda _: uploads.begin(1, 1), range(8)))
    assert len({upload.folder.parent for upload in begun}) == 1
    assert all(upload.folder.is_dir() for upload in begun)
    uploads.close()
    assert not own_workspace.uploads.exists()


# Parts


def test_a_part_that_ends_early_leaves_nothing_of_itself(own_workspace: Workspace) -> None:
    """Blocks of 7 bytes; the first 4 files are complete, the next one is not, and then the whole part comes again."""
    files = {f"fruit/apple/{number}.png": bytes([number]) * (number + 1) for number in range(9)}
    uploads = Uploads(own_workspace, Limits())
    upload = uploads.begin(len(files), sum(map(len, files.values())))
    content = framed(files)
    half = content[: content.index(b"4.png") + 20]
    cut = Intake(upload, 0)
    for start in range(0, len(half), 7):
        cut.feed(half[start : start + 7])
    cut.close()
    assert (upload.parts, upload.files_here, staged(own_workspace)) == (0, 0, [])
    again = Intake(upload, 0)
    for start in range(0, len(content), 7):
        again.feed(content[start : start + 7])
    again.complete()
    again.close()
    assert (upload.parts, upload.files_here, upload.is_complete) == (1, 9, True)
    assert {str(file.relative_to(upload.folder)): file.read_bytes() for file in staged(own_workspace)} == files
    uploads.close()
    assert not own_workspace.uploads.exists()


def test_parts_come_in_their_order_and_one_at_a_time(page: TestClient, own_workspace: Workspace) -> None:
    files = {"a/b/1.png": b"12", "a/c/1.png": b"34"}
    id = announced(page, files)
    address = f"/data/upload/{id}/part?number="
    assert page.post(f"{address}1", content=framed(files)).status_code == 409
    first = {"a/b/1.png": b"12"}
    assert page.post(f"{address}0", content=framed(first)).status_code == 200
    again = page.post(f"{address}0", content=framed(first))
    assert (again.status_code, "part 1 is next" in again.json()["problem"]) == (409, True), "its answer may be lost"
    upload = page.app.state.uploads.find(id)  # type: ignore[attr-defined]
    busy = Intake(upload, 1)
    assert page.post(f"{address}1", content=framed({"a/c/1.png": b"34"})).status_code == 409
    busy.close()
    early = page.post("/data/import", data={"upload": id})
    assert (early.status_code, "this upload is not complete" in early.text) == (422, True)
    assert page.post(f"{address}1", content=framed({"a/c/1.png": b"34"})).json()["files"] == 2


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"no json\n", 422, "a line in it names no file"),
        (b"[]\n", 422, "a line in it names no file"),
        (b'{"path": 3, "bytes": 1}\n', 422, "a line in it names no file"),
        (b'{"path": "a/b/1.png", "bytes": -1}\n', 422, "a line in it names no file"),
        (b'{"path": "a/b/1.png", "bytes": true}\n', 422, "a line in it names no file"),
        (b"[" * 8000 + b"\n", 422, "a line in it names no file"),
        (b"x" * 20_000, 422, "a line in it is too long"),
        (b'{"path": "a/b/1.png", "bytes": 5}\n123', 422, "ends in the middle of a file"),
        (b'{"path": "a/b/1.png", "by', 422, "ends in the middle of a file"),
        (framed({"a/b/1.png": b"1" * 101}), 413, "more was sent than was announced"),
        (framed({"a/b/1.png": b"1", "a/b/2.png": b"1", "a/b/3.png": b"1"}), 413, "more was sent than was announced"),
        (framed({"a/b/1.png": b"1"}) + b"\n", 422, "a line in it names no file"),
        (framed({"../../x.png": b"1"}), 422, "does not name a file in the folder"),
        (framed({"a/b/1.png": b"1", "a/../../../b.png": b"1"}), 422, "does not name a file in the folder"),
        (framed({"a/\ud800/1.png": b"1"}), 422, "it is no proper text"),
        (b'{"path": "a/b/1.png", "bytes": 60000}\n', 413, "has 60.0 kB, and at most 50.0 kB are possible"),
    ],
)
def test_what_is_no_upload_ends_it(
    small: TestClient, own_workspace: Workspace, body: bytes, status: int, told: str
) -> None:
    id = small.post("/data/upload", data={"files": 2, "bytes": 100}).json()["id"]
    answer = small.post(f"/data/upload/{id}/part?number=0", content=body)
    assert answer.status_code == status
    assert told in answer.json()["problem"]
    assert told in small.get(f"/data/upload/{id}").json()["problem"], "for whoever did not get the answer"
    assert small.post(f"/data/upload/{id}/part?number=0", content=b"").status_code == 404
    assert staged(own_workspace) == []
    assert list(own_workspace.root.parent.rglob("*.png")) == [], "nor anywhere near"


@pytest.mark.parametrize(
    ("files", "bytes", "status", "told"),
    [
        (1, 50_001, 413, "50.0 kB are too much; at most 50.0 kB can be uploaded at once"),
        (200_001, 10, 413, "200,001 files are too many"),
        (0, 0, 422, "there is nothing to upload"),
        ("-1", 5, 422, "begins with the number of its files"),
        ("²", 5, 422, "begins with the number of its files"),
    ],
)
def test_an_upload_that_is_too_large_is_refused_before_it_begins(
    small: TestClient, own_workspace: Workspace, files: Any, bytes: int, status: int, told: str
) -> None:
    answer = small.post("/data/upload", data={"files": files, "bytes": bytes})
    assert (answer.status_code, told in answer.json()["problem"]) == (status, True), answer.text
    assert not own_workspace.uploads.exists()


def test_an_upload_that_is_switched_off_is_not_offered(own_workspace: Workspace) -> None:
    app = create_app(own_workspace, hosts=[HOST], token=TOKEN, workers=False, upload_limit=0)
    with TestClient(app, base_url=f"http://{HOST}") as client:
        assert "<data-upload" not in client.get("/data/import", params={"token": TOKEN}).text
        assert "Import images" not in client.get("/data").text
        for size in (0, 1):
            assert client.post("/data/upload", data={"files": 1, "bytes": size}).status_code == 413


@pytest.mark.parametrize("announce", [True, False])
def test_forms_are_limited_too(page: TestClient, announce: bool) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(33):
            yield b"x" * 1_000_000

    headers = {"content-type": "application/x-www-form-urlencoded"}
    headers |= {"content-length": "3000000000"} if announce else {}
    answer = page.post("/data/use", content=body(), headers=headers)
    assert answer.status_code == 413
    assert "A request may have 32 MB" in answer.text


# Names


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("../../x.png", "does not name a file in the folder"),
        ("a/../../b.png", "does not name a file in the folder"),
        ("/etc/1.png", "does not name a file in the folder"),
        ("a//1.png", "does not name a file in the folder"),
        ("a/./1.png", "does not name a file in the folder"),
        ("", "does not name a file in the folder"),
        ("a\\..\\..\\1.png", "cannot be a name on every system"),
        ("C:/a/1.png", "cannot be a name on every system"),
        ("a/b/1\n.png", "cannot be a name on every system"),
        ("a/b/1\0.png", "cannot be a name on every system"),
        ("a/b./1.png", "cannot be a name on every system"),
        ("a/b\u202egnp/1.png", "cannot be a name on every system"),
        ("a/CON/1.png", 'Windows keeps "CON" for itself'),
        ("a/b/nul.png", 'Windows keeps "nul.png" for itself'),
        ("a/b/Lpt1 .tar.png", "for itself"),
        (f"a/b/{'x' * 300}.png", "it is too long"),
        (f"a/{'🙂' * 60}/1.png", "it is too long"),
        ("a/b/c/d/e/f/g/h/1.png", "it is too long"),
        ("a/\ud800/1.png", "it is no proper text"),
        ("a/b/1.exe", "none of the files that a data set is made of"),
        ("a/b/png", "none of the files that a data set is made of"),
        ("1.png", "none of the files that a data set is made of"),
    ],
)
def test_names_that_lead_elsewhere_or_nowhere_are_refused(path: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Names().add(path)
    assert told in str(refused.value)
    str(refused.value).encode()  # can be sent


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a/b/1.png", "a/b/1.png"),
        ("a/b/x.png", "a/b/X.PNG"),
        ("a/Apple/1.png", "a/apple/2.png"),
        ("a/b/caf\u00e9.png", "a/b/cafe\u0301.png"),
        ("a/b.png/1.png", "a/b.png"),
        ("a/b.png", "a/B.png/1.png"),
    ],
)
def test_names_that_some_systems_take_for_one_are_refused(first: str, second: str) -> None:
    names = Names()
    names.add(first)
    with pytest.raises(InvalidInput, match="rename one of"):
        names.add(second)


@pytest.mark.parametrize(
    "path", ["fruit/äpfel & birnen (2)/1.PNG", "水果/苹果/🙂.jpeg", "a/train/b/.hidden.png", "a/-b/1.tif"]
)
def test_other_names_are_kept_as_they_are(path: str) -> None:
    assert str(Names().add(path)) == path


# Nothing is left


def test_a_cancelled_upload_is_gone(page: TestClient, photos: Path, own_workspace: Workspace) -> None:
    files = files_in(photos)
    id = announced(page, files)
    page.post(f"/data/upload/{id}/part?number=0", content=framed(dict(list(files.items())[:50])))
    assert len(staged(own_workspace)) == 50
    assert page.post(f"/data/upload/{id}/cancel").status_code == 303
    assert staged(own_workspace) == []
    assert page.post(f"/data/upload/{id}/part?number=1", content=b"").status_code == 404
    assert page.post(f"/data/upload/{id}/cancel").status_code == 303, "asked for twice"


def test_cancelled_in_the_middle_of_a_part_it_is_gone_too(own_workspace: Workspace) -> None:
    uploads = Uploads(own_workspace, Limits())
    upload = uploads.begin(1, 10)
    intake = Intake(upload, 0)
    intake.feed(b'{"path": "a/b/1.png", "bytes": 10}\n12345')
    upload.drop()
    with pytest.raises(InvalidInput, match="was cancelled"):
        intake.feed(b"67890")
    intake.close()
    assert staged(own_workspace) == []
    assert not upload.folder.exists()
    uploads.close()


def test_a_cancelled_import_leaves_no_data_set_and_keeps_what_was_uploaded(
    page: TestClient, photos: Path, own_workspace: Workspace, held_import: Held
) -> None:
    id = sent(page, files_in(photos))
    address = page.post("/data/import", data={"upload": id}).headers["location"]
    page.post(address)
    assert held_import.under_way.wait(10)
    page.post(f"{address}/cancel")
    held_import.go_on.set()
    wait_for(lambda: "The import was cancelled; nothing of it is left." in page.get(address).text)
    assert list(own_workspace.data.iterdir()) == []
    assert len(staged(own_workspace)) == 90, "they need not be sent again"
    page.post(address)
    wait_for(lambda: page.get(address).status_code == 303)
    assert len(load("photos", own_workspace)) == 90
    assert staged(own_workspace) == []


def test_silent_uploads_expire_but_not_those_in_use(own_workspace: Workspace) -> None:
    uploads = Uploads(own_workspace, Limits())
    silent, used = uploads.begin(1, 1), uploads.begin(1, 1)
    intake = Intake(used, 0)
    uploads.expire(patience=-1)
    assert (silent.folder.exists(), used.folder.exists()) == (False, True)
    intake.close()
    uploads.close()


def test_leftovers_of_a_killed_server_are_removed_and_those_of_a_living_one_kept(own_workspace: Workspace) -> None:
    killed = f"""
import os, pathlib
from fittingroom.web.uploads import Limits, Uploads
from fittingroom.web.intake import Intake
from fittingroom.workspace import Workspace
upload = Uploads(Workspace(pathlib.Path({str(own_workspace.root)!r})), Limits()).begin(2, 20)
Intake(upload, 0).feed(b'{{"path": "a/b/1.png", "bytes": 10}}\\n12345')
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", killed], check=False)
    assert len(staged(own_workspace)) == 1
    living = Uploads(own_workspace, Limits())
    upload = living.begin(1, 1)
    sweep(own_workspace.uploads)
    assert staged(own_workspace) == []
    assert upload.folder.is_dir()
    living.close()
    assert not own_workspace.uploads.exists()


def test_a_full_disk_is_told_in_words(
    page: TestClient, monkeypatch: pytest.MonkeyPatch, own_workspace: Workspace
) -> None:
    files = {"a/b/1.png": b"12"}
    id = announced(page, files)

    def full(self: Path, mode: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        answer = page.post(f"/data/upload/{id}/part?number=0", content=framed(files))
    assert (answer.status_code, answer.json()["problem"]) == (
        507, "the upload cannot be kept: No space left on device; free some space",
    )  # fmt: skip
    assert staged(own_workspace) == []
