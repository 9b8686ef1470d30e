"""``Queue``: which runs wait for a worker, what users ask of running ones, and which workers there are.

The database is the only channel: whoever asks writes a line, whoever works reads it twice a second. Nobody trusts a
clock. A process of this host is alive or it is not; one of another host is alive as long as its beats count up,
and whoever wants to take over from it has to have watched them stand still (``given_up``).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Literal

from sqlalchemy import delete, func, insert, select, update

from fittingroom.errors import InvalidInput
from fittingroom.store import rows, schema
from fittingroom.store.database import Database
from fittingroom.store.owners import Owner
from fittingroom.store.records import Request, RunDetails, WorkerRecord, now

DEATHS = 3
"""Attempts in a row that may die before they have saved anything; then the run is left alone."""
LEFT = {"stop": "stopped", "pause": "paused"}


class Queue:
    """The queue of one workspace. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- what users ask for ----------------------------------------------------------------------------------------

    def put(self, run: str) -> None:
        """Let workers go on with a run that was stopped, paused, broken or interrupted.

        Raises InvalidInput for one that is finished, waiting already, or being trained.
        """
        runs = schema.runs
        with self._database.writing(run) as connection:
            details = rows.details(connection, run)
            if details.state in {"finished", "running", "queued"}:
                is_so = {"queued": "in the queue already"}.get(details.state, details.state)
                raise InvalidInput(f'run "{run}" is {is_so}, so there is nothing to resume')
            waiting = {"state": "queued", "queued": now(), "message": None, "request": None}
            connection.execute(update(runs).where(runs.c.id == run).values(**waiting))

    def ask(self, run: str, request: Request) -> Literal["done", "asked"]:
        """Stop a run, or pause it: at once where nobody trains it, else its process is asked and ends within a step.

        Raises InvalidInput for a run that has ended.
        """
        runs = schema.runs
        with self._database.writing(run) as connection:
            state = rows.details(connection, run).state
            if state == "running":
                connection.execute(update(runs).where(runs.c.id == run).values(request=request))
                return "asked"
            if state not in {"queued", "interrupted"}:
                raise InvalidInput(f'run "{run}" is {state}, so there is nothing to {request}')
            why = "Taken out of the queue." if state == "queued" else "Its process had already ended."
            left = {"state": LEFT[request], "message": why, "queued": None, "request": None}
            connection.execute(update(runs).where(runs.c.id == run).values(**left))
            return "done"

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

    def waiting(self) -> int:
        """How many runs wait for a worker."""
        runs = schema.runs
        with self._database.reading() as connection:
            return (
                connection.scalar(select(func.count()).where(runs.c.state == "queued", runs.c.deleted.is_(None))) or 0
            )

    def next(self, given_up: Collection[tuple[str, int]] = ()) -> RunDetails | None:
        """The run that has waited longest: queued, or left by a worker that is dead; None when there is none.

        ``given_up``: runs with the number of their newest attempt whose process, on another host, has been watched
        without a beat for too long. Runs that kill whoever takes them up are marked as failed on the way.
        """
        for run in self._managed():
            if run.state == "running" and (run.id, run.attempt) not in given_up:
                continue
            if not self._kills(run):
                return run
        return None

    def elsewhere(self) -> list[RunDetails]:
        """Queued runs that processes of other hosts train: their beats are in the newest attempt."""
        here = Owner.this_process().host
        return [run for run in self._managed() if run.state == "running" and run.attempts[-1].owner.host != here]

    def _managed(self) -> list[RunDetails]:
        """All runs that the queue takes care of, the longest waiting first."""
        runs = schema.runs
        mine = runs.c.queued.is_not(None), runs.c.state.in_(["queued", "running"]), runs.c.deleted.is_(None)
        with self._database.reading() as connection:
            names = connection.scalars(select(runs.c.id).where(*mine).order_by(runs.c.queued, runs.c.id)).all()
            return [rows.details(connection, name) for name in names]

    def _kills(self, run: RunDetails) -> bool:
        """Whether the last attempts all died before they saved anything; then the run is marked as failed."""
        if run.state == "queued" or len(run.attempts) < DEATHS:
            return False
        artifacts, runs = schema.artifacts, schema.runs
        with self._database.reading() as connection:
            query = select(func.max(artifacts.c.attempt)).where(artifacts.c.run == run.id)
            saved = connection.scalar(query) or 0
        deaths = [attempt for attempt in run.attempts[-DEATHS:] if attempt.ended is None and attempt.number > saved]
        if len(deaths) < DEATHS:
            return False
        why = (
            f"{DEATHS} processes in a row have died while training it, before they could save anything; "
            "it may need more memory than there is"
        )
        with self._database.writing(run.id) as connection:
            same = runs.c.id == run.id, runs.c.attempt == run.attempt, runs.c.state == "running"
            connection.execute(update(runs).where(*same).values(state="failed", message=why, queued=None))
        return True

    # -- workers ---------------------------------------------------------------------------------------------------

    def register(self, threads: int) -> str:
        """This process is a worker from now on; returns its id. Rows of dead workers of this host are removed."""
        owner, name, table = Owner.this_process(), uuid.uuid4().hex[:8], schema.workers
        row = {"id": name, "host": owner.host, "pid": owner.pid, "process_started": owner.started}
        dead = [worker.id for worker in self.workers() if worker.owner.alive() is False]
        with self._database.writing("workers") as connection:
            connection.execute(delete(table).where(table.c.id.in_(dead)))
            connection.execute(insert(table).values(**row, started=now(), threads=threads))
        return name

    def report(self, worker: str, run: str | None) -> bool:
        """A worker says that it lives and what it trains; True when it is asked to end."""
        table = schema.workers
        with self._database.writing("workers") as connection:
            values = {"run": run, "beats": table.c.beats + 1}
            connection.execute(update(table).where(table.c.id == worker).values(**values))
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
                owner=Owner(row.host, row.pid, row.process_started),
                started=row.started,
                threads=row.threads,
                run=row.run,
                beats=row.beats,
            )
            for row in found
        ]
