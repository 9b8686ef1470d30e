"""``Store``: everything that is remembered, in one object, for one workspace.

Whoever trains says which attempt it is, and is refused (``StaleAttempt``) once a newer one has begun: a process
that was given up for dead can change nothing that counts. Whoever reads needs no attempt.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from types import TracebackType

from sqlalchemy import Connection, delete, func, insert, select, update

from fittingroom.data.fingerprints import content_of
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import rows, schema
from fittingroom.store.comparisons import Comparisons
from fittingroom.store.database import Database, insert_if_new, upsert
from fittingroom.store.labels import Labels
from fittingroom.store.names import new_id, slug_of
from fittingroom.store.owners import Owner
from fittingroom.store.queue import Queue
from fittingroom.store.records import (
    LEFT,
    Artifact,
    DataRecord,
    DiskUse,
    EndState,
    NewRun,
    Opening,
    ProgressRow,
    Request,
    RunDetails,
    RunSummary,
    Score,
    TakenUp,
    now,
)
from fittingroom.store.studies import Studies
from fittingroom.store.trash import Trash
from fittingroom.store.whole import data_row, insert_new, insert_whole, to_json


class Store:
    """The memory of a workspace. Safe to use from several threads and, by a fork or an ``open`` each, processes.

    Every method is one transaction: it is done, on the disk, when it returns, or has changed nothing. All raise
    WorkspaceError when the database cannot be used, and NotFound for runs that are not there.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.queue = Queue(database)
        self.comparisons = Comparisons(database)
        self.studies = Studies(database)
        self.trash = Trash(database)
        self.labels = Labels(database)

    @classmethod
    def open(cls, place: str | os.PathLike[str]) -> Store:
        """Open the database at a path or URL; file and tables are made when missing, older tables brought up."""
        return cls(Database.open(place))

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- what a training says --------------------------------------------------------------------------------------

    def create_run(
        self,
        *,
        name: str,
        spec: str,
        spec_id: str,
        fingerprint: str,
        parameters: int,
        lineage: Mapping[str, object] | None = None,
        reserved: Collection[str] = (),
        queued: bool = False,
    ) -> str:
        """Remember a new run; returns its id, such as ``starter-1``, which no other run has or will ever have.

        ``spec`` is JSON text and kept to the letter, ``spec_id`` its content id, ``fingerprint`` the data set's,
        ``reserved`` are ids that are not to be given, because files of theirs are there.
        It is put into the queue if ``queued``, else reads as interrupted until an attempt at it begins.
        """
        slug = slug_of(name)
        with self._database.writing(slug) as connection:
            run = new_id(connection, slug, reserved)
            new = NewRun(name, spec, spec_id, fingerprint, parameters)
            insert_new(connection, run, new, queued=queued, lineage=lineage or {"kind": "new"})
        return run

    def begin_attempt(
        self,
        run: str,
        plan: Mapping[str, object],
        *,
        after_epoch: int = 0,
        seen: RunSummary | None = None,
        by_worker: bool = False,
    ) -> int:
        """This process now works on the run, by this plan; returns the attempt's number, counted from 1.

        Epochs later than ``after_epoch``, where it takes the run up, are forgotten: they will be trained again.
        ``seen`` is the run as whoever takes it up has read it; an attempt that this very process has begun, seen so,
        goes on by the new plan. A run that anyone but a worker takes up leaves the queue. Raises TakenUp while
        another living process of this host works on it, and where it is no longer as it was seen.
        """
        attempts = schema.attempts
        with self._database.writing(run) as connection:
            newest = rows.newest_attempt(connection, run)
            other = rows.owner_of(connection, run)
            ours = other is not None and other.is_this_process()
            this_run = select(schema.runs.c.state).where(schema.runs.c.id == run)
            state = connection.scalar(this_run.with_for_update())  # who changes many runs asks for none of their keys
            if state == "running" and other is not None and not ours and other.alive():
                raise TakenUp(f'run "{run}" is being trained by process {other.pid}; stop that one first')
            if seen and (newest, state) != (seen.attempt, rows.stored_state(seen.state)):
                raise TakenUp(f'run "{run}" has just been taken up or changed by another process; look again')
            going_on: dict[str, object] = {"state": "running", "message": None, "epochs_done": after_epoch}
            if seen and state == "running" and ours:
                number = newest  # what has been asked of it meanwhile stands
                this = attempts.c.run == run, attempts.c.number == number
                connection.execute(update(attempts).where(*this).values(plan=to_json(plan)))
            else:
                number = newest + 1
                going_on |= {"attempt": number, "request": None}
                row = {
                    "run": run,
                    "number": number,
                    **rows.owner_columns(Owner.this_process()),
                    "started": now(),
                    "plan": to_json(plan),
                }
                connection.execute(insert(attempts).values(row))
            later = schema.epochs.c.run == run, schema.epochs.c.epoch > after_epoch
            connection.execute(delete(schema.epochs).where(*later))
            _set_run(connection, run, going_on | ({} if by_worker else {"queued": None}))
        return number

    def record_epoch(
        self,
        run: str,
        attempt: int,
        metrics: EpochMetrics,
        *,
        best: bool = False,
        artifacts: Sequence[Artifact] = (),
        dropped: Sequence[str] = (),
    ) -> None:
        """Remember an epoch's figures; an epoch that is trained again replaces what it gave before.

        ``best`` says that its weights are the best so far: lists then show its scores, whatever happens later.
        ``artifacts`` are adopted in the same transaction, so that figures and files never tell of different epochs;
        the kinds in ``dropped`` are not kept any longer.
        """
        epochs = schema.epochs
        with self._writing_as(run, attempt) as connection:
            upsert(connection, epochs, {"run": run, "attempt": attempt, **asdict(metrics)})
            seconds = select(func.sum(epochs.c.seconds)).where(epochs.c.run == run).scalar_subquery()
            values: dict[str, object] = {"epochs_done": metrics.epoch, "train_seconds": seconds}
            if best:
                values["best_epoch"] = metrics.epoch
                values["validation_accuracy"] = metrics.validation_accuracy
                values["validation_loss"] = metrics.validation_loss
            _set_run(connection, run, values)
            _adopt(connection, run, attempt, artifacts)
            files = schema.artifacts
            connection.execute(delete(files).where(files.c.run == run, files.c.kind.in_(dropped)))

    def record_progress(self, run: str, attempt: int, row: ProgressRow) -> None:
        """Remember where the run stands; at most five times a second is enough for everyone who watches."""
        with self._writing_as(run, attempt) as connection:
            connection.execute(insert(schema.progress).values(run=run, attempt=attempt, **asdict(row)))

    def adopt(self, run: str, attempt: int, artifact: Artifact) -> None:
        """From now on this file, already whole and on the disk, is the run's one of its kind."""
        with self._writing_as(run, attempt) as connection:
            _adopt(connection, run, attempt, [artifact])

    def end(
        self,
        run: str,
        attempt: int,
        state: EndState,
        *,
        message: str | None = None,
        best_epoch: int | None = None,
        validation_accuracy: float | None = None,
        validation_loss: float | None = None,
        train_seconds: float | None = None,
    ) -> None:
        """The attempt is over and says how; its progress is forgotten. ``queued`` leaves the run to any worker,
        unless somebody has asked meanwhile that it stops or pauses.

        Figures that are left out stay what the epochs have made them. ``train_seconds`` is the whole run's.
        """
        figures = {
            "best_epoch": best_epoch,
            "validation_accuracy": validation_accuracy,
            "validation_loss": validation_loss,
            "train_seconds": train_seconds,
        }
        given = {name: value for name, value in figures.items() if value is not None}
        runs, attempts, progress = schema.runs, schema.attempts, schema.progress
        with self._writing_as(run, attempt) as connection:
            if state == "queued":
                asked: Request | None = connection.scalar(select(runs.c.request).where(runs.c.id == run))
                state = LEFT[asked] if asked else state
            queued = func.coalesce(runs.c.queued, now()) if state == "queued" else None
            ending: dict[str, object] = {"state": state, "message": message, "request": None, "queued": queued}
            _set_run(connection, run, ending | given)
            ended = update(attempts).where(attempts.c.run == run, attempts.c.number == attempt).values(ended=now())
            connection.execute(ended)
            connection.execute(delete(progress).where(progress.c.run == run))

    # -- runs ------------------------------------------------------------------------------------------------------

    def run(self, run: str) -> RunDetails:
        """Everything about a run, by its id; ``last`` is the newest."""
        with self._database.reading() as connection:
            return rows.details(connection, run)

    def runs(self, limit: int | None = None) -> list[RunSummary]:
        """All runs, or the newest few, newest first."""
        with self._database.reading() as connection:
            return rows.summaries(connection, limit=limit)

    def specs(self) -> dict[str, str]:
        """The spec of every run as the JSON text that was given, by the run's id."""
        with self._database.reading() as connection:
            return rows.specs(connection)

    def disk_use(self) -> DiskUse:
        """What the artifacts of all runs take, and what those of deleted runs still hold."""
        with self._database.reading() as connection:
            return rows.disk_use(connection)

    def progress(self, run: str, *, after: int = 0) -> list[ProgressRow]:
        """What a running run has reported since a step, in order."""
        with self._database.reading() as connection:
            return rows.progress(connection, run, after)

    def attempts_of_epochs(self, run: str) -> dict[int, int]:
        """Which attempt has trained each epoch of a run."""
        epochs = schema.epochs
        query = select(epochs.c.epoch, epochs.c.attempt).where(epochs.c.run == run).order_by(epochs.c.epoch)
        with self._database.reading() as connection:
            return {row.epoch: row.attempt for row in connection.execute(query)}

    def reserve_id(self, name: str, reserved: Collection[str] = ()) -> str:
        """An id for a run that will be inserted; no other gets it, whatever becomes of that. See ``create_run``."""
        slug = slug_of(name)
        with self._database.writing(slug) as connection:
            return new_id(connection, slug, reserved)

    def insert_run(self, run: RunDetails, data: DataRecord | None = None) -> None:
        """Remember a run that has been trained elsewhere, all of it or nothing, under an id from ``reserve_id``.

        ``data`` is remembered with it, unless that data set is known here already: then it keeps its name.
        """
        with self._database.writing(run.id) as connection:
            insert_whole(connection, run)
            if data is not None:
                insert_if_new(connection, schema.data_sets, data_row(data))

    # -- data sets and their sealed tests --------------------------------------------------------------------------

    def remember_data(self, data: DataRecord) -> None:
        """Remember what runs are trained on; the same content under a new name takes that name."""
        with self._database.writing(data.fingerprint) as connection:
            upsert(connection, schema.data_sets, data_row(data))

    def data_set(self, fingerprint: str) -> DataRecord:
        """What was remembered of a data set; raises NotFound."""
        with self._database.reading() as connection:
            return rows.data_set(connection, fingerprint)

    def open_test(self, fingerprint: str, scores: Sequence[Score]) -> int:
        """Write one opening of a test set into the ledger; only when this has returned may anyone see its scores.

        Returns how often this data set's test has been opened, this time included, whatever images were excluded.
        """
        fingerprint = content_of(fingerprint)
        with self._database.writing(fingerprint) as connection:
            number = _openings(connection, fingerprint) + 1
            opening = {"fingerprint": fingerprint, "number": number, "time": now()}
            connection.execute(insert(schema.test_openings), [{**opening, **asdict(score)} for score in scores])
        return number

    def openings(self, fingerprint: str) -> int:
        """How often the test of a data set has been opened, by whatever run, and whatever images were excluded."""
        with self._database.reading() as connection:
            return _openings(connection, content_of(fingerprint))

    def test_results(self, run: str) -> list[Opening]:
        """The test scores of a run that have been looked at, oldest first, also when the run is deleted."""
        with self._database.reading() as connection:
            return rows.test_results(connection, run)

    @contextmanager
    def _writing_as(self, run: str, attempt: int) -> Iterator[Connection]:
        """A transaction of an attempt that is still the run's newest; else StaleAttempt."""
        with self._database.writing(run) as connection:
            rows.check_newest(connection, run, attempt)
            yield connection


def _adopt(connection: Connection, run: str, attempt: int, artifacts: Sequence[Artifact]) -> None:
    for artifact in artifacts:
        row = {"run": run, "attempt": attempt, **asdict(artifact), "path": artifact.path.as_posix()}
        upsert(connection, schema.artifacts, row)


def _openings(connection: Connection, fingerprint: str) -> int:
    openings = schema.test_openings
    query = select(func.max(openings.c.number)).where(openings.c.fingerprint == fingerprint)
    return connection.scalar(query) or 0


def _set_run(connection: Connection, run: str, values: Mapping[str, object]) -> None:
    connection.execute(update(schema.runs).where(schema.runs.c.id == run).values(**values))
