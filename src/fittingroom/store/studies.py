"""``Studies``: variations that are compared, and which run stands for each arm and seed of them.

A run and its place in the study are made in one transaction: whoever submits the same study at the same moment, or is
killed at any, makes no run twice, and leaves none without its place.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from fittingroom.errors import NotFound, did_you_mean
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import rows, schema
from fittingroom.store.database import Database, upsert
from fittingroom.store.names import new_id, slug_of
from fittingroom.store.records import ArmRecord, NewRun, NewStudy, RunSummary, StudyRecord, now
from fittingroom.store.spent import beside_epochs
from fittingroom.store.whole import insert_new, to_json

Place = tuple[str, int]
"""The key of an arm, and a seed."""


@dataclass(frozen=True)
class Submitted:
    """What has come of a study that was submitted."""

    study: str
    is_new: bool
    runs: tuple[str, ...]
    """Those that were made now."""


class Studies:
    """The studies of one workspace. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self,
        new: NewStudy,
        arms: Sequence[ArmRecord],
        runs: Sequence[tuple[Place, NewRun]],
        *,
        study: str | None = None,
        reserved: Collection[str] = (),
        searches: bool = False,
    ) -> Submitted:
        """Remember a study with its arms, and put those of its runs into the queue that are not there yet.

        ``study``: the one that goes on with this; else it is the newest with the same content, else the newest of the
        same family, else a new one. Arms that it has beside these stay, as no longer listed unless it ``searches``:
        then others may have been chosen meanwhile. A place whose run was deleted gets a new one. ``reserved``: ids that
        are not to be given. Raises NotFound for a study that is gone.
        """
        slugs = {slug_of(run.name) for _, run in runs} | {slug_of(new.name)}
        with self._database.writing(*slugs, f"study {new.content}", f"study {new.family}") as connection:
            known = _goes_on(connection, new) if study is None else _study(connection, study).id
            if known is None:
                name = new_id(connection, slug_of(new.name), reserved)
                row = {**asdict(new), "id": name, "created": now()}
                connection.execute(insert(schema.studies).values(row))
            else:
                name = known
                changed = {key: value for key, value in asdict(new).items() if key not in {"comparison", "priority"}}
                table = schema.studies
                connection.execute(update(table).where(table.c.id == name).values(**changed, stopped=None))
            remembered = _study(connection, name)
            _list_arms(connection, name, arms, searches=searches)
            taken, made = set(_places(connection, [name]).get(name, {})), []
            for place, run in runs:
                if place not in taken:
                    made.append(_make(connection, remembered, place, run, reserved))
        return Submitted(name, known is None, tuple(made))

    def find(self, new: NewStudy) -> StudyRecord | None:
        """The study that would go on if this one were submitted; None where it would be a new one."""
        with self._database.reading() as connection:
            known = _goes_on(connection, new)
            return None if known is None else _study(connection, known)

    def study(self, name: str) -> StudyRecord:
        """A study by its id, or by its name where that is the newest study's of that name; raises NotFound."""
        with self._database.reading() as connection:
            return _study(connection, name)

    def studies(self) -> list[StudyRecord]:
        """All of them, newest first."""
        with self._database.reading() as connection:
            found = connection.execute(_kept().order_by(schema.studies.c.created.desc(), schema.studies.c.id)).all()
            return [_record(connection, row) for row in found]

    def places(self, study: str) -> dict[Place, RunSummary]:
        """The runs that stand for its arms and seeds, those left out that were deleted."""
        return self.all_places([study])[study]

    def all_places(self, studies: Sequence[str]) -> dict[str, dict[Place, RunSummary]]:
        """The same of several studies, in one query."""
        with self._database.reading() as connection:
            found = _places(connection, studies)
        return {study: found.get(study, {}) for study in studies}

    def prune(self, study: str, run: str, epoch: int) -> None:
        """Remember that a run is ended after that epoch, because others were better by then."""
        table = schema.study_runs
        with self._database.writing(f"study {study}") as connection:
            connection.execute(update(table).where(table.c.study == study, table.c.run == run).values(pruned=epoch))

    def pruned(self, study: str) -> dict[Place, int]:
        """The runs that were ended early because others were better, and after which epoch."""
        table = schema.study_runs
        query = select(table).where(table.c.study == study, table.c.pruned.is_not(None))
        with self._database.reading() as connection:
            return {(row.arm, row.seed): row.pruned for row in connection.execute(query)}

    def epochs(self, study: str) -> dict[str, tuple[EpochMetrics, ...]]:
        """The figures of every run that stands in it, by the run's id, in one query."""
        table, places = schema.epochs, schema.study_runs
        query = (
            select(table.c.run, *rows.columns_of(table, EpochMetrics))
            .join(places, places.c.run == table.c.run)
            .where(places.c.study == study)
            .order_by(table.c.run, table.c.epoch)
        )
        found: dict[str, list[EpochMetrics]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                values = {key: value for key, value in row.items() if key != "run"}
                found.setdefault(row["run"], []).append(EpochMetrics(**values))
        return {run: tuple(epochs) for run, epochs in found.items()}

    def beside_epochs(self, study: str = "") -> list[float]:
        """Seconds that finished runs took on this host beside their epochs: those of the study, else the newest."""
        with self._database.reading() as connection:
            return beside_epochs(connection, study)

    def mark_stopped(self, study: str) -> None:
        """Remember that it was stopped."""
        self._change(study, stopped=now())

    def prefer(self, study: str, priority: int) -> None:
        """Let its runs, those to come too, wait with that priority."""
        self._change(study, priority=priority)
        runs, places = schema.runs, schema.study_runs
        own = select(places.c.run).where(places.c.study == study)
        with self._database.writing(f"study {study}") as connection:
            connection.execute(update(runs).where(runs.c.id.in_(own)).values(priority=priority))

    def delete(self, study: str) -> None:
        """Forget a study; its runs stay."""
        self._change(study, deleted=now())

    def restore(self, study: str) -> list[str]:
        """Bring a deleted study back; returns the ids of its runs, those in the trash too. Raises NotFound."""
        studies, places = schema.studies, schema.study_runs
        with self._database.writing(f"study {study}") as connection:
            deleted = studies.c.id == study, studies.c.deleted.is_not(None)
            if connection.execute(update(studies).where(*deleted).values(deleted=None)).rowcount == 0:
                raise NotFound(f'there is no deleted study "{study}"; there is nothing to bring back')
            return list(connection.scalars(select(places.c.run).where(places.c.study == study).order_by(places.c.run)))

    def _change(self, study: str, **values: object) -> None:
        with self._database.writing(f"study {study}") as connection:
            known = _study(connection, study).id
            connection.execute(update(schema.studies).where(schema.studies.c.id == known).values(**values))


def _goes_on(connection: Connection, new: NewStudy) -> str | None:
    """The id of the study that another one would be."""
    table = schema.studies
    for same in (table.c.content == new.content, table.c.family == new.family):
        query = select(table.c.id).where(same, table.c.deleted.is_(None)).order_by(table.c.created.desc(), table.c.id)
        known: str | None = connection.scalar(query.limit(1))
        if known is not None:
            return known
    return None


def _list_arms(connection: Connection, study: str, arms: Sequence[ArmRecord], *, searches: bool) -> None:
    """Put the arms in this order; those that are no longer among them come last."""
    table = schema.study_arms
    if not searches:
        connection.execute(update(table).where(table.c.study == study).values(listed=False))
    for number, arm in enumerate(arms):
        plain = {key: value for key, value in asdict(arm).items() if key != "key"}
        row = {**plain, "study": study, "arm": arm.key, "number": number, "settings": to_json(arm.settings)}
        upsert(connection, table, row)


def _make(connection: Connection, study: StudyRecord, place: Place, run: NewRun, reserved: Collection[str]) -> str:
    arm, seed = place
    name = new_id(connection, slug_of(run.name), reserved)
    lineage = {**run.lineage, "study": {"id": study.id, "arm": arm, "seed": seed}}
    own = lineage.get("comparison")
    if isinstance(own, dict):
        lineage["comparison"] = {**own, "id": study.comparison}
    insert_new(connection, name, run, queued=True, priority=study.priority, lineage=lineage)
    upsert(connection, schema.study_runs, {"study": study.id, "arm": arm, "seed": seed, "run": name})
    return name


def _places(connection: Connection, studies: Sequence[str]) -> dict[str, dict[Place, RunSummary]]:
    table = schema.study_runs
    found: dict[str, dict[Place, RunSummary]] = {}
    query = select(table).where(table.c.study.in_(studies)).order_by(table.c.study, table.c.arm, table.c.seed)
    places = connection.execute(query).all()
    own = select(table.c.run).where(table.c.study.in_(studies))
    summaries = {run.id: run for run in rows.summaries_of(connection, own)}
    for row in places:
        if row.run in summaries:
            found.setdefault(row.study, {})[row.arm, row.seed] = summaries[row.run]
    return found


def _kept() -> Select[Any]:
    return select(schema.studies).where(schema.studies.c.deleted.is_(None))


def _study(connection: Connection, name: str) -> StudyRecord:
    """By its id, else the newest by its name."""
    table = schema.studies
    row = connection.execute(_kept().where(table.c.id == name)).first()
    if row is None:
        same = _kept().where(table.c.name == name).order_by(table.c.created.desc())
        row = connection.execute(same.limit(1)).first()
    if row is None:
        raise _not_found(connection, name)
    return _record(connection, row)


def _record(connection: Connection, row: Row[Any]) -> StudyRecord:
    values = {column.name: getattr(row, column.name) for column in schema.studies.c if column.name != "deleted"}
    table = schema.study_arms
    order = table.c.listed.desc(), table.c.number, table.c.arm
    arms = connection.execute(select(table).where(table.c.study == row.id).order_by(*order)).all()
    return StudyRecord(**values, arms=tuple(_arm(arm) for arm in arms))


def _arm(row: Row[Any]) -> ArmRecord:
    return ArmRecord(
        key=row.arm,
        name=row.name,
        settings=json.loads(row.settings),
        spec=row.spec,
        fingerprint=row.fingerprint,
        parameters=row.parameters,
        images=row.images,
        listed=row.listed,
    )


def _not_found(connection: Connection, name: str) -> NotFound:
    """The error for a study that is not there, with those that may be meant."""
    table = schema.studies
    found = connection.execute(_kept().order_by(table.c.created.desc())).all()
    if not found:
        return NotFound(f'there is no study "{name}", nor any other yet; begin one with: fittingroom study run FILE')
    known = {row.id for row in found} | {row.name for row in found}
    close = get_close_matches(name, known, n=1)
    hint = did_you_mean(name, close) if close else f"the newest are: {', '.join(row.id for row in found[:5])}"
    return NotFound(f'there is no study "{name}"; {hint}')
