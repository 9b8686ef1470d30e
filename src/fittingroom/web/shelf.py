"""Data sets that the page has opened, and what takes long to find out about them; the last few stay at hand."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from starlette.requests import Request

from fittingroom.data import sources
from fittingroom.data.dataset import Dataset, Statistics
from fittingroom.data.fingerprints import content_of
from fittingroom.data.splits import Splits
from fittingroom.errors import FittingRoomError, NotFound
from fittingroom.spec.division import Division
from fittingroom.store import Store
from fittingroom.web.site import Site, only_one
from fittingroom.workspace import Workspace

KEPT_DATA, KEPT_SPLITS = 8, 32
Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The values that were used last, by key. Threads may share it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)

    @property
    def known(self) -> list[Hashable]:
        """The keys of those at hand."""
        with self._lock:
            return list(self._values)

    def drop(self, key: Hashable) -> None:
        with self._lock:
            self._values.pop(key, None)


class Shelf:
    """Opens data sets, by what names them or by their content. Threads may share it."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace, self._store = workspace, store
        self._data: Recent[Dataset] = Recent(KEPT_DATA)
        self._splits: Recent[Splits] = Recent(KEPT_SPLITS)
        self._statistics: Recent[Statistics] = Recent(KEPT_SPLITS)

    @classmethod
    def of(cls, request: Request) -> Shelf:
        """The site's."""
        site = Site.of(request)
        return only_one(request, cls, lambda: cls(site.workspace, site.store))

    def open(self, source: str) -> Dataset:
        """A data set by what names it; raises what ``sources.load`` raises."""
        data = sources.load(source, self._workspace)
        self._data.put(data.fingerprint, data)
        return data

    def find(self, fingerprint: str) -> Dataset:
        """A data set by its content: one that has a name, or that runs were trained on. Raises NotFound."""
        if (known := self._data.get(fingerprint)) is not None:
            return known
        for source in self._candidates(fingerprint):
            with contextlib.suppress(FittingRoomError):
                data = sources.load_as(source, fingerprint, self._workspace)
                if data.fingerprint == fingerprint:
                    self._data.put(fingerprint, data)
                    return data
        raise NotFound(f"there is no data set with the fingerprint {fingerprint[:12]} any more; import it again")

    def split(self, data: Dataset, division: Division) -> Splits:
        """The split of a data set; raises what ``Dataset.split`` raises."""
        key = data.fingerprint, division
        found = self._splits.get(key)
        if found is None:
            found = data.divide(division)
            self._splits.put(key, found)
        return found

    def divided(self, data: Dataset, division: Division) -> tuple[Splits, Statistics]:
        """The split of a data set, with mean and spread of the training images; raises what ``split`` raises."""
        splits, key = self.split(data, division), (data.fingerprint, division)
        found = self._statistics.get(key)
        if found is None:
            found = data.statistics(splits.train)
            self._statistics.put(key, found)
        return splits, found

    def forget(self, content: str) -> None:
        """Let go of a data set's files, whatever is excluded from it, so that they can be removed."""
        for fingerprint in self._data.known:
            if content_of(str(fingerprint)) == content:
                self._data.drop(fingerprint)

    def _candidates(self, fingerprint: str) -> list[str]:
        """What may name it, likely ones first."""
        content = content_of(fingerprint)
        named = [info.name for info in sources.names(self._workspace) if info.fingerprint == content]
        with contextlib.suppress(NotFound):
            named.append(self._store.data_set(fingerprint).source)
        return named
