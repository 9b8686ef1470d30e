"""One RunSpec from end to end: data → network → training → evaluation → store."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import numpy as np
import torch

from fittingroom.data.dataset import Dataset
from fittingroom.data.facts import facts_of
from fittingroom.data.sources import load
from fittingroom.data.splits import Splits
from fittingroom.engine.checkpoint import checkpoint_bytes
from fittingroom.engine.classifier import Classifier, Preprocessing, background_of
from fittingroom.engine.images import Normalization, Part
from fittingroom.engine.loop import SECONDS_BETWEEN_PROGRESS, Stop, Training, train
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.optimizers import build_optimizer
from fittingroom.engine.plan import Plan, prepare
from fittingroom.errors import FittingRoomError, InvalidSpec
from fittingroom.spec.events import Ended, EpochEnded, Event, Progressed, Reason
from fittingroom.spec.faults import DataFacts, faults, notes
from fittingroom.spec.run import RunSpec
from fittingroom.store import Artifact, DataRecord, EndState, ProgressRow, Store
from fittingroom.workspace import Workspace, write_atomically

SECONDS_BETWEEN_CHECKPOINTS = 20.0
STATES: dict[Reason, EndState] = {
    "completed": "finished",
    "early_stop": "finished",
    "stopped": "stopped",
    "paused": "paused",
    "handed_back": "queued",
}
Listener = Callable[[str, Event], None]
"""Hears every event of a run: its id, and what happened."""


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """A run that could start now: everything is read, built and checked, and nothing is stored yet."""

    spec: RunSpec
    workspace: Workspace
    data: Dataset
    splits: Splits
    facts: DataFacts
    plan: Plan
    training: Training
    preprocessing: Preprocessing
    resumes: str | None = None
    """The stored run that goes on; None for a new one."""
    departures: tuple[str, ...] = ()
    """Why a resumed run is not bit-identical to an undisturbed one; empty when it is."""
    lineage: Mapping[str, object] = field(default_factory=lambda: {"kind": "new"})
    """Where a new run comes from: ``{"kind": "restart", "from": "starter-1"}``."""

    @property
    def parameters(self) -> int:
        return self.training.network.parameters_in_all

    @property
    def notes(self) -> list[str]:
        """What people should know before it starts, as sentences."""
        found = notes(self.spec, self.facts)
        if dropped := self.splits.dropped:
            found.append(f"{dropped:,} training images are left out, because the test set holds exact copies of them.")
        counts = self.data.counts(self.splits.validation)
        if absent := [name for name, count in zip(self.data.class_names, counts, strict=True) if not count]:
            found.append(f"No validation image is of class {', '.join(absent)}: the accuracy will tell nothing of it.")
        if not self.data.has_test:
            found.append(
                f"This data has no test part of its own, so {len(self.splits.test):,} images are cut off and sealed by "
                f"split_seed = {self.spec.data.split_seed}; with another split_seed some of them would be trained on."
            )
        if self.departures:
            found.append(f"Not bit-identical to an undisturbed run, because of: {'; '.join(self.departures)}.")
        return found


def prepare_run(spec: RunSpec, workspace: Workspace, threads: int | None = None) -> PreparedRun:
    """Read the data, check the spec against it, build the network and choose the plan.

    ``threads``: those of an earlier plan that is to be kept. Raises InvalidSpec with every fault, InvalidData or
    NotFound; nothing has been written to the workspace then.
    """
    data = load(spec.data.source, workspace)
    spec = replace(spec, data=replace(spec.data, source=data.source))  # paths absolute, so that it is found again
    splits = data.split(spec.data.validation, spec.data.split_seed)
    facts = facts_of(data, splits)
    if found := faults(spec, facts):
        raise InvalidSpec(found, title=f'"{spec.name}" cannot be trained on {data.name}')
    network = StackedNetwork(spec.network, facts.shape, facts.classes)
    network.draw_initial_weights(spec.seed)
    plan = prepare(network, spec.train.device, threads)
    normalize = Normalization.of(data, splits.train, spec.data)
    training = Training(
        network=network,
        optimizer=build_optimizer(spec.train.optimizer, network.parameters()),
        spec=spec.train,
        seed=spec.seed,
        training=Part(data, splits.train, plan.device),
        validation=Part(data, splits.validation, plan.device),
        normalize=normalize,
        augmentation=spec.augment,
        class_weights_K=class_weights(spec, data, splits, plan.device),
    )
    preprocessing = Preprocessing(
        facts.shape, data.class_names, normalize.mean, normalize.spread, background_of(data, splits.train)
    )
    return PreparedRun(spec, workspace, data, splits, facts, plan, training, preprocessing)


def class_weights(spec: RunSpec, data: Dataset, splits: Splits, device: str) -> torch.Tensor | None:
    """Weight of each class in the loss, scaled so that the mean over the training images is 1.

    ``balanced`` is n / (classes × count), as scikit-learn's ``compute_class_weight``.
    """
    wanted = spec.train.class_weights
    if wanted is None:
        return None
    counts = data.counts(splits.train)
    weights = 1 / np.maximum(counts, 1) if wanted == "balanced" else np.asarray(wanted, np.float64)
    weights = weights * counts.sum() / (weights * counts).sum()
    return torch.from_numpy(weights.astype(np.float32)).to(device)


def execute(run: PreparedRun, listen: Listener = lambda *_: None, stop: Stop = lambda: None) -> str:
    """Train a prepared run and store everything about it; returns its id.

    ``stop`` is asked after every step. Whatever happens, the store says how the run ended, and the best weights so
    far are kept. Raises TrainingDiverged (after the run is stored as failed).
    """
    run.workspace.create()
    with Store.open(run.workspace.database) as store:
        store.remember_data(_data_record(run))
        name = run.resumes or store.create_run(
            name=run.spec.name,
            spec=json.dumps(run.spec.to_json()),
            spec_id=run.spec.content_id,
            fingerprint=run.data.fingerprint,
            parameters=run.parameters,
            lineage=run.lineage,
            reserved=[folder.name for folder in run.workspace.runs.glob("*")],  # also those of a database that was lost
        )
        attempt = store.begin_attempt(name, run.plan.to_json(), after_epoch=run.training.epoch)
        recorder = Recorder(run, store, name, attempt)
        with recorder.ending():
            for event in train(run.training, stop):
                recorder.hear(event)
                listen(name, event)
    return name


class Recorder:
    """Writes what a training says into the store, and its weights into the attempt's folder."""

    def __init__(self, run: PreparedRun, store: Store, name: str, attempt: int) -> None:
        self.run, self.store, self.name, self.attempt = run, store, name, attempt
        self.saved = time.monotonic()
        self.progressed = 0.0
        self.files = {kind: artifact.path for kind, artifact in store.run(name).artifacts.items()}

    def hear(self, event: Event) -> None:
        """Record one event. The training stands still meanwhile, so its weights belong to this very moment."""
        match event:
            case Progressed():
                self._progress(event)
            case EpochEnded(metrics=metrics, best=best):
                artifacts = [*self._best(metrics.epoch), self._last()] if best else []
                self.store.record_epoch(self.name, self.attempt, metrics, best=best, artifacts=artifacts)
                self._sweep(artifacts)
            case Ended():
                self._save_last()
                self.store.end(self.name, self.attempt, STATES[event.reason], message=event.explanation)
        if time.monotonic() - self.saved > SECONDS_BETWEEN_CHECKPOINTS:
            self._save_last()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Whatever breaks the training is recorded before it goes on its way."""
        try:
            yield
        except KeyboardInterrupt:
            self.store.end(self.name, self.attempt, "stopped", message="Interrupted at once, between two checkpoints.")
            raise
        except FittingRoomError as error:
            self.store.end(self.name, self.attempt, "failed", message=str(error))
            raise
        except Exception as error:
            self.store.end(self.name, self.attempt, "failed", message=f"{type(error).__name__}: {error}")
            if not is_out_of_memory(error):
                raise
            raise FittingRoomError(
                f"there is not enough memory to train with {self.run.spec.train.batch_size} images at a time; "
                f"try train.batch_size={max(1, self.run.spec.train.batch_size // 4)}, or a smaller network"
            ) from error

    def _progress(self, event: Progressed) -> None:
        if time.monotonic() - self.progressed < SECONDS_BETWEEN_PROGRESS:
            return  # short epochs end more often than that
        self.progressed = time.monotonic()
        done, part = event.epoch - 1, event.step / event.steps
        row = ProgressRow(
            step=done * event.steps + event.step,
            epoch=done + part,
            images=done * len(self.run.training.training) + event.images,
            loss=event.loss,
            accuracy=event.accuracy,
            images_per_second=event.images_per_second,
        )
        self.store.record_progress(self.name, self.attempt, row)

    def _best(self, epoch: int) -> list[Artifact]:
        """The weights as they are, and what they predicted for the validation images."""
        training = self.run.training
        assert training.validation_probabilities_NK is not None
        predictions = io.BytesIO()
        np.savez_compressed(
            predictions,
            indices=self.run.splits.validation,
            labels=self.run.data.labels[self.run.splits.validation],
            probabilities=training.validation_probabilities_NK,
            class_names=np.array(self.run.data.class_names),
        )
        classifier = Classifier(training.network, self.run.preprocessing, epoch)
        return [
            self._written("best", f"best-{epoch}.safetensors", classifier.to_bytes(), epoch),
            self._written("predictions", f"validation-predictions-{epoch}.npz", predictions.getvalue(), epoch),
        ]

    def _last(self) -> Artifact:
        """The whole state of the training as it stands."""
        training = self.run.training
        self.saved = time.monotonic()
        name = f"last-{training.epoch}-{training.step}.safetensors"
        return self._written("last", name, checkpoint_bytes(training), training.epoch)

    def _save_last(self) -> None:
        artifact = self._last()
        self.store.adopt(self.name, self.attempt, artifact)
        self._sweep([artifact])

    def _written(self, kind: str, file_name: str, content: bytes, epoch: int) -> Artifact:
        """A whole file under a name of its own: what is adopted so far stays until this one is."""
        path = self.run.workspace.attempt(self.name, self.attempt) / file_name
        write_atomically(path, lambda file: file.write(content))
        relative = PurePosixPath(path.relative_to(self.run.workspace.root).as_posix())
        return Artifact(kind, relative, hashlib.sha256(content).hexdigest(), len(content), epoch)

    def _sweep(self, adopted: Sequence[Artifact]) -> None:
        """Remove what the adopted files have replaced, and what was never adopted because its process was killed."""
        if not adopted:
            return
        self.files |= {artifact.kind: artifact.path for artifact in adopted}
        kept = {self.run.workspace.root / path for path in self.files.values()}
        for path in (self.run.workspace.runs / self.name).glob("attempt-*/*"):
            if path not in kept:
                path.unlink(missing_ok=True)


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch or Python ran out of memory; torch's CPU allocator says so only in words."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _data_record(run: PreparedRun) -> DataRecord:
    counts = {"train": len(run.splits.train), "validation": len(run.splits.validation), "test": len(run.splits.test)}
    data = run.data
    return DataRecord(data.fingerprint, data.name, data.source, data.class_names, counts, run.facts.shape)
