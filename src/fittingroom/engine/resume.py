"""What can be done with a stored run: go on where its last checkpoint was written, or start it over as a new one."""

from __future__ import annotations

from dataclasses import replace

from fittingroom.engine.checkpoint import restore
from fittingroom.engine.run import PreparedRun, prepare_run
from fittingroom.engine.stored import artifact_path, data_of, spec_of
from fittingroom.errors import InvalidInput
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace


def prepare_resume(run: RunDetails, workspace: Workspace) -> PreparedRun:
    """A stored run where its last checkpoint was written (or at its beginning, if none was), ready to go on.

    Raises InvalidInput for a run that is finished or being trained, or whose data set has changed.
    """
    if run.state in {"finished", "running"}:
        fix = "look at it with runs show" if run.state == "finished" else "stop that one first"
        raise InvalidInput(f'run "{run.id}" is {run.state}, so there is nothing to resume; {fix}')
    prepared = _prepare_again(run, workspace)
    if "last" in run.artifacts:
        restore(prepared.training, artifact_path(run, "last", workspace))
    departures = tuple(prepared.plan.differences(run.plan)) if run.plan else ()
    return replace(prepared, resumes=run.id, departures=departures)


def prepare_restart(run: RunDetails, workspace: Workspace) -> PreparedRun:
    """The same spec from its beginning, as a new run that remembers where it comes from.

    Raises InvalidInput when the data set has changed. The old run stays as it is.
    """
    return replace(_prepare_again(run, workspace), lineage={"kind": "restart", "from": run.id})


def _prepare_again(run: RunDetails, workspace: Workspace) -> PreparedRun:
    """The run as it was at its beginning, on the same content of data and with the threads of its plan."""
    data_of(run, workspace)
    return prepare_run(spec_of(run), workspace, threads=(run.plan or {}).get("threads"))
