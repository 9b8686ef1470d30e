"""Ending a run of a search early, once runs of other arms have been better by the same epoch."""

from __future__ import annotations

from collections.abc import Mapping

from fittingroom.engine.loop import Stop
from fittingroom.queue.search import falls_behind
from fittingroom.queue.studies import spec_of_study
from fittingroom.queue.study_results import epochs_of
from fittingroom.spec.events import EpochEnded, EpochMetrics, Event, StopReason
from fittingroom.spec.run import RunSpec
from fittingroom.store import RunDetails, Store


class Pruning:
    """Hears a run of a study that prunes, and says when it is to end."""

    def __init__(self, store: Store, study: str, run: str, arm: str, epochs: int) -> None:
        self._store, self._study, self._run, self._arm, self._epochs = store, study, run, arm, epochs
        self._ends = False

    @classmethod
    def of(cls, store: Store, run: RunDetails, spec: RunSpec) -> Pruning | None:
        """None for a run that stands in no such study, or whose epochs are not counted beforehand."""
        place, epochs = run.lineage.get("study"), epochs_of(spec)
        if not isinstance(place, Mapping) or epochs is None:
            return None
        search = spec_of_study(store.studies.study(str(place["id"]))).search
        return cls(store, str(place["id"]), run.id, str(place["arm"]), epochs) if search and search.prune else None

    def hear(self, run: str, event: Event) -> None:
        if isinstance(event, EpochEnded) and event.metrics.phase is None and self._is_behind(event.metrics):
            self._store.studies.prune(self._study, self._run, event.metrics.epoch)
            self._ends = True

    def stop(self, otherwise: Stop) -> Stop:
        """Asked after every step: a reason of others, or that it is pruned."""

        def asked() -> StopReason | None:
            return otherwise() or ("pruned" if self._ends else None)

        return asked

    def _is_behind(self, metrics: EpochMetrics) -> bool:
        epoch, places = metrics.epoch, self._store.studies.places(self._study)
        others = {run.id for (arm, _), run in places.items() if arm != self._arm}
        then = [
            known.validation_accuracy
            for run, epochs in self._store.studies.epochs(self._study).items()
            for known in epochs
            if run in others and known.epoch == epoch
        ]
        return falls_behind(epoch, self._epochs, metrics.validation_accuracy, then)
