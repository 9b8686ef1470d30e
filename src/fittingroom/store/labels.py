"""``Labels``: what people call runs and remember of them: names, tags, notes. Nothing of it decides anything.

A run's id stays what it is, whatever the run is called.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import select, update

from fittingroom.errors import InvalidInput
from fittingroom.store import rows, schema
from fittingroom.store.database import Database
from fittingroom.store.whole import to_json
from fittingroom.store.words import MOST_TAGS, name_of, note_of, tag_of


class Labels:
    """Names, tags and notes of one workspace's runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def change(
        self,
        run: str,
        *,
        name: str | None = None,
        note: str | None = None,
        add: Collection[str] = (),
        remove: Collection[str] = (),
    ) -> None:
        """Rename a run, write its note anew (``""`` for none), add and remove tags: all of it or nothing.

        What is left out stays. Raises InvalidInput for what cannot be kept, NotFound also for a deleted run.
        """
        runs = schema.runs
        values: dict[str, object] = {}
        if name is not None:
            values["name"] = name_of(name)
        if note is not None:
            values["note"] = note_of(note)
        coming, going = {tag_of(tag) for tag in add}, {tag_of(tag) for tag in remove}
        with self._database.writing(run) as connection:
            rows.newest_attempt(connection, run)
            kept = set(json.loads(connection.scalar(select(runs.c.tags).where(runs.c.id == run)) or "[]"))
            tags = sorted((kept - going) | coming)
            if len(tags) > MOST_TAGS:
                raise InvalidInput(f'run "{run}" would have {len(tags)} tags; {MOST_TAGS} are allowed, so remove some')
            connection.execute(update(runs).where(runs.c.id == run).values(**values, tags=to_json(tags)))
