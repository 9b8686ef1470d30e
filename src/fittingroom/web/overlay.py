"""Runs laid over one another: what differs between them, and whether their figures may be compared at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fittingroom.spec.differences import differences, differences_of, told
from fittingroom.spec.division import Division
from fittingroom.spec.settings import Settings, settings_of
from fittingroom.web.snapshot import Snapshot

MOST_RUNS = 12
SEED = "seed"
FEW = 3
"""Settings that a legend tells of each run without looking for a shorter way."""


@dataclass(frozen=True)
class Line:
    """One run of an overlay."""

    snapshot: Snapshot
    texts: Mapping[str, str]
    differs: Sequence[str]
    """What of its spec is not so in all of them."""

    @property
    def id(self) -> str:
        return self.snapshot.run.id


@dataclass(frozen=True)
class HeldOut:
    """What decides which images a run is validated on."""

    fingerprint: str
    division: Division

    @classmethod
    def by(cls, snapshot: Snapshot) -> HeldOut:
        return cls(snapshot.run.fingerprint, snapshot.background.spec.data.division)


def lines(snapshots: Sequence[Snapshot]) -> list[Line]:
    """Each run with what differs, in the order in which they were asked for.

    Where that is much, a run is told by its nearest earlier one: ``as mlp-1, but train.budget = 12s``.
    """
    settings = {each.run.id: settings_of(each.background.spec) for each in snapshots}
    whole = differences_of(settings)
    return [Line(each, each.texts(), _shortest(each.run.id, whole[each.run.id], settings)) for each in snapshots]


def _shortest(run: str, differing: Mapping[str, str], settings: Mapping[str, Settings]) -> list[str]:
    """The settings that differ from the others, or from the earlier run that is nearest, if that is much shorter."""
    earlier = list(settings)[: list(settings).index(run)]
    if len(differing) <= FEW or not earlier:
        return told(differing)
    pairs = {other: differences_of({other: settings[other], run: settings[run]})[run] for other in earlier}
    nearest = min(pairs, key=lambda other: len(pairs[other]))
    if set(pairs[nearest]) == {SEED}:
        return [f"same spec as {nearest}, other seed: {pairs[nearest][SEED]}"]
    if not pairs[nearest]:
        return [f"same spec and seed as {nearest}"]
    if len(pairs[nearest]) <= len(differing) / 2:
        first, *others = told(pairs[nearest])
        return [f"as {nearest}, but {first}", *others]
    return told(differing)


def differing(snapshots: Sequence[Snapshot]) -> dict[str, dict[str, str]]:
    return differences({each.run.id: each.background.spec for each in snapshots})


def likeness(snapshots: Sequence[Snapshot]) -> str:
    """Where all of them are the same spec, that they are; else nothing."""
    paths = {path for each in differing(snapshots).values() for path in each}
    if len(snapshots) < 2 or paths - {SEED}:
        return ""
    if paths:
        return "The same spec, each with another seed: what differs between their curves is chance."
    return "The same spec and seed: what differs comes from the machine, or from where they were ended."


def warnings(snapshots: Sequence[Snapshot]) -> list[str]:
    """Why figures of these runs may not be compared, in sentences; none where they may."""
    groups: dict[HeldOut, list[Snapshot]] = {}
    for each in snapshots:
        groups.setdefault(HeldOut.by(each), []).append(each)
    if len(groups) < 2:
        return []
    several = {
        "data": len({group.fingerprint for group in groups}) > 1,
        "share": len({replace(group.division, split_seed=0) for group in groups}) > 1,
        "split seed": len({group.division.split_seed for group in groups}) > 1,
    }
    told_of = [
        f"{_listed([each.run.id for each in members])} on {_images(members[0], several)}" for members in groups.values()
    ]
    return [
        f"Not measured on the same validation images: {'; '.join(told_of)}. Figures of runs that were validated on "
        "different images are not comparable."
    ]


def _images(snapshot: Snapshot, several: Mapping[str, bool]) -> str:
    """The validation images of a run, by what tells them from those of the others."""
    data = snapshot.background.spec.data
    words = [f"{snapshot.background.held_out:,} images"] if snapshot.background.held_out else ["images"]
    if several["data"]:
        name = snapshot.background.data.name if snapshot.background.data else data.source
        words.append(f"of {name} ({snapshot.run.fingerprint[:8]})")
    if several["share"]:
        fold = f"held out as fold {data.fold} of {data.folds}"
        words.append(fold if data.folds else f"held out as validation = {data.validation}")
    if several["split seed"]:
        words.append(f"with split_seed = {data.split_seed}")
    return " ".join(words)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
