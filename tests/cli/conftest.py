"""The command line, called in this process as the shell would call it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fittingroom.cli import main


class Outcome(NamedTuple):
    """What a command gave."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of output as JSON."""
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def fittingroom(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """``fittingroom("runs", "list")`` runs that command."""

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["fittingroom", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            status: object = 0
        except SystemExit as ended:
            status = ended.code or 0
        out, err = capsys.readouterr()
        assert isinstance(status, int)
        return Outcome(status, out, err)

    return call


@pytest.fixture
def spec_file(tmp_path: Path, photos: Path) -> Path:
    """A small spec on those photos."""
    file = tmp_path / "stripes.toml"
    file.write_text(
        f"""
format = 1
name = "three stripes"
[data]
source = "{photos}"
validation = 0.2
[[network]]
layer = "conv"
filters = 4
padding = "same"
activation = "relu"
[[network]]
layer = "max_pool"
[[network]]
layer = "flatten"
[[network]]
layer = "classify"
[train]
epochs = 6
batch_size = 16
optimizer = {{ name = "adam", learning_rate = 0.02 }}
""",
        encoding="utf-8",
    )
    return file
