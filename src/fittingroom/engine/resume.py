"""What can be done with a stored run: go on with it, or make a new one from it.

resume      the same run, from its last checkpoint, to the very same weights
restart     a new run: the same spec from its beginning; or, for a time budget, exactly as it went (replay)
continue    a new run: more epochs from the last weights, optimizer and all, with a schedule of their own
fork        a new run: the best weights, other settings
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from fittingroom.engine.checkpoint import Checkpoint
from fittingroom.engine.plan import Wanted
from fittingroom.engine.prepare import PreparedRun, prepare_run, prepare_stage
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue.derive import continued, fork_lineage, forked, repeat_lineage
from fittingroom.queue.origin import check_origin, check_replay
from fittingroom.queue.stored import artifact_path, data_of, spec_of
from fittingroom.queue.together import KEY, THREADS
from fittingroom.spec.start import Which
from fittingroom.spec.train import Schedule
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

EXACT = {"restart", "replay", "continue"}
"""What gives the same weights as the run that it comes from, or as one run of both, where its plan can be kept."""


def prepare_resume(
    run: RunDetails, workspace: Workspace, *, threads: int | None = None, fewer: bool = False
) -> PreparedRun:
    """A stored run where its last checkpoint was written (or at its beginning, if none was), ready to go on.

    ``threads`` to train with where no earlier attempt has a plan, and nobody wished for others when it was queued;
    ``fewer`` where a trial finds that faster.
    Raises InvalidInput for a run that is finished or being trained, or whose data set has changed.
    """
    if run.state in {"finished", "running"}:
        fix = "train on with runs continue" if run.state == "finished" else "stop that one first"
        raise InvalidInput(f'run "{run.id}" is {run.state}, so there is nothing to resume; {fix}')
    data_of(run, workspace)
    check_origin(run)
    spec, plans = spec_of(run), _plans(run, workspace)
    wished = run.lineage.get(THREADS)
    threads = wished if isinstance(wished, int) else threads
    wanted = Wanted.keeping(plans[-1], threads) if plans else Wanted(threads, fewer=fewer, settled=KEY in run.lineage)
    if "last" in run.artifacts:
        checkpoint = Checkpoint.read(artifact_path(run, "last", workspace))
        prepared = prepare_stage(spec, workspace, checkpoint.stage, wanted, checkpoint.trained_on, run.fingerprint)
        checkpoint.restore(prepared.training)
    else:
        prepared = _anew(run, workspace, wanted)
        if run.lineage.get("kind") == "replay":
            with Store.open(workspace.database) as store:
                _follow(prepared, store.run(str(run.lineage["from"])), workspace)
    differs = [difference for plan in plans for difference in prepared.plan.differences(plan)]
    return replace(prepared, resumes=run, departures=tuple(dict.fromkeys(differs)), lineage=run.lineage)


def prepare_restart(run: RunDetails, workspace: Workspace, *, replay: bool = False) -> PreparedRun:
    """The same spec from its beginning, as a new run that remembers where it comes from.

    ``replay`` follows the trace of a run with a time budget, to the same weights; without it, the clock decides
    again. Raises InvalidInput when the data set has changed. The old run stays as it is.
    """
    data_of(run, workspace)
    check_origin(run, anew=True)
    if replay:
        check_replay(run)
    prepared = _like(run, _anew(run, workspace, Wanted.keeping(run.plan)))
    if replay:
        _follow(prepared, run, workspace)
    return replace(prepared, lineage=repeat_lineage(run, replay=replay))


def prepare_continue(
    run: RunDetails,
    workspace: Workspace,
    *,
    epochs: int,
    schedule: Schedule | None = None,
    overrides: Sequence[str] = (),
) -> PreparedRun:
    """``epochs`` more from where the run's last step left it, as a new run: weights, optimizer and draws go on.

    The schedule is laid over the new epochs; one that was begun is finished first. It may be left out only where the
    learning rate was constant: then the two runs are one, to the last bit. Raises InvalidInput where it is needed, and
    for a run that is being trained.
    """
    following = continued(run, epochs=epochs, schedule=schedule, overrides=overrides)
    return _like(run, prepare_run(following, workspace, Wanted.keeping(run.plan)))


def prepare_fork(
    run: RunDetails, workspace: Workspace, *, overrides: Sequence[str] = (), weights: Which = "best"
) -> PreparedRun:
    """A new run that begins with the run's weights and has other settings; see ``spec.start`` for what is taken over.

    Raises InvalidSpec with every reason why the weights do not fit, or would be judged on images that they know.
    """
    spec = forked(run, overrides=overrides, weights=weights)
    prepared = prepare_run(spec, workspace, Wanted.keeping(run.plan))
    return replace(prepared, lineage=fork_lineage(prepared.lineage, overrides))


def _plans(run: RunDetails, workspace: Workspace) -> list[Mapping[str, Any]]:
    """Every plan that a run has to keep to: those of its attempts, or of the run that it repeats or continues."""
    if run.attempts or run.lineage.get("kind") not in EXACT:
        return [attempt.plan for attempt in run.attempts if attempt.plan]
    with suppress(NotFound), Store.open(workspace.database) as store:
        plan = store.run(str(run.lineage["from"])).plan
        return [plan] if plan else []
    return []


def _like(run: RunDetails, prepared: PreparedRun) -> PreparedRun:
    """With what of the run's plan could not be kept."""
    return replace(prepared, departures=tuple(prepared.plan.differences(run.plan)) if run.plan else ())


def _anew(run: RunDetails, workspace: Workspace, wanted: Wanted) -> PreparedRun:
    """The run at its beginning, with the very weights that it began with; raises where these are gone."""
    start = spec_of(run).start
    if start is None:
        return prepare_run(spec_of(run), workspace, wanted, run.fingerprint)
    fork = f"go on from its own weights with: fittingroom runs fork {run.id}"
    try:
        prepared = prepare_run(spec_of(run), workspace, wanted, run.fingerprint)
    except NotFound as error:
        raise NotFound(f'run "{run.id}" began with the weights of "{start.source}": {error}; or {fork}') from None
    then, now = run.lineage.get("sha256"), prepared.lineage.get("sha256")
    if then and now != then:
        raise InvalidInput(
            f'the weights of "{start.source}" have changed since run "{run.id}" was made from them; make it again, '
            f"or {fork}"
        )
    return prepared


def _follow(prepared: PreparedRun, run: RunDetails, workspace: Workspace) -> None:
    """Let a time budget follow the trace of another run."""
    trace = Checkpoint.read(artifact_path(run, "last", workspace)).trace
    assert prepared.training.budget is not None
    prepared.training.budget.follow = trace
