"""What whoever answers the page has at hand: the store, and the networks and data sets that were asked for last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import load_as
from fittingroom.engine.classifier import Classifier
from fittingroom.engine.score import classifier_of
from fittingroom.errors import InvalidInput
from fittingroom.queue.stored import data_of, open_store
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

KEPT = 12
"""Networks, data sets and what was computed from them; the ones used last."""
Value = TypeVar("Value")


class Desk:
    """One workspace, looked at by one thread."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self.workspace, self.store = workspace, store
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    @classmethod
    @contextmanager
    def open(cls, workspace: Workspace) -> Iterator[Desk]:
        with open_store(workspace) as store:
            yield cls(workspace, store)

    def kept(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What was made for this key before, or is made now."""
        if key not in self._kept:
            self._kept[key] = make()
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        value: Value = self._kept[key]
        return value

    def known(self, key: Hashable) -> Any:
        """What was made for this key before and is still at hand; None where it is not."""
        return self.kept(key, lambda: None) if key in self._kept else None

    def run(self, run: str) -> RunDetails:
        """A run as it is now; raises NotFound."""
        return self.store.run(run)

    def classifier(self, run: str) -> Classifier:
        """The best weights that a run has by now; raises NotFound, InvalidInput or WorkspaceError."""
        return self.weights(run)[1]

    def weights(self, run: str) -> tuple[str, Classifier]:
        """The best weights that a run has by now, after the SHA-256 of their file; raises as ``classifier``."""
        details = self.run(run)
        best = details.artifacts.get("best")
        sha256 = best.sha256 if best else ""
        return sha256, self.kept(("classifier", run, sha256), lambda: classifier_of(details, self.workspace))

    def data(self, source: str, fingerprint: str) -> Dataset:
        """A data set by what names it, as it was when it was shown; raises InvalidInput where it has changed."""
        data = self.kept(("data", source, fingerprint), lambda: load_as(source, fingerprint, self.workspace))
        if data.fingerprint != fingerprint:
            raise InvalidInput(f'the data set "{source}" has changed since this page was made; load the page again')
        return data

    def data_of(self, run: str) -> Dataset:
        """What a run was trained on; raises InvalidInput where it is not that any more."""
        details = self.run(run)
        return self.kept(("data of", run, details.fingerprint), lambda: data_of(details, self.workspace))
