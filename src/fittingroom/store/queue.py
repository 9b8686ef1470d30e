"""``Queue``: which runs wait for a worker, what users ask of running ones, and which workers there are.

The database is the only channel: whoever asks writes a line, whoever works reads it twice a second. Nobody trusts a
clock. A process of this host is alive or it is not; one of another host is alive as long as its beats count up,
and whoever wants to take over from it has to have watched them stand still: it is ``given_up`` then, as the run and
the number of its attempt.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.store import rows, schema
from fittingroom.store.comparisons import belongs
from fittingroom.store.database import Database
from fittingroom.store.owners import Owner
from fittingroom.store.records import LEFT, Request, RunDetails, RunSummary, WorkerRecord, now
from fittingroom.store.spent import is_spent

Attempt = tuple[str, int]
"""A run, and the number of an attempt at it."""
MANY = "many runs"
"""The key of who changes many runs: not theirs, of which a server could not hold so many."""
OUT_OF_THE_QUEUE = "Taken out of the queue."
AT_ONCE = 1000
"""Ids in one statement."""
DEATHS = 3
"""Attempts in a row that may die before they have saved anything; then the run is left alone."""


class Queue:
    """The queue of one workspace. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- what users ask for ----------------------------------------------------------------------------------------

    def put(self, run: str, given_up: Collection[Attempt] = ()) -> None:
        """Let workers go on with a run that was stopped, paused, broken or interrupted, or given up.

        One that a dead worker left behind keeps its place. Raises InvalidInput for one that is finished, waiting
        already, or being trained.
        """
        runs = schema.runs
        with self._database.writing(run) as connection:
            details = rows.details(connection, run)
            lost = (details.id, details.attempt) in given_up
            if details.state in {"finished", "queued"} or (details.state == "running" and not lost):
                is_so = {"queued": "in the queue already"}.get(details.state, details.state)
                raise InvalidInput(f'run "{details.id}" is {is_so}, so there is nothing to resume')
            waiting = {"state": "queued", "queued": details.queued or now(), "message": None, "request": None}
            connection.execute(update(runs).where(runs.c.id == details.id).values(**waiting))

    def put_left(self, runs: Sequence[str]) -> None:
        """Let workers go on with those of many runs that were stopped or paused, in this order."""
        table, at = schema.runs, now()
        left = or_(*(table.c.state == state for state in LEFT.values())), table.c.deleted.is_(None)
        put = (
            update(table)
            .where(table.c.id == bindparam("of"), *left)
            .values(state="queued", queued=bindparam("since"), message=None, request=None)
        )
        waiting = [{"of": run, "since": at + timedelta(microseconds=place)} for place, run in enumerate(runs)]
        if waiting:
            with self._database.writing(MANY) as connection:
                connection.execute(put, waiting)

    def ask(self, run: str, request: Request, given_up: Collection[Attempt] = ()) -> Literal["done", "asked"]:
        """Stop a run, or pause it: at once where nobody trains it, else its process is asked and ends within a step.

        A process that was given up is asked all the same: it ends if it should come back. Raises InvalidInput for a
        run that has ended.
        """
        runs = schema.runs
        with self._database.writing(run) as connection:
            details = rows.details(connection, run)
            this, state = runs.c.id == details.id, details.state
            if state not in {"queued", "interrupted", "running"}:
                raise InvalidInput(f'run "{details.id}" is {state}, so there is nothing to {request}')
            connection.execute(update(runs).where(this).values(request=request))
            if state == "running" and (details.id, details.attempt) not in given_up:
                return "asked"
            why = {
                "queued": OUT_OF_THE_QUEUE,
                "interrupted": "Its process had already ended.",
                "running": "Its process, on another host, shows no sign of life.",
            }[state]
            connection.execute(update(runs).where(this).values(state=LEFT[request], message=why, queued=None))
            return "done"

    def stop_waiting(self, runs: Sequence[str]) -> None:
        """Stop those of many runs that are in the queue and that nobody has taken up; the others are left as they are.

        Each is stopped, or was taken up before and can be asked.
        """
        table = schema.runs
        stopped = {"request": "stop", "state": LEFT["stop"], "message": OUT_OF_THE_QUEUE, "queued": None}
        with self._database.writing(MANY) as connection:
            for first in range(0, len(runs), AT_ONCE):
                these = table.c.id.in_(runs[first : first + AT_ONCE])
                waiting = these, table.c.state == "queued", table.c.deleted.is_(None)
                connection.execute(update(table).where(*waiting).values(stopped))

    # -- what a training process reads and says --------------------------------------------------------------------

    def request(self, run: str, attempt: int) -> Request | None:
        """What has been asked of the process that makes this attempt; StaleAttempt when a newer one has begun."""
        with self._database.reading() as connection:
            rows.check_newest(connection, run, attempt)
            asked: Request | None = connection.scalar(select(schema.runs.c.request).where(schema.runs.c.id == run))
            return asked

    def beat(self, run: str, attempt: int) -> None:
        """Say that the process which makes this attempt is alive."""
        attempts = schema.attempts
        this = attempts.c.run == run, attempts.c.number == attempt
        with self._database.writing(run) as connection:
            connection.execute(update(attempts).where(*this).values(beats=attempts.c.beats + 1))

    # -- what workers look for -------------------------------------------------------------------------------------

    def next(
        self, given_up: Collection[Attempt] = (), passed_over: Collection[str] = (), comparison: str | None = None
    ) -> RunDetails | None:
        """The run of the highest priority that has waited longest, or None.

        It is ``queued``, or ``interrupted`` because its worker is dead.

        Those ``passed_over`` wait for other workers, as do all that are none of a ``comparison``. A run that its dead
        worker was asked to stop, that kills whoever takes it up, or whose study has spent its budget before it was
        begun, leaves the queue on the way. Nothing is claimed: ``Store.begin_attempt(seen=...)`` does that.
        """
        for run in self.managed():
            if run.id in passed_over:
                continue
            lost = run.state == "interrupted" or (run.id, run.attempt) in given_up
            if run.state == "running" and not lost:
                continue
            if lost and self._leaves(run):
                continue
            try:
                with self._database.reading() as connection:
                    details = rows.details(connection, run.id)
            except NotFound:  # it has just been deleted
                continue
            ours = comparison is None or belongs(details.lineage, comparison)
            if ours and details.attempt == run.attempt and not self._comes_too_late(details):
                return replace(details, state="interrupted" if lost else "queued")
        return None

    def beats_elsewhere(self) -> dict[Attempt, int]:
        """The beats of queued runs that other hosts train; who is alive there counts on."""
        runs, attempts = schema.runs, schema.attempts
        query = (
            select(attempts)
            .join(runs, (runs.c.id == attempts.c.run) & (runs.c.attempt == attempts.c.number))
            .where(runs.c.queued.is_not(None), runs.c.state == "running")
        )
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return {(row.run, row.number): row.beats for row in found if rows.owner(row).alive() is None}

    def managed(self) -> list[RunSummary]:
        """All runs that the queue takes care of, those in training included, the longest waiting first."""
        with self._database.reading() as connection:
            return rows.queued(connection)

    def _leaves(self, run: RunSummary) -> bool:
        """Take a run without a process out of the queue: as it was asked, or as failed when it kills its processes.

        True also when somebody has taken it up in this moment.
        """
        runs = schema.runs
        same = runs.c.id == run.id, runs.c.attempt == run.attempt, runs.c.state == "running"
        with self._database.writing(run.id) as connection:
            row = connection.execute(select(runs.c.request).where(*same)).first()
            if row is None:
                return True
            if row.request is not None:
                left = {"state": LEFT[row.request], "message": "Its process had already ended."}
            elif self._kills(connection, run):
                why = (
                    f"{DEATHS} processes in a row have died while training it, before they could save anything; "
                    "it may need more memory than there is"
                )
                left = {"state": "failed", "message": why}
            else:
                return False
            connection.execute(update(runs).where(*same).values(**left, queued=None))
            return True

    def _comes_too_late(self, run: RunDetails) -> bool:
        """Take a run that nobody has begun out of the queue where the budget of its study is spent."""
        if run.attempt or "study" not in run.lineage:
            return False
        with self._database.reading() as connection:
            budget = is_spent(connection, run.id, now())
        if budget is None:
            return False
        runs, why = schema.runs, f"Not begun: the study's budget of {budget:g} seconds is spent."
        with self._database.writing(run.id) as connection:
            same = runs.c.id == run.id, runs.c.attempt == 0, runs.c.state == "queued"
            connection.execute(update(runs).where(*same).values(state="stopped", message=why, queued=None))
        return True

    def _kills(self, connection: Connection, run: RunSummary) -> bool:
        """Whether its last attempts all died before they had saved anything."""
        artifacts, attempts = schema.artifacts, schema.attempts
        saved = connection.scalar(select(func.max(artifacts.c.attempt)).where(artifacts.c.run == run.id)) or 0
        last = attempts.c.run == run.id, attempts.c.number > max(saved, run.attempt - DEATHS)
        died = select(func.count()).where(*last, attempts.c.ended.is_(None))
        return connection.scalar(died) == DEATHS

    # -- workers ---------------------------------------------------------------------------------------------------

    def register(self, threads: int) -> str:
        """This process is a worker from now on; returns its id. Rows of dead workers of this host are removed."""
        name, table = uuid.uuid4().hex[:8], schema.workers
        row = {"id": name, **rows.owner_columns(Owner.this_process())}
        dead = [worker.id for worker in self.workers() if worker.owner.alive() is False]
        with self._database.writing("workers") as connection:
            connection.execute(delete(table).where(table.c.id.in_(dead)))
            connection.execute(insert(table).values(**row, started=now(), threads=threads))
        return name

    def report(self, worker: str, run: str | None) -> None:
        """A worker says that it lives, and what it trains."""
        table = schema.workers
        with self._database.writing("workers") as connection:
            values = {"run": run, "beats": table.c.beats + 1}
            connection.execute(update(table).where(table.c.id == worker).values(**values))

    def asked_to_end(self, worker: str) -> bool:
        """Whether a worker has been asked to end."""
        table = schema.workers
        with self._database.reading() as connection:
            return connection.scalar(select(table.c.request).where(table.c.id == worker)) == "stop"

    def unregister(self, worker: str) -> None:
        """The worker ends."""
        table = schema.workers
        with self._database.writing("workers") as connection:
            connection.execute(delete(table).where(table.c.id == worker))

    def stop_workers(self) -> list[WorkerRecord]:
        """Ask every living worker to end; returns them."""
        living = [worker for worker in self.workers() if worker.owner.alive() is not False]
        table = schema.workers
        with self._database.writing("workers") as connection:
            names = [worker.id for worker in living]
            connection.execute(update(table).where(table.c.id.in_(names)).values(request="stop"))
        return living

    def workers(self) -> list[WorkerRecord]:
        """Every worker that has not said goodbye, also those that were killed, oldest first."""
        table = schema.workers
        with self._database.reading() as connection:
            found = connection.execute(select(table).order_by(table.c.started)).all()
        return [
            WorkerRecord(
                id=row.id,
                owner=rows.owner(row),
                started=row.started,
                threads=row.threads,
                run=row.run,
                beats=row.beats,
            )
            for row in found
        ]
