"""A whole run as one file: exported from one workspace, imported into another, perhaps a stranger's.

The file is a zip archive of ``manifest.json`` and the run's files, all uncompressed. Nothing in it is trusted: what it
says is checked before it is read, no name in it is ever used as a path, nothing of it is executed, and a run is
imported whole or not at all. The format is told in docs/reference/archive.md.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from pydantic import ValidationError
from pydantic_core import from_json

from fittingroom.errors import InvalidInput, NotFound, WorkspaceError
from fittingroom.library.manifest import ArtifactEntry, Manifest, has_control_characters
from fittingroom.queue.stored import open_store
from fittingroom.spec.run import RunSpec, from_plain
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace, write_atomically

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 * 2**20
"""Bytes; 100,000 epochs need 30 million."""
BLOCK = 2**20
UTF8_NAME = 0x800
"""The one flag of an entry that says nothing of how its content is to be read."""
BROKEN = (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, OSError, struct.error)
"""What zipfile raises for archives that are none."""


class Refused(Exception):
    """Why an archive is not imported."""


def export_run(
    run: str = "last",
    path: str | os.PathLike[str] | None = None,
    *,
    workspace: str | os.PathLike[str] | Workspace | None = None,
    replace: bool = False,
) -> Path:
    """Write a run with all its files to one archive, ``./RUN.fittingroom.zip`` unless ``path`` is given; returns it.

    Raises InvalidInput for a run that is being trained or waits in the queue, and where the file is there already
    (unless ``replace``); WorkspaceError when a file of the run is missing or damaged.
    """
    place = workspace if isinstance(workspace, Workspace) else Workspace.find(workspace)
    with open_store(place) as store:
        details = store.run(run)
        manifest = _manifest_of(details, store)
    target = Path(path if path is not None else f"{details.id}.fittingroom.zip")
    if not target.absolute().parent.is_dir():
        raise InvalidInput(
            f'there is no folder "{target.parent}" to write {target.name} into; create it, or name another'
        )
    if target.is_dir():
        raise InvalidInput(f'"{target}" is a folder; give the name of a file in it')
    if target.exists() and not replace:
        raise InvalidInput(f'"{target}" is there already; give another name, or replace it with --force')
    write_atomically(target, partial(_write, manifest=manifest, details=details, workspace=place))
    return target


def import_run(path: str | os.PathLike[str], *, workspace: str | os.PathLike[str] | Workspace | None = None) -> str:
    """Read a run from an archive that ``export_run`` wrote, into a workspace; returns its new id there.

    Safe with archives from anyone. Raises InvalidInput, and changes nothing, for whatever is not exactly such an
    archive.
    """
    place = workspace if isinstance(workspace, Workspace) else Workspace.find(workspace)
    try:
        with _opened(Path(path)) as archive:
            manifest = _read_manifest(archive)
            _check_entries(archive, manifest)
            return _take_in(archive, manifest, _spec_of(manifest), place)
    except Refused as error:
        raise InvalidInput(f'"{path}" cannot be imported: {error}; ask for a new export of the run') from None


def _manifest_of(details: RunDetails, store: Store) -> Manifest:
    if details.state in {"running", "queued"}:
        is_so = "is being trained" if details.state == "running" else "waits in the queue"
        raise InvalidInput(f'run "{details.id}" {is_so}; stop it, or wait until it has ended, and export it then')
    try:
        data = store.data_set(details.fingerprint) if details.data is not None else None
        return Manifest.of(details, data, datetime.now(UTC))
    except ValidationError as error:
        raise InvalidInput(f'run "{details.id}" cannot be exported: {_first(error)}') from None


def _write(file: BinaryIO, *, manifest: Manifest, details: RunDetails, workspace: Workspace) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(MANIFEST), manifest.to_json())
        for entry in manifest.artifacts:
            _pack(archive, entry, workspace.root / details.artifacts[entry.kind].path)


def _pack(archive: zipfile.ZipFile, entry: ArtifactEntry, path: Path) -> None:
    info = zipfile.ZipInfo(entry.file_name)
    info.file_size = entry.bytes  # decides whether sizes are written in 32 or 64 bits
    try:
        with path.open("rb") as source, archive.open(info, "w") as target:
            digest = _copy(iter(partial(source.read, BLOCK), b""), target)
    except FileNotFoundError:
        raise WorkspaceError(f"{path} is missing, so the run cannot be exported; restore it") from None
    if digest != entry.sha256:
        raise WorkspaceError(f"{path} is not what the run wrote (its SHA-256 differs); restore it, then export again")


def _copy(blocks: Iterable[bytes], target: IO[bytes]) -> str:
    """Write all blocks; returns their SHA-256."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        target.write(block)
    return digest.hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    if not path.is_file():
        raise NotFound(f'there is no file "{path}"; give an archive that fittingroom runs export has written')
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise Refused(f"it cannot be read as a zip archive ({error})") from None
    with archive:
        if min((entry.header_offset for entry in archive.infolist()), default=0):
            raise Refused("something stands before its first file")
        yield archive


def _blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The content of a file in the archive, in blocks."""
    try:
        with archive.open(name) as source:
            while block := source.read(BLOCK):
                yield block
    except BROKEN as error:
        raise Refused(f"its {name} cannot be read ({error})") from None


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    found = [info for info in archive.infolist() if info.orig_filename == MANIFEST]
    if not found:
        raise Refused(f"it has no {MANIFEST}, so it is damaged, or no export of a run")
    if len(found) > 1:
        raise Refused(f"it holds {len(found)} files {MANIFEST}")
    if found[0].file_size > LARGEST_MANIFEST:
        raise Refused(f"its {MANIFEST} has {found[0].file_size:,} bytes, more than the {LARGEST_MANIFEST:,} allowed")
    _check_entry(found[0], found[0].file_size)
    try:
        return Manifest.model_validate_json(b"".join(_blocks(archive, MANIFEST)))
    except ValidationError as error:
        raise Refused(f"its {MANIFEST} is not valid: {_first(error)}") from None


def _check_entries(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Refuse an archive that holds anything else than its manifest says, before any of it is read."""
    sizes = {entry.file_name: entry.bytes for entry in manifest.artifacts}
    names = [info.orig_filename for info in archive.infolist() if info.orig_filename != MANIFEST]
    if unknown := sorted(set(names) - set(sizes)):
        raise Refused(f"it holds {unknown[0]!r}, which its {MANIFEST} does not name")
    if missing := sorted(set(sizes) - set(names)):
        raise Refused(f"it lacks {missing[0]}")
    if len(names) > len(sizes):
        raise Refused("it holds two files of one name")
    for info in archive.infolist():
        _check_entry(info, sizes.get(info.orig_filename, info.file_size))
    assert archive.filename is not None
    if sum(info.file_size for info in archive.infolist()) > os.path.getsize(archive.filename):
        raise Refused("its files overlap")


def _check_entry(info: zipfile.ZipInfo, size: int) -> None:
    """Refuse what is not a plain, uncompressed file of this size."""
    name = info.orig_filename
    if info.compress_type != zipfile.ZIP_STORED:
        raise Refused(f"{name} is compressed, which no export does")
    if info.flag_bits & ~UTF8_NAME:
        raise Refused(f"{name} is encrypted or packed in a way that no export does")
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG}:
        raise Refused(f"{name} is a link or something else that is no file")
    if not info.file_size == info.compress_size == size:
        raise Refused(f"{name} has {info.file_size:,} bytes, but its {MANIFEST} says {size:,}")


def _spec_of(manifest: Manifest) -> RunSpec:
    try:
        plain = from_json(manifest.spec, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(f"its spec is not valid JSON: {error}") from None
    if has_control_characters(plain):
        raise Refused("its spec holds control characters")
    return from_plain(plain, origin="the spec in the archive")


def _take_in(archive: zipfile.ZipFile, manifest: Manifest, spec: RunSpec, workspace: Workspace) -> str:
    """Files first, under a new id, then the run in one transaction; on any failure the files are removed."""
    from fittingroom.engine.foreign import check_file  # needs torch (2 s), which exporting does not

    with open_store(workspace) as store:
        run = store.reserve_id(manifest.name, reserved=[folder.name for folder in workspace.runs.glob("*")])
        folder = workspace.attempt(run, max(1, len(manifest.attempts)))
        try:
            for entry in manifest.artifacts:
                _unpack(archive, entry, folder / entry.file_name)
                check_file(entry.kind, folder / entry.file_name)
            relative = PurePosixPath(folder.relative_to(workspace.root).as_posix())
            store.insert_run(manifest.details(run, spec, relative), manifest.data_record())
        except BaseException:
            shutil.rmtree(workspace.runs / run, ignore_errors=True)
            raise
    return run


def _unpack(archive: zipfile.ZipFile, entry: ArtifactEntry, path: Path) -> None:
    def write(target: BinaryIO) -> None:
        digest = _copy(_blocks(archive, entry.file_name), target)
        if digest != entry.sha256:
            raise Refused(f"{entry.file_name} is damaged: its SHA-256 is not the one in its {MANIFEST}")

    write_atomically(path, write)


def _first(error: ValidationError) -> str:
    """The first of pydantic's complaints: where, and what."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(part if part.isprintable() else repr(part) for part in map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]
