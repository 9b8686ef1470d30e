"""Downloads from a server on this machine: whole or not at all, and going on where they were cut off."""

from __future__ import annotations

import errno
import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from fittingroom.data import transfer
from fittingroom.data.transfer import fetch
from fittingroom.errors import DownloadFailed, WorkspaceUnusable

CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Gives one content; can be told to misbehave, and remembers from where it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.starts: list[int] = []
        self.cuts: list[int] = []
        """How many bytes each answer gives before the connection ends; all of them when there is none left."""
        self.knows_ranges = True
        self.status = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.server.knows_ranges else 0
        self.server.starts.append(int(asked[1]) if asked else 0)
        whole = self.server.content
        status = self.server.status or (416 if start >= len(whole) else 206 if start else 200)
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        given = whole[start:] if status < 400 else b""
        self.send_header("Content-Length", str(len(given)))
        self.end_headers()
        self.wfile.write(given[: self.server.cuts.pop(0)] if self.server.cuts else given)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "file.gz"


def get(server: Server, place: Path) -> list[int]:
    told: list[int] = []
    fetch([server.address], place, len(CONTENT), SHA256, told.append)
    return told


def test_a_file_comes_whole_with_progress_and_only_once(server: Server, place: Path) -> None:
    told = get(server, place)
    assert place.read_bytes() == CONTENT
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, len(CONTENT))
    assert get(server, place) == [len(CONTENT)]
    assert server.starts == [0]
    assert not place.with_name("file.gz.part").exists()


def test_a_cut_connection_is_taken_up_at_once(server: Server, place: Path) -> None:
    server.cuts = [300_000, 300_000]
    get(server, place)
    assert place.read_bytes() == CONTENT
    assert server.starts == [0, 300_000, 600_000]


def test_a_download_that_ended_goes_on_with_the_next_call(server: Server, place: Path) -> None:
    server.cuts = [300_000, 0]
    with pytest.raises(DownloadFailed) as cut:
        get(server, place)
    assert f"{server.address} was cut off after 300,000 of 1,000,000 bytes" in str(cut.value)
    assert "300,000 of 1,000,000 bytes are here, and another try goes on from there" in str(cut.value)
    assert not place.exists()
    get(server, place)
    assert place.read_bytes() == CONTENT
    assert server.starts == [0, 300_000, 300_000]


def test_whoever_stops_it_keeps_what_has_come(server: Server, place: Path) -> None:
    def stop(done: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([server.address], place, len(CONTENT), SHA256, stop)
    kept = place.with_name("file.gz.part").stat().st_size
    assert 0 < kept < len(CONTENT)
    get(server, place)
    assert server.starts == [0, kept]
    assert place.read_bytes() == CONTENT


def test_a_server_without_ranges_begins_anew(server: Server, place: Path) -> None:
    server.knows_ranges = False
    server.cuts = [300_000]
    get(server, place)
    assert place.read_bytes() == CONTENT
    assert server.starts == [0, 300_000]


@pytest.mark.parametrize("before", [b"", b"another file"], ids=["fresh", "with something else before it"])
def test_another_file_than_published_is_refused_and_deleted(server: Server, place: Path, before: bytes) -> None:
    part = place.with_name("file.gz.part")
    part.parent.mkdir()
    part.write_bytes(before)
    if not before:
        server.content = CONTENT[:-1] + b"?"
    with pytest.raises(DownloadFailed, match="gave another file than was published"):
        get(server, place)
    assert not place.exists()
    assert not part.exists()
    server.content = CONTENT
    get(server, place)
    assert place.read_bytes() == CONTENT


def test_a_wrong_whole_file_from_earlier_is_downloaded_again(server: Server, place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(bytes(len(CONTENT)))
    place.with_name("file.gz.part").write_bytes(bytes(len(CONTENT)))
    get(server, place)
    assert place.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, place: Path) -> None:
    place.parent.mkdir()
    place.with_name("file.gz.part").write_bytes(CONTENT + b"more")
    get(server, place)
    assert (place.read_bytes(), server.starts) == (CONTENT, [0])


def test_a_shorter_file_on_the_server_does_not_block_later_tries(server: Server, place: Path) -> None:
    place.parent.mkdir()
    place.with_name("file.gz.part").write_bytes(CONTENT[:600_000])
    server.content = CONTENT[:500_000]
    with pytest.raises(DownloadFailed):
        get(server, place)
    server.content = CONTENT
    get(server, place)
    assert place.read_bytes() == CONTENT


def test_the_next_address_is_tried(server: Server, place: Path) -> None:
    fetch(["http://127.0.0.1:9/file.gz", server.address], place, len(CONTENT), SHA256)
    assert place.read_bytes() == CONTENT


def test_offline_says_what_to_do(place: Path) -> None:
    with pytest.raises(DownloadFailed) as offline:
        fetch(["http://127.0.0.1:9/file.gz"], place, len(CONTENT), SHA256)
    assert str(offline.value) == (
        "file.gz cannot be downloaded:\n  http://127.0.0.1:9/file.gz cannot be reached (Connection refused)\n"
        "See whether this machine reaches 127.0.0.1:9, and try again. Without the internet, mnist-10k and "
        "fashion-mnist are built in"
    )


def test_an_answer_that_is_no_file_is_told(server: Server, place: Path) -> None:
    server.status = 404
    with pytest.raises(DownloadFailed, match="answers 404 Not Found"):
        get(server, place)
    assert not place.with_name("file.gz.part").exists()


def test_a_disk_that_fills_up_keeps_what_has_come(server: Server, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def small_disk(self: Path, mode: str = "r", **others: object) -> object:
        file = opened(self, mode, **others)  # type: ignore[call-overload]
        return Small(file) if self.suffix == ".part" and mode != "rb" else file

    class Small:
        def __init__(self, file: object) -> None:
            self.file = file

        def __enter__(self) -> Small:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def write(self, data: bytes) -> None:
            if self.file.tell() > 400_000:  # type: ignore[attr-defined]
                raise OSError(errno.ENOSPC, "No space left on device")
            self.file.write(data)  # type: ignore[attr-defined]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", small_disk)
        with pytest.raises(WorkspaceUnusable, match=r"No space left on device; free some space .*goes on from there"):
            get(server, place)
    get(server, place)
    assert place.read_bytes() == CONTENT
    assert server.starts[0] == 0
    assert server.starts[1] > 400_000


def test_too_little_space_is_told_beforehand(server: Server, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 400_000})())
    with pytest.raises(WorkspaceUnusable, match="0 MB are free and 1 MB needed; free some space"):
        get(server, place)
    assert server.starts == []


def test_two_processes_do_not_write_one_file(server: Server, place: Path) -> None:
    place.parent.mkdir()
    with FileLock(place.with_name("file.gz.lock")), pytest.raises(DownloadFailed, match="by another process"):
        get(server, place)
    assert server.starts == []
