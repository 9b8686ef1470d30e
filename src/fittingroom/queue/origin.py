"""Where a run begins that does not begin from nothing: finds what ``[start]`` names, without reading the weights."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue.stored import artifact_path, spec_of
from fittingroom.spec.start import Start
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

SUFFIX = ".safetensors"


@dataclass(frozen=True, eq=False)
class Origin:
    """What ``[start]`` names, found: the file of the weights, and what is remembered of it."""

    start: Start
    """With the run's id in place of ``last``, and the file's path made absolute."""
    path: Path
    lineage: dict[str, Any]
    """With the SHA-256 of the file, so that nobody trains with other weights later unseen."""
    run: RunDetails | None = None


def locate(start: Start, workspace: Workspace) -> Origin:
    """Find the weights of a run, or a file; raises NotFound, InvalidInput or WorkspaceError."""
    if start.source.endswith(SUFFIX):
        return _file(start)
    if not workspace.database.exists():
        raise NotFound(f'there is no run "{start.source}" to start from, nor any other yet; train one first')
    with Store.open(workspace.database) as store:
        run = store.run(start.source)
    if run.state in {"queued", "running"} or run.queued is not None:
        state = "still being trained" if run.state == "running" else "still in the queue"
        raise InvalidInput(f'run "{run.id}" is {state}, so its weights change; pause or stop it first')
    return _run(replace(start, source=run.id), run, workspace)


def _file(start: Start) -> Origin:
    path = Path(os.path.expanduser(start.source)).absolute()
    if not path.is_file():
        raise NotFound(f'there is no file "{start.source}" to start from; give a run, or a {SUFFIX} file')
    if start.go_on or start.weights != "best":
        setting = "go_on" if start.go_on else "weights"
        raise InvalidInput(f"start.{setting} needs a run, and {path} is a file, which holds weights only; leave it out")
    lineage = {"kind": "transfer", "from": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return Origin(replace(start, source=str(path)), path, lineage)


def _run(start: Start, run: RunDetails, workspace: Workspace) -> Origin:
    if start.go_on and start.weights != "last":
        raise InvalidInput(f'start.go_on needs start.weights = "last", not {start.weights!r}; add it')
    kind = start.weights if isinstance(start.weights, str) else f"checkpoint-{start.weights}"
    if isinstance(start.weights, int) and kind not in run.artifacts:
        kept = sorted(int(each.rpartition("-")[2]) for each in run.artifacts if each.startswith("checkpoint-"))
        have = f"it has those of epochs {', '.join(map(str, kept))}" if kept else "it was not told to keep any"
        raise InvalidInput(
            f'run "{run.id}" has no checkpoint of epoch {start.weights}: {have}; '
            'use "best" or "last", or set train.keep_checkpoints before training'
        )
    path = artifact_path(run, kind, workspace)
    artifact = run.artifacts[kind]
    lineage = {
        "kind": "continue" if start.go_on else "transfer", "from": run.id, "weights": start.weights,
        "epoch": artifact.epoch, "sha256": artifact.sha256,
    }  # fmt: skip
    return Origin(start, path, lineage, run)


def check_origin(run: RunDetails, *, anew: bool = False) -> None:
    """Refuse an imported run that would need other runs of the workspace that it comes from."""
    if run.lineage.get("kind") != "import":
        return
    before, start = run.lineage.get("lineage"), spec_of(run).start
    replays = isinstance(before, dict) and before.get("kind") == "replay" and "last" not in run.artifacts
    begins = start is not None and not start.source.endswith(SUFFIX) and (anew or "last" not in run.artifacts)
    if replays or begins:
        raise InvalidInput(
            f'run "{run.id}" comes from another workspace, and needs the run that it '
            f"{'replays' if replays else 'began with'} there; go on from its weights with: fittingroom runs fork"
        )


def check_replay(run: RunDetails) -> None:
    """Refuse to replay what has left no whole trace."""
    spec = spec_of(run)
    if spec.train.budget is None or spec.phases:
        raise InvalidInput(
            f'run "{run.id}" has no time budget (or has phases), so there is no trace to replay; '
            "a plain restart gives the same weights"
        )
    if run.state != "finished":
        raise InvalidInput(f'run "{run.id}" is {run.state}, so its trace is not whole; resume it first')
