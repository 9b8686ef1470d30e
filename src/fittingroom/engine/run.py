"""One prepared run from end to end: training, stage after stage → evaluation → store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from fittingroom.engine.attendance import attendance
from fittingroom.engine.cores import core_slots
from fittingroom.engine.loop import Stop, train
from fittingroom.engine.plan import Wanted
from fittingroom.engine.prepare import PreparedRun, next_stage, prepare_run, replan
from fittingroom.engine.record import Recorder, phase_kind
from fittingroom.engine.steps import finish
from fittingroom.engine.transfer import Weights
from fittingroom.queue.stored import artifact_path
from fittingroom.queue.submit import create_run
from fittingroom.spec.events import Event
from fittingroom.spec.run import RunSpec
from fittingroom.store import Store
from fittingroom.workspace import Workspace

Listener = Callable[[str, Event], None]
"""Hears every event of a run: its id, and what happened."""


def execute(
    run: PreparedRun,
    listen: Listener = lambda *_: None,
    stop: Stop = lambda: None,
    *,
    by_worker: bool = False,
    waiting: Callable[[int], None] = lambda free: None,
) -> str:
    """Train a prepared run and store everything about it; returns its id.

    ``stop`` is asked after every step, and so is the store, where other processes leave their requests. The cores
    that the plan needs are taken first; ``waiting`` is told how many are free while that takes time. Whatever
    happens, the store says how the run ended, and the best weights so far are kept. Raises TrainingDiverged (after
    the run is stored as failed), and KeyboardInterrupt when it was stopped before it could begin.
    """
    run.workspace.create()
    with core_slots(run.plan.threads, waiting, stop, device=run.plan.device) as taken:
        if not taken:
            raise KeyboardInterrupt
        with Store.open(run.workspace.database) as store:
            name, attempt = _begin(run, store, by_worker)
            recorder = Recorder(run, store, name, attempt, by_worker=by_worker)
            with recorder.ending(), attendance(store, name, attempt) as asked:
                while True:
                    for event in train(run.training, lambda: stop() or asked()):
                        recorder.hear(event)
                        listen(name, event)
                    if recorder.ended:
                        return name
                    run = recorder.run = next_stage(run, _left_by_phase(run, store, name))


@contextmanager
def prepared_with_cores(
    spec: RunSpec, workspace: Workspace, threads: int | None, waiting: Callable[[int], None]
) -> Iterator[PreparedRun]:
    """A run to be executed, with the cores that it needs held: its plan is tried when nobody else is disturbed.

    Faults of the spec are raised before anybody waits for cores, as ``prepare_run`` does. ``waiting`` is told how many
    cores are free if there is anything to wait for.
    """
    wanted = Wanted(threads, fewer=threads is None)
    run = prepare_run(spec, workspace, replace(wanted, trial=False))
    with core_slots(run.plan.threads, waiting, device=run.plan.device):
        yield finish(replan(run, wanted))


def _begin(run: PreparedRun, store: Store, by_worker: bool) -> tuple[str, int]:
    """The run's id and the number of this attempt at it, both stored."""
    resumed = run.resumes
    name = resumed.id if resumed else create_run(store, run.spec, run.stages, run.workspace, run.lineage)
    plan, after = run.plan.to_json(), run.training.epoch
    return name, store.begin_attempt(name, plan, after_epoch=after, seen=run.resumes, by_worker=by_worker)


def _left_by_phase(run: PreparedRun, store: Store, name: str) -> Weights:
    """The best weights of the phase that has just ended."""
    path = artifact_path(store.run(name), phase_kind(run.number), run.workspace)
    return Weights.read(path, f'phase "{run.stage.phase}"')
