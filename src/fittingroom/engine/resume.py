"""What can be done with a stored run: go on with it, or make a new one from it.

resume      the same run, from its last checkpoint, to the very same weights
restart     a new run: the same spec from its beginning; or, for a time budget, exactly as it went (replay)
continue    a new run: more epochs from the last weights, optimizer and all, with a schedule of their own
fork        a new run: the best weights, other settings
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fittingroom.engine.checkpoint import Checkpoint
from fittingroom.engine.prepare import PreparedRun, prepare_run, prepare_stage
from fittingroom.engine.stored import artifact_path, data_of
from fittingroom.errors import InvalidInput
from fittingroom.queue.derive import continued, forked, spec_of
from fittingroom.spec.start import Which
from fittingroom.spec.train import Schedule
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace


def prepare_resume(run: RunDetails, workspace: Workspace, *, threads: int | None = None) -> PreparedRun:
    """A stored run where its last checkpoint was written (or at its beginning, if none was), ready to go on.

    ``threads`` to train with where no earlier attempt has a plan. Raises InvalidInput for a run that is finished or
    being trained, or whose data set has changed.
    """
    if run.state in {"finished", "running"}:
        fix = "train on with runs continue" if run.state == "finished" else "stop that one first"
        raise InvalidInput(f'run "{run.id}" is {run.state}, so there is nothing to resume; {fix}')
    data_of(run, workspace)
    _check_origin(run)
    spec, plan = spec_of(run), run.plan or {}
    threads = plan.get("threads", threads)
    if "last" in run.artifacts:
        checkpoint = Checkpoint.read(artifact_path(run, "last", workspace))
        prepared = prepare_stage(spec, workspace, checkpoint.stage, threads, checkpoint.trained_on)
        checkpoint.restore(prepared.training)
    else:
        prepared = prepare_run(spec, workspace, threads)
    _follow(prepared, run, workspace)
    departures = tuple(prepared.plan.differences(plan)) if plan else ()
    return replace(prepared, resumes=run, departures=departures, lineage=run.lineage)


def prepare_restart(run: RunDetails, workspace: Workspace, *, replay: bool = False) -> PreparedRun:
    """The same spec from its beginning, as a new run that remembers where it comes from.

    ``replay`` follows the trace of a run with a time budget, to the same weights; without it, the clock decides
    again. Raises InvalidInput when the data set has changed. The old run stays as it is.
    """
    data_of(run, workspace)
    _check_origin(run, anew=True)
    prepared = prepare_run(spec_of(run), workspace, (run.plan or {}).get("threads"))
    kind = "replay" if replay else "restart"
    prepared = replace(prepared, lineage={"kind": kind, "from": run.id})
    if replay:
        _follow_trace(prepared, run, workspace)
    return prepared


def prepare_continue(
    run: RunDetails,
    workspace: Workspace,
    *,
    epochs: int,
    schedule: Schedule | None = None,
    overrides: Sequence[str] = (),
) -> PreparedRun:
    """``epochs`` more from where the run's last step left it, as a new run: weights, optimizer and draws go on.

    The schedule is laid over the new epochs. It may be left out only where the learning rate was constant: then the
    two runs are one, to the last bit. Raises InvalidInput where it is needed, and for a run that is being trained.
    """
    following = continued(run, epochs=epochs, schedule=schedule, overrides=overrides)
    return prepare_run(following, workspace, (run.plan or {}).get("threads"))


def prepare_fork(
    run: RunDetails, workspace: Workspace, *, overrides: Sequence[str] = (), weights: Which = "best"
) -> PreparedRun:
    """A new run that begins with the run's weights and has other settings; see ``spec.start`` for what is taken over.

    Raises InvalidSpec with every reason why the weights do not fit, or would be judged on images that they know.
    """
    spec = forked(run, overrides=overrides, weights=weights)
    prepared = prepare_run(spec, workspace, (run.plan or {}).get("threads"))
    if prepared.lineage["kind"] != "transfer":  # --set start.… has said otherwise
        return prepared
    return replace(prepared, lineage={**prepared.lineage, "kind": "fork", "set": list(overrides)})


def _check_origin(run: RunDetails, *, anew: bool = False) -> None:
    """Refuse an imported run that would need other runs of the workspace that it comes from."""
    if run.lineage.get("kind") != "import":
        return
    before, start = run.lineage.get("lineage"), spec_of(run).start
    replays = isinstance(before, dict) and before.get("kind") == "replay"
    begins = start is not None and not start.source.endswith(".safetensors") and (anew or "last" not in run.artifacts)
    if replays or begins:
        raise InvalidInput(
            f'run "{run.id}" comes from another workspace, and needs the run that it '
            f"{'replays' if replays else 'began with'} there; go on from its weights with: fittingroom runs fork"
        )


def _follow(prepared: PreparedRun, run: RunDetails, workspace: Workspace) -> None:
    """Let a run that replays another go on doing so."""
    if run.lineage.get("kind") == "replay":
        with Store.open(workspace.database) as store:
            _follow_trace(prepared, store.run(str(run.lineage["from"])), workspace)


def _follow_trace(prepared: PreparedRun, run: RunDetails, workspace: Workspace) -> None:
    budget = prepared.training.budget
    trace = Checkpoint.read(artifact_path(run, "last", workspace)).trace
    if budget is None or trace is None or prepared.spec.phases:
        raise InvalidInput(
            f'run "{run.id}" has no time budget (or has phases), so there is no trace to replay; '
            "a plain restart gives the same weights"
        )
    budget.follow = trace
