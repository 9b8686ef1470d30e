"""Mutated and random files, in every form: an import may refuse them or take them, and does nothing else.

A small budget here; ``FITTINGROOM_FUZZ=20000`` in the environment gives each form so many examples.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from fittingroom.data.sources import import_data, load, preview_data
from fittingroom.errors import FittingRoomError
from fittingroom.workspace import Workspace
from tests.data.written import FORMS

EXAMPLES = int(os.environ.get("FITTINGROOM_FUZZ", "12"))
Mutation = tuple[int, float, int, bytes]
"""Which file, where in it, how many bytes are taken away, and what is put there."""
MUTATIONS = st.lists(
    st.tuples(st.integers(0, 99), st.floats(0, 1), st.sampled_from([0, 1, 1, 2, 4, 30, 1000]), st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)


def mutate(folder: Path, mutations: list[Mutation]) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    for which, where, length, put in mutations:
        file = files[which % len(files)]
        content = file.read_bytes()
        at = int(where * len(content))
        file.write_bytes(content[:at] + put + content[at + length :])


def state(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def survives(path: Path, root: Path) -> None:
    """Whatever happens to what is at ``path``, nothing is wrong afterwards."""
    workspace = Workspace(root / "workspace")
    before = state(root)
    with suppress(FittingRoomError):
        preview_data(path, "fuzzed")[1].exemplars()
    assert state(root) == before, "looking writes nothing"
    with suppress(FittingRoomError):
        data = import_data(path, workspace, "fuzzed")
        assert len(data) == len(data.images) == len(data.labels)
        assert load("fuzzed", workspace).fingerprint == data.fingerprint
        shutil.rmtree(workspace.data / "fuzzed")
    assert not workspace.data.exists() or list(workspace.data.iterdir()) == []
    shutil.rmtree(workspace.root, ignore_errors=True)
    assert state(root) == before, "nothing but the workspace is written"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", FORMS)
def test_mutated_files_are_refused_or_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    path = FORMS[name].write(tmp_path / "sound")

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(MUTATIONS)
    def fuzz(mutations: list[Mutation]) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            root = Path(folder)
            shutil.copytree(tmp_path / "sound", root / "source")
            mutate(root / "source", mutations)
            survives(root / "source" / path.relative_to(tmp_path / "sound"), root)

    fuzz()


ENDINGS = [".npz", ".zip", ".tar", ".tgz", ".csv", ".csv.gz", ".json", ".jsonl", "-idx3-ubyte", "-idx3-ubyte.gz"]
BEGINNINGS = [
    b"",
    b"\x93NUMPY",
    b"PK\3\4",
    b"PK\5\6",
    b"\x1f\x8b\x08",
    b"\xfd7zXZ\0",
    b"BZh9",
    b"\0\0\x08\x03",
    b"label,1x1\n",
    b"[{",
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_random_bytes_are_refused_or_taken(ending: str, tmp_path: Path) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        st.sampled_from(BEGINNINGS),
        st.binary(max_size=600) | st.text(alphabet='0123456789,;.\n"-eE[]{}:ab', max_size=200).map(str.encode),
    )
    def fuzz(beginning: bytes, content: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            root = Path(folder)
            (root / "source").mkdir()
            for name in ("images", "labels"):
                (root / "source" / f"{name}{ending.replace('3', '1') if name == 'labels' else ending}").write_bytes(
                    beginning + content
                )
            survives(root / "source" / f"images{ending}", root)

    fuzz()
