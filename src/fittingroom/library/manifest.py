"""What an archive says of the run in it: ``manifest.json``, as strict records that trust nobody.

Everything is bounded, and no text holds control characters, so that what a stranger wrote can be kept and shown.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator

from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import LONGEST_NAME, RunSpec
from fittingroom.spec.train import MOST_EPOCHS
from fittingroom.store import Artifact, AttemptRecord, DataRecord, Owner, RunDetails
from fittingroom.store.words import MOST_TAGS, note_of, tag_of

FORMAT = 1
ELSEWHERE = Owner("another machine", 0, 0.0)
"""Who worked on imported runs: no process of this host, nor of any other, for host names have no spaces."""
KINDS_OF_LINEAGE = {"new", "restart", "replay", "continue", "fork", "transfer", "import"}
LONGEST_MESSAGE = 10_000
LONGEST_SPEC = 1_000_000
LONGEST_JSON = 100_000
_CONTROL = r"\x00-\x1f\x7f-\x9f"


def _plain(value: JsonValue) -> JsonValue:
    """Refuse what JSON cannot say, and what a terminal would obey."""
    if len(json.dumps(value, allow_nan=False)) > LONGEST_JSON:
        raise ValueError(f"should be at most {LONGEST_JSON:,} characters of JSON")
    if has_control_characters(value):
        raise ValueError("should hold no control characters")
    return value


def has_control_characters(value: JsonValue) -> bool:
    """Whether any text in a value, keys included, holds what a terminal would obey."""
    return any(re.search(f"[{_CONTROL}]", text) for text in _texts(value))


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _share(value: float) -> float:
    """An accuracy, which may be unknown (nan)."""
    if not math.isnan(value) and not 0 <= value <= 1:
        raise ValueError("should be from 0 to 1")
    return value


def _plan(plan: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse what resuming a run would trip over."""
    threads = plan.get("threads", 1)
    if type(threads) is not int or not 1 <= threads <= 10_000:
        raise ValueError("threads should be a whole number from 1 to 10,000")
    if not isinstance(plan.get("versions", {}), dict):
        raise ValueError("versions should be an object")
    return plan


Line = Annotated[str, Field(max_length=1000, pattern=f"^[^{_CONTROL}]*$")]
Text = Annotated[str, Field(max_length=LONGEST_MESSAGE, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$")]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=f"^[^{_CONTROL}]*$")]
RunId = Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*-[1-9][0-9]*$")]
Kind = Annotated[str, Field(pattern=r"^(best|last|predictions|phase-[1-9][0-9]{0,5}|checkpoint-[1-9][0-9]{0,5})$")]
Fingerprint = Annotated[str, Field(pattern=r"^([0-9a-f]{16}-)?[0-9a-f]{64}$")]
"""Of a data set; a mark stands before it where images were excluded."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Epoch = Annotated[int, Field(ge=0, le=MOST_EPOCHS)]
Seconds = Annotated[float, Field(ge=0, le=1e10)]
Figure = Annotated[float, Field(strict=False)]
Share = Annotated[float, Field(strict=False), AfterValidator(_share)]
"""A measured number; ``"NaN"`` and ``"Infinity"``, which JSON's numbers cannot say, are written as text."""
Time = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]
Json = Annotated[dict[str, JsonValue], AfterValidator(_plain)]


class Entry(BaseModel):
    """What all of these records have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="strings")


class DataEntry(Entry):
    """The data set, but for its fingerprint."""

    name: Line
    source: Line
    class_names: Annotated[tuple[Line, ...], Field(max_length=10_000)]
    counts: Annotated[dict[Line, Count], Field(max_length=100)]
    shape: Annotated[tuple[Count, ...], Field(max_length=10)]


class AttemptEntry(Entry):
    """One process's work. Whose it was is not told: it says something of the machine, and nothing of the run."""

    started: Time
    ended: Time | None
    plan: Annotated[Json, AfterValidator(_plan)]


class EpochEntry(Entry):
    """An epoch's figures."""

    epoch: Annotated[Epoch, Field(ge=1)]
    train_loss: Figure
    train_accuracy: Share
    validation_loss: Figure
    validation_accuracy: Share
    learning_rate: Annotated[float, Field(allow_inf_nan=False)]
    seconds: Seconds
    phase: Line | None = None
    images: Count | None = None


class ArtifactEntry(Entry):
    """A file of the archive."""

    kind: Kind
    sha256: Sha256
    bytes: Count
    epoch: Epoch | None

    @property
    def file_name(self) -> str:
        """What it is called, in the archive and in the workspace: by its kind, whatever anybody says."""
        return f"{self.kind}.npz" if self.kind == "predictions" else f"{self.kind}.safetensors"


def _ascending(epochs: tuple[EpochEntry, ...]) -> tuple[EpochEntry, ...]:
    if any(one.epoch >= next.epoch for one, next in pairwise(epochs)):
        raise ValueError("epochs should ascend")
    return epochs


def _one_of_each_kind(artifacts: tuple[ArtifactEntry, ...]) -> tuple[ArtifactEntry, ...]:
    if len({artifact.kind for artifact in artifacts}) < len(artifacts):
        raise ValueError("a kind of file comes twice")
    return artifacts


def _tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(tags) > MOST_TAGS or list(tags) != sorted({tag_of(tag) for tag in tags}):
        raise ValueError(f"should be at most {MOST_TAGS} tags as they are kept, sorted")
    return tags


def _note(note: str) -> str:
    if note != note_of(note):
        raise ValueError("should be a note as it is kept")
    return note


class Manifest(Entry):
    """A whole run, but for the content of its files."""

    format: Literal[1]
    exported: Time
    run: RunId
    name: Name
    spec: Annotated[str, Field(max_length=LONGEST_SPEC)]
    spec_id: Sha256
    fingerprint: Fingerprint
    data: DataEntry | None
    parameters: Count
    lineage: Json
    state: Literal["finished", "stopped", "paused", "failed", "interrupted"]
    message: Text | None
    created: Time
    epochs_done: Epoch
    best_epoch: Epoch | None
    validation_accuracy: Share | None
    validation_loss: Figure | None
    train_seconds: Seconds
    attempts: Annotated[tuple[AttemptEntry, ...], Field(max_length=100_000)]
    epochs: Annotated[tuple[EpochEntry, ...], AfterValidator(_ascending)]
    artifacts: Annotated[tuple[ArtifactEntry, ...], AfterValidator(_one_of_each_kind)]
    tags: Annotated[tuple[Line, ...], AfterValidator(_tags)] = ()
    note: Annotated[str, AfterValidator(_note)] = ""
    """As ``tags`` written only where there are any, so that readers which do not know them read the other archives."""

    @model_validator(mode="after")
    def _fits_together(self) -> Manifest:
        if self.best_epoch is not None and self.best_epoch not in {epoch.epoch for epoch in self.epochs}:
            raise ValueError("the best epoch should be one of the epochs")
        if not isinstance(self.lineage, dict) or str(self.lineage.get("kind")) not in KINDS_OF_LINEAGE:
            raise ValueError("the lineage should say its kind")
        return self

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        unsaid = {name for name in ("tags", "note") if not getattr(self, name)}
        return self.model_dump_json(indent=1, exclude=unsaid)

    @classmethod
    def of(cls, run: RunDetails, data: DataRecord | None, exported: datetime) -> Manifest:
        """What is to be said of a run; raises pydantic's ValidationError where it cannot be."""
        message = run.message and re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", " ", run.message)[:LONGEST_MESSAGE]
        about = {name: getattr(run, name) for name in cls.model_fields if hasattr(run, name)}
        parts = {
            "data": data and DataEntry(**{key: value for key, value in asdict(data).items() if key != "fingerprint"}),
            "attempts": tuple(AttemptEntry(started=a.started, ended=a.ended, plan=dict(a.plan)) for a in run.attempts),
            "epochs": tuple(EpochEntry(**asdict(epoch)) for epoch in run.epochs),
            "artifacts": tuple(
                ArtifactEntry(kind=a.kind, sha256=a.sha256, bytes=a.bytes, epoch=a.epoch)
                for a in run.artifacts.values()
            ),
        }
        return cls(**{**about, **parts, "format": FORMAT, "run": run.id, "exported": exported, "message": message})

    def details(self, run: str, spec: RunSpec, folder: PurePosixPath) -> RunDetails:
        """The run as it is to be remembered here, with its files in ``folder`` (relative to the workspace).

        ``spec`` is the one that the manifest's text says.
        """
        return RunDetails(
            id=run,
            name=self.name,
            state="stopped" if self.state == "interrupted" else self.state,
            attempt=len(self.attempts),
            queued=None,
            message=self.message,
            created=min(self.created, datetime.now(UTC)),
            spec=json.dumps(spec.to_json()),
            spec_id=spec.content_id,
            fingerprint=self.fingerprint,
            data=None,
            parameters=self.parameters,
            lineage={"kind": "import", "from": self.run, "lineage": self.lineage},
            epochs_done=self.epochs_done,
            best_epoch=self.best_epoch,
            validation_accuracy=self.validation_accuracy,
            validation_loss=self.validation_loss,
            train_seconds=self.train_seconds,
            bytes=sum(artifact.bytes for artifact in self.artifacts),
            deleted=None,
            tags=self.tags,
            note=self.note,
            attempts=tuple(
                AttemptRecord(number, ELSEWHERE, entry.started, entry.ended or self.exported, entry.plan)
                for number, entry in enumerate(self.attempts, start=1)
            ),
            epochs=tuple(EpochMetrics(**entry.model_dump()) for entry in self.epochs),
            artifacts={
                entry.kind: Artifact(entry.kind, folder / entry.file_name, entry.sha256, entry.bytes, entry.epoch)
                for entry in self.artifacts
            },
        )

    def data_record(self) -> DataRecord | None:
        """The data set as it is to be remembered here."""
        if self.data is None:
            return None
        return DataRecord(fingerprint=self.fingerprint, **self.data.model_dump())
