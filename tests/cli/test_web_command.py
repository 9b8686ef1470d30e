"""The options of ``fittingroom web`` that are checked before anything is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fittingroom.cli.show import parse_bytes
from fittingroom.errors import InvalidInput
from fittingroom.web import serve


@pytest.mark.parametrize(
    ("text", "count"),
    [("2GB", 2_000_000_000), ("0", 0), ("1500", 1500), (" 1.5 mb", 1_500_000), ("3k", 3000), ("1TB", 10**12)],
)
def test_sizes_are_read_as_they_are_told(text: str, count: int) -> None:
    assert parse_bytes(text, "--upload-limit") == count


@pytest.mark.parametrize("text", ["lots", "", "-1GB", "1e9", "2 GiB", "1,5GB", "²"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="write a number and its unit, such as 500MB or 2GB"):
        parse_bytes(text, "--upload-limit")


def test_what_the_page_may_take_is_handed_on(
    fittingroom: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[dict[str, Any]] = []
    monkeypatch.setattr(serve, "serve", lambda workspace, **options: served.append(options))
    (tmp_path / "shared").mkdir()
    monkeypatch.chdir(tmp_path)
    assert fittingroom("web", "--data-root", "shared", "--upload-limit", "1MB").status == 0
    assert (served[0]["data_root"], served[0]["upload_limit"]) == (tmp_path / "shared", 1_000_000)
    refused = fittingroom("web", "--upload-limit", "lots")
    assert (refused.status, '--upload-limit is "lots"' in refused.err) == (2, True)
    assert fittingroom("web", "--data-root", "nowhere").status == 2
    assert len(served) == 1
