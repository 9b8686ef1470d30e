"""What is measured before training: what is asked of the process behind the page, and its figures in words."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices
from fittingroom.store import RunSummary, Store
from fittingroom.web.augment.choice import as_text
from fittingroom.web.augment.reading import Item, plain_operations
from fittingroom.web.data_card import Sheet, Tile
from fittingroom.web.figures import percent
from fittingroom.web.inference import Job

MOST_FOREGROUND, MOST_CONTRAST, LEAST_AGREEMENT = 0.25, 0.5, 0.8
"""What is flagged: the worst variation loses more, or fewer of the variations are seen as the image itself."""
IMAGES, VARIATIONS, FEWER_VARIATIONS, MOST_CLASSES = 4, 64, 16, 40
MOST_VALUES = 1 << 26
"""Of all variations in all settings: what takes some ten seconds."""
BRIGHT = 0.5
CELL = 84


@dataclass(frozen=True)
class Question:
    """What to measure."""

    words: Mapping[str, Any]
    names: Sequence[str]
    """Of the settings: all together, then each operation alone where there are several."""
    keys: Sequence[str]
    run: RunSummary | None
    weights: str
    """SHA-256 of the run's best weights."""

    @property
    def key(self) -> Hashable:
        """The same for the same question about the same content."""
        words = self.words
        return (
            "augment worst",
            words["fingerprint"],
            as_text([*words["settings"]]),
            tuple(words["images"]),
            self.weights,
        )

    @property
    def images(self) -> int:
        return len(self.words["images"])

    @property
    def variations(self) -> int:
        return int(self.words["variants"])


def runs_on(data: Dataset, store: Store) -> list[RunSummary]:
    """Runs that were trained on this data and have weights, the newest first."""
    return [run for run in store.runs() if run.fingerprint == data.fingerprint and run.best_epoch is not None]


def question(
    data: Dataset, training: Indices, items: Sequence[Item], seed: int, run: RunSummary | None, store: Store
) -> Question | None:
    """What to measure of a draft; None where there is nothing."""
    shown = [item for item in items if item.operation is not None and not item.off]
    if not shown:
        return None
    keys = ["", *(item.key for item in shown)] if len(shown) > 1 else [""]
    labels = {item.key: item.label for item in shown}
    classes = min(len(data.class_names), MOST_CLASSES)
    room = MOST_VALUES // (len(keys) * classes * int(np.prod(data.shape)))
    variations = VARIATIONS if room >= VARIATIONS else FEWER_VARIATIONS
    best = store.run(run.id).artifacts.get("best") if run else None
    words = {
        "source": data.source,
        "fingerprint": data.fingerprint,
        "settings": [plain_operations(items, key) for key in keys],
        "images": chosen(data, training, classes, min(max(room // variations, 1), IMAGES)),
        "variants": variations,
        "seed": seed,
        "run": run.id if run and best else "",
        "most_foreground": MOST_FOREGROUND,
        "most_contrast": MOST_CONTRAST,
    }
    names = ["All together" if len(keys) > 1 else shown[0].label, *(labels[key] for key in keys[1:])]
    return Question(words, names, keys, run if best else None, best.sha256 if best else "")


def chosen(data: Dataset, training: Indices, classes: int, each: int) -> list[int]:
    """Some training images of each class, the same every time; of random classes where there are too many."""
    generator = np.random.default_rng(0)
    labels = generator.permutation(np.unique(data.labels[training]))[:classes]
    found = []
    for label in sorted(labels.tolist()):
        found += generator.permutation(training[data.labels[training] == label])[:each].tolist()
    return found


@dataclass(frozen=True)
class ClassRow:
    """What was found for one class."""

    name: str
    figures: Mapping[str, Any]
    other: str
    """What the network mostly sees instead."""
    worst: tuple[Tile, Tile] | None = None
    """The image and its variation that loses most of the foreground, where any does."""
    palest: tuple[Tile, Tile] | None = None

    @property
    def agreement(self) -> float:
        return float(self.figures["agreed"] / self.figures["n"])

    @property
    def flags(self) -> frozenset[str]:
        """Figures that stand out."""
        figures = self.figures
        over = {
            "foreground": figures["foreground"] > MOST_FOREGROUND,
            "contrast": figures["contrast"] > MOST_CONTRAST,
            "agreement": self.agreement < LEAST_AGREEMENT,
        }
        return frozenset(name for name, is_over in over.items() if is_over)

    def said(self, run: str | None) -> list[str]:
        """What stands out, in words."""
        figures, found = self.figures, []
        n = f"{figures['n']:,} variations"
        if "foreground" in self.flags:
            lost, outside = percent(figures["foreground"], 0), percent(figures["outside"], 0)
            where = "is outside the frame" if lost == outside else f"is lost, {outside} by leaving the frame"
            found.append(
                f"Up to {lost} of it {where if figures['outside'] > 0.005 else 'vanishes'}; more than "
                f"{percent(MOST_FOREGROUND, 0)} in {figures['over_foreground']:,} of {n}."
            )
        if "contrast" in self.flags:
            found.append(
                f"Up to {percent(figures['contrast'], 0)} of its contrast is lost; more than "
                f"{percent(MOST_CONTRAST, 0)} in {figures['over_contrast']:,} of {n}."
            )
        if run and "agreement" in self.flags:
            found.append(
                f"{run} sees something else in {percent(1 - self.agreement, 0)} of {n}, "
                f"mostly {self.other} ({figures['other_count']:,})."
            )
        return found


@dataclass(frozen=True)
class SettingRow:
    """The worst class in one setting, for each figure."""

    key: str
    name: str
    foreground: ClassRow
    contrast: ClassRow
    agreement: ClassRow

    def said(self, run: str | None) -> list[str]:
        """What stands out, in few words."""
        found = []
        if "foreground" in self.foreground.flags:
            found.append(f"up to {percent(self.foreground.figures['foreground'], 0)} of {self.foreground.name} is lost")
        if "contrast" in self.contrast.flags:
            lost = percent(self.contrast.figures["contrast"], 0)
            found.append(f"up to {lost} of the contrast of {self.contrast.name} is lost")
        if run and "agreement" in self.agreement.flags:
            row = self.agreement
            found.append(f"{run} sees {row.name} as before in {percent(row.agreement, 0)} of {row.figures['n']:,}")
        return found


@dataclass(frozen=True)
class Worst:
    """What was measured, read."""

    question: Question
    classes: Sequence[ClassRow]
    settings: Sequence[SettingRow]
    sheet: Sheet
    background: float
    all_classes: int

    @property
    def run(self) -> str | None:
        return self.question.run.id if self.question.run else None

    @property
    def black_border(self) -> bool:
        """Whether black comes into view where the background is bright."""
        together = self.question.words["settings"][0]
        return self.background > BRIGHT and any(operation.get("border") == "zero" for operation in together)

    def alone(self, key: str) -> list[str]:
        """What stands out of an operation alone."""
        keys = [setting.key for setting in self.settings]
        alone = 0 if len(keys) == 1 else keys.index(key) if key in keys else None
        return [] if alone is None else self.settings[alone].said(self.run)

    @property
    def flagged(self) -> list[ClassRow]:
        """Classes about which something is said, those that lose most first."""
        found = [row for row in self.classes if row.said(self.run)]
        return sorted(found, key=lambda row: -row.figures["foreground"])

    @classmethod
    def of(cls, asked: Question, job: Job, data: Dataset) -> Worst:
        assert job.result is not None
        words = job.result.words
        labels = [data.class_names[label] for label in words["labels"]]
        tall = max(round(CELL * data.height / data.width), 1)
        sheet = Sheet("worst", f"/augment/worst/{job.id}", 4 * CELL, len(labels) * tall)

        def row(place: int, figures: Mapping[str, Any], *, pictured: bool) -> ClassRow:
            other = "" if figures["other"] is None else data.class_names[figures["other"]]
            pieces = [
                Tile(figures[of], "worst", column * CELL, place * tall, CELL, tall)
                for column, of in enumerate(("worst_of", "worst_of", "palest_of", "palest_of"))
            ]
            worst = (pieces[0], pieces[1]) if pictured and figures["foreground"] > 0 else None
            palest = (pieces[2], pieces[3]) if pictured and figures["contrast"] > 0 else None
            return ClassRow(labels[place], figures, other, worst, palest)

        found = [
            [row(place, figures, pictured=not number) for place, figures in enumerate(setting)]
            for number, setting in enumerate(words["found"])
        ]
        settings = [
            SettingRow(
                key, name,
                max(rows, key=lambda row: row.figures["foreground"]),
                max(rows, key=lambda row: row.figures["contrast"]),
                min(rows, key=lambda row: row.agreement),
            )
            for key, name, rows in zip(asked.keys, asked.names, found, strict=True)
        ]  # fmt: skip
        return cls(asked, found[0], settings, sheet, words["background"], len(data.class_names))
