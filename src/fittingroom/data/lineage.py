"""What weights have seen, along their whole lineage: no run may validate or test on images they were trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.copies import count_common
from fittingroom.data.dataset import Dataset
from fittingroom.data.fingerprints import content_of
from fittingroom.data.sources import load_as
from fittingroom.data.splits import Splits
from fittingroom.errors import Fault, FittingRoomError
from fittingroom.spec.data import DataSpec
from fittingroom.spec.division import Division, HeldOut
from fittingroom.workspace import Workspace


@dataclass(frozen=True)
class TrainedOn:
    """The training images that weights have seen, told by data set and split; no fingerprint where nobody knows."""

    source: str
    fingerprint: str
    validation: HeldOut
    split_seed: int
    folds: int | None = None
    fold: int | None = None

    @property
    def division(self) -> Division:
        """How that data set was divided."""
        return Division(self.validation, self.split_seed, self.folds, self.fold)

    def to_json(self) -> dict[str, Any]:
        """As files keep it: what came with folds is left out where there are none."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @property
    def known(self) -> bool:
        return bool(self.fingerprint)

    def is_split_as(self, other: TrainedOn) -> bool:
        """Whether both have the very same training images; a split checks by content that it holds none of them out."""
        return self.known and (self.fingerprint, self.division) == (other.fingerprint, other.division)

    @classmethod
    def unknown(cls, origin: str) -> TrainedOn:
        """Weights that do not say what they were trained on: whoever takes them over has to pass that on."""
        return cls(origin, "", 0, 0)

    @classmethod
    def of(cls, spec: DataSpec, fingerprint: str) -> TrainedOn:
        return cls(spec.source, fingerprint, **asdict(spec.division))


def seen_faults(
    trained_on: Iterable[TrainedOn], origin: str, data: Dataset, splits: Splits, workspace: Workspace
) -> tuple[list[Fault], list[str]]:
    """A fault for every earlier training that has used images which now validate or test, told by content.

    Beside them the sources of earlier trainings that are no longer there as they were, so that nobody can tell.
    """
    found, gone = [], []
    for earlier in (each for each in trained_on if each.known):
        seen = _training_hashes(earlier, data, workspace)
        if seen is None:
            gone.append(earlier.source)
            continue
        for part, indices in (("validation", splits.validation), ("test", splits.test)):
            if count := count_common(seen, data.hashes[indices]):
                found.append(Fault("data", *_told(count, len(indices), part, origin, earlier, data)))
    return found, gone


def _told(count: int, n: int, part: str, origin: str, earlier: TrainedOn, data: Dataset) -> tuple[str, str]:
    message = f"{count:,} of the {n:,} {part} images are among those that {origin} was trained on"
    if content_of(earlier.fingerprint) != data.content:
        return message, f'take these images out of "{earlier.source}" or out of this data, or start from other weights'
    return message, f"split the data as there, with {earlier.division}"


def _training_hashes(earlier: TrainedOn, data: Dataset, workspace: Workspace) -> NDArray[np.uint64] | None:
    """(n, 2): content hashes of the training images; None when that data set is gone or has changed."""
    if earlier.fingerprint != data.fingerprint:
        try:
            data = load_as(earlier.source, earlier.fingerprint, workspace)
        except FittingRoomError:
            return None
        if earlier.fingerprint != data.fingerprint:
            return None
    return data.hashes[data.divide(earlier.division).train]
