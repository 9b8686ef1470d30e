"""From a data set that is split to what a spec needs to know of it."""

from __future__ import annotations

from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Splits
from fittingroom.spec.faults import DataFacts


def facts_of(data: Dataset, splits: Splits) -> DataFacts:
    """Sizes, class names, and how many images each part has."""
    return DataFacts(
        channels=data.channels,
        height=data.height,
        width=data.width,
        class_names=data.class_names,
        training_images=len(splits.train),
        validation_images=len(splits.validation),
        test_images=len(splits.test),
    )
