"""Reports of checks in the cache, by content: a check that was made is not made again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from fittingroom.data.check.checking import default_split
from fittingroom.data.check.finding import Report
from fittingroom.data.check.parts import Parts
from fittingroom.data.dataset import Dataset
from fittingroom.errors import WorkspaceUnusable
from fittingroom.workspace import cache_folder, write_atomically

FOLDER = "checks"
EDITION = 1
"""Of the checks; counted up when they find something else, so that earlier reports are forgotten."""


def kept_report(data: Dataset, *, labels: bool) -> Report | None:
    """The report of an earlier check of the same images in the same parts; ``labels``: with the check of labels."""
    try:
        plain = json.loads(_file(data, labels=labels).read_bytes())
        return Report.from_json({**plain, "name": data.name})
    except (OSError, ValueError, KeyError, TypeError):  # never made, or not what was once written
        return None


def keep_report(data: Dataset, report: Report, *, labels: bool) -> None:
    """Keep a report; a cache that cannot be written is no reason to fail."""
    text = json.dumps(report.to_json(), allow_nan=False).encode()
    try:
        write_atomically(_file(data, labels=labels), lambda file: file.write(text))
    except WorkspaceUnusable:
        return


def kept_since() -> int:
    """A number that is another one whenever a report has been kept since, by whatever process."""
    try:
        return (cache_folder() / FOLDER).stat().st_mtime_ns
    except OSError:  # none has been kept
        return 0


def _file(data: Dataset, *, labels: bool) -> Path:
    """By the fingerprint and the part of every image: what is left out of all parts is another check."""
    digest = hashlib.blake2b(data.fingerprint.encode(), digest_size=16)
    digest.update(Parts.of(data, default_split(data)).part.tobytes())
    what = "labels" if labels else "images"
    return cache_folder() / FOLDER / f"{digest.hexdigest()}-{what}-{EDITION}.json"
