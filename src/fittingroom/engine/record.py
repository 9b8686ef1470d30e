"""What a training says, written into the store, and its weights into the attempt's folder."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import torch

from fittingroom.engine.checkpoint import checkpoint_bytes
from fittingroom.engine.classifier import Classifier
from fittingroom.engine.loop import SECONDS_BETWEEN_PROGRESS
from fittingroom.engine.prepare import PreparedRun
from fittingroom.errors import FittingRoomError, WorkspaceBusy, WorkspaceUnusable
from fittingroom.spec.events import Ended, EpochEnded, Event, Progressed, Reason
from fittingroom.store import Artifact, EndState, ProgressRow, Store
from fittingroom.workspace import write_atomically

SECONDS_BETWEEN_CHECKPOINTS = 20.0
BUSY_TRIES = 20
"""How often a database that somebody else holds is asked again; each time waits as long as the store does."""
HANDED_BACK = "Handed back to the queue: "
STATES: dict[Reason, EndState] = {
    "completed": "finished",
    "early_stop": "finished",
    "stopped": "stopped",
    "pruned": "stopped",
    "paused": "paused",
    "handed_back": "queued",
}


class Recorder:
    """Hears one attempt at a run, stage after stage."""

    def __init__(self, run: PreparedRun, store: Store, name: str, attempt: int, *, by_worker: bool = False) -> None:
        self.run, self.store, self.name, self.attempt = run, store, name, attempt
        self.interrupted: EndState = "queued" if by_worker else "stopped"
        self.saved = time.monotonic()
        self.has_saved = False
        self.progressed = 0.0
        self.ended = False
        """Whether the store knows how the run has ended."""
        self.files = {kind: artifact.path for kind, artifact in store.run(name).artifacts.items()}

    def hear(self, event: Event) -> None:
        """Record one event. The training stands still meanwhile, so its weights belong to this very moment."""
        match event:
            case Progressed():
                self._progress(event)
            case EpochEnded():
                self._epoch(event)
            case Ended() if event.reason in {"completed", "early_stop"} and not self.run.is_last:
                self._save_last()  # the next phase begins
            case Ended():
                self._save_last()
                self._end(STATES[event.reason], event.explanation)
        if time.monotonic() - self.saved > SECONDS_BETWEEN_CHECKPOINTS:
            self._save_last()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Whatever breaks the training is recorded before it goes on its way."""
        try:
            yield
        except KeyboardInterrupt:
            self._end(self.interrupted, "Interrupted at once, between two checkpoints.")
            raise
        except WorkspaceUnusable as error:  # a full disk is no fault of the run: a worker leaves it to others
            by_worker = self.interrupted == "queued"
            self._end("queued" if by_worker else "failed", f"{HANDED_BACK * by_worker}{error}")
            raise
        except FittingRoomError as error:
            self._end("failed", str(error))
            raise
        except Exception as error:
            self._end("failed", f"{type(error).__name__}: {error}")
            if not is_out_of_memory(error):
                raise
            batch_size = self.run.stage.spec.train.batch_size
            raise FittingRoomError(
                f"there is not enough memory to train with {batch_size} images at a time; "
                f"try train.batch_size={max(1, batch_size // 4)}, or a smaller network"
            ) from error

    def _end(self, state: EndState, why: str) -> None:
        self._patiently(lambda: self.store.end(self.name, self.attempt, state, message=why))
        self.ended = True

    def _progress(self, event: Progressed) -> None:
        if time.monotonic() - self.progressed < SECONDS_BETWEEN_PROGRESS:
            return  # short epochs end more often than that
        self.progressed = time.monotonic()
        row = ProgressRow(
            step=self.run.training.taken,
            epoch=event.epoch - 1 + event.step / event.steps,
            images=self.run.training.seen,
            loss=event.loss,
            accuracy=event.accuracy,
            images_per_second=event.images_per_second,
        )
        with suppress(WorkspaceBusy):  # the next one will do
            self.store.record_progress(self.name, self.attempt, row)

    def _epoch(self, event: EpochEnded) -> None:
        """An epoch's figures and files, in one transaction."""
        metrics, kept = event.metrics, self.run.stage.spec.train.keep_checkpoints
        artifacts = self._best(metrics.epoch) if event.best else []
        if event.best or kept or not self.has_saved:  # so that whoever is killed again and again comes nearer its end
            artifacts.append(self._last())
        if kept:
            artifacts.append(replace(artifacts[-1], kind=f"checkpoint-{metrics.epoch}"))
        earlier = self._checkpoints()
        outdated = earlier[: max(0, len(earlier) + 1 - kept)] if kept else []
        best = event.best and self.run.is_last
        self._patiently(
            lambda: self.store.record_epoch(
                self.name, self.attempt, metrics, best=best, artifacts=artifacts, dropped=outdated
            )
        )
        for kind in outdated:
            self.files.pop(kind)
        self._sweep(artifacts)

    def _checkpoints(self) -> list[str]:
        """The kinds of the epochs' checkpoints that are kept, oldest first."""
        kinds = [kind for kind in self.files if kind.startswith("checkpoint-")]
        return sorted(kinds, key=lambda kind: int(kind.rpartition("-")[2]))

    def _best(self, epoch: int) -> list[Artifact]:
        """The weights as they are, and in the run proper what they predicted for the validation images."""
        run, training = self.run, self.run.training
        classifier = Classifier(training.network, run.preprocessing, epoch, run.trained_on)
        content = classifier.to_bytes()
        if not run.is_last:
            kind = phase_kind(run.number)
            return [self._written(kind, f"{kind}-{epoch}.safetensors", content, epoch)]
        assert training.validation_probabilities_NK is not None
        held_out, data = run.stage.splits.validation, run.stage.data
        predictions = io.BytesIO()
        np.savez_compressed(
            predictions,
            indices=held_out,
            labels=data.labels[held_out],
            probabilities=training.validation_probabilities_NK,
            class_names=np.array(data.class_names),
        )
        return [
            self._written("best", f"best-{epoch}.safetensors", content, epoch),
            self._written("predictions", f"validation-predictions-{epoch}.npz", predictions.getvalue(), epoch),
        ]

    def _last(self) -> Artifact:
        """The whole state of the training as it stands."""
        run, training = self.run, self.run.training
        self.saved, self.has_saved = time.monotonic(), True
        names = run.stage.data.class_names
        content = checkpoint_bytes(training, stage=run.number, class_names=names, trained_on=run.trained_on)
        digest = hashlib.sha256(content).hexdigest()[:8]  # the time that is spent may differ from the last writing
        name = f"last-{training.epoch}-{training.step}-{digest}.safetensors"
        return self._written("last", name, content, training.epoch)

    def _save_last(self) -> None:
        artifact = self._last()
        self._patiently(lambda: self.store.adopt(self.name, self.attempt, artifact))
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
        for number in range(1, self.attempt + 1):  # later attempts are not ours to touch
            for path in self.run.workspace.attempt(self.name, number).glob("*"):
                if path not in kept:
                    with suppress(OSError):  # somebody reads it, or it is none of ours: the next sweep tries again
                        path.unlink()

    def _patiently(self, write: Callable[[], object]) -> None:
        """Write what must not be lost, also when somebody else holds the database for minutes."""
        for _ in range(BUSY_TRIES):
            with suppress(WorkspaceBusy):
                write()
                return
        write()


def phase_kind(number: int) -> str:
    """The kind of artifact that holds a phase's best weights; phases count from 0 here, and from 1 for people."""
    return f"phase-{number + 1}"


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch or Python ran out of memory; torch's CPU allocator says so only in words."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
