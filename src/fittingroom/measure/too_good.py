"""Results that are too good to be true: above what is known of the data, above training, or of images already seen.

The case that these rules are made for: validation images that are a slice of the training images, seen without the
augmentation that training has, so that validation accuracy (99.5 %) lies above training accuracy (99.2 %).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from fittingroom.data.copies import Copies
from fittingroom.measure.caution import Caution, Histories, keys_of, named, own_epochs, runs_of
from fittingroom.measure.evaluate import wilson
from fittingroom.measure.study import ArmResults, StudyResults
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.layers import AnyLayer, Classify, Dense, Dropout, Flatten
from fittingroom.spec.run import RunSpec

PUBLISHED = {"fashion-mnist": 0.97}
"""The highest credible test accuracy that is published for a data set, rounded up: of Fashion-MNIST 96.91 % (M. S.
Tanveer, M. U. K. Khan, C.-M. Kyung, "Fine-tuning DARTS for image classification", 2020)."""
LINEAR = {"fashion-mnist": 0.88}
"""What no linear model reaches: the best in H. Xiao and others, "Fashion-MNIST", 2017, have about 84 %."""
ALL_RIGHT = 100
"""Images from which on it is strange that each of them is right."""
CHANCE = 3.0
"""Standard errors that are more than chance: one run in 700."""
NEAR = 0.02
"""Share of validation images with a near copy in training that is no chance: Fashion-MNIST has less than 0.5 %."""
NEARLY_ALL = 0.99
"""Validation accuracy from which on it should not lie above training accuracy, whatever training has beside it."""
LOOK = (
    "Check that no validation image, or a near copy of it, was trained on (the study's report compares them), and that "
    "nothing beside what they show, such as size or border, tells the classes apart."
)


def too_good(results: StudyResults, specs: Mapping[str, RunSpec], histories: Histories) -> Iterator[Caution]:
    """Every rule, on every arm that has figures; without its spec an arm is judged by its figures alone."""
    yield from _found(results, [arm for arm in results.arms if _above(arm, results, specs, PUBLISHED)], (
        "validation accuracy lies above {0} %, the best that is published for this data, by more than chance"
    ), specs)  # fmt: skip
    linear = [arm for arm in results.arms if arm.key in specs and is_linear(specs[arm.key].network)]
    yield from _found(results, [arm for arm in linear if _above(arm, results, specs, LINEAR)], (
        "a linear model reaches more than {1} % of this data, which none is known to do"
    ), specs)  # fmt: skip
    perfect = [arm for arm in results.arms if results.images >= ALL_RIGHT and _best(arm) == 1]
    yield from _found(results, perfect, f"each of the {results.images:,} validation images is right", specs)
    known = {key for key, spec in specs.items() if spec.data.source in PUBLISHED}
    above = [arm for arm in results.arms if arm not in perfect and any(
        _above_training(arm, seed, epochs, results.images, specs.get(arm.key), known=arm.key in known)
        for seed, epochs in histories.get(arm.key, {}).items()
    )]  # fmt: skip
    yield from _found(results, above, (
        "validation accuracy lies above training accuracy by more than chance, and by more than learning within an "
        "epoch, dropout or augmentation explain"
    ), specs)  # fmt: skip


def validation_in_training(results: StudyResults, copied: Mapping[str, Copies]) -> Iterator[Caution]:
    """Where images were compared: exact copies of validation images in training, or more near ones than chance has."""
    for told, arms in (
        ("Up to {exact:,} of {images:,} validation images are among those", [
            arm for arm in results.arms if arm.key in copied and copied[arm.key].exact > 0
        ]),
        ("Of {compared:,} validation images that were compared, {near:,} are nearly the same as one of those", [
            arm for arm in results.arms if arm.key in copied and copied[arm.key].exact == 0
            and copied[arm.key].near > NEAR * copied[arm.key].compared
        ]),
    ):  # fmt: skip
        if not arms:
            continue
        worst = max((copied[arm.key] for arm in arms), key=lambda each: (each.exact, each.near))
        figures = {"exact": worst.exact, "near": worst.near, "compared": worst.compared, "images": results.images}
        text = (
            f"{told.format(**figures)} that {named(arms)} {'was' if len(arms) == 1 else 'were'} trained on, told by "
            "their content. The accuracy says how well they were learned by heart, not what to expect of new images."
        )
        fix = "Take these images out of one of the two parts, or split the data anew, and train again."
        yield Caution("validation in training", keys_of(arms), runs_of(arms), text, fix)


def is_linear(network: Sequence[AnyLayer]) -> bool:
    """Whether a network is a linear model: nothing in it bends."""
    plain = (Flatten, Classify, Dropout)
    return all(isinstance(layer, plain) or (isinstance(layer, Dense) and not layer.activation) for layer in network)


def is_regularized(spec: RunSpec) -> bool:
    """Whether training sees something harder than validation does."""
    dropout = any(isinstance(layer, Dropout) and layer.rate > 0 for layer in spec.network)
    return dropout or any(not each.changes_nothing for each in spec.augment)


def _found(
    results: StudyResults, arms: Sequence[ArmResults], told: str, specs: Mapping[str, RunSpec]
) -> Iterator[Caution]:
    if not arms:
        return
    source = specs[arms[0].key].data.source if arms[0].key in specs else ""
    levels = (f"{100 * table.get(source, 0):g}" for table in (PUBLISHED, LINEAR))
    figures = f"{100 * max(_best(arm) or 0 for arm in arms):.1f} % on {results.images:,} validation images"
    text = (
        f"Too good to be true? With {named(arms)}, {told.format(*levels)} ({figures}). The usual causes: validation "
        "images were trained on, or something beside what they show gives the class away."
    )
    yield Caution("too good", keys_of(arms), runs_of(arms), text, LOOK)


def _best(arm: ArmResults) -> float | None:
    found = [value for value in arm.values("validation_accuracy").values() if math.isfinite(value)]
    return max(found, default=None)


def _above(arm: ArmResults, results: StudyResults, specs: Mapping[str, RunSpec], table: Mapping[str, float]) -> bool:
    """Whether the 95 % interval of an arm's best run over images lies above what a table knows of its data."""
    level = table.get(specs[arm.key].data.source) if arm.key in specs else None
    best = _best(arm)
    return level is not None and best is not None and results.images > 0 and wilson(best, results.images).low > level


def _above_training(
    arm: ArmResults, seed: int, epochs: Sequence[EpochMetrics], images: int, spec: RunSpec | None, *, known: bool
) -> bool:
    """Whether validation is better than training in a way that nothing explains, at the run's best epoch.

    Training accuracy is a mean over the epoch, so it lags by at most what the epoch brought. Dropout and augmentation
    make training harder than validation, by how much nobody can say; but where nearly all validation images are
    right, of data that nothing is known about, that too is worth a look. Sampling is judged by the validation images
    alone: training has many more.
    """
    outcome = next((each for each in arm.outcomes if each.seed == seed and each.figures), None)
    own = own_epochs(epochs)
    number = outcome.figures.get("best_epoch") if outcome else None
    at = next((index for index, epoch in enumerate(own) if epoch.epoch == number), None)
    if at is None or images < 1:
        return False
    validation, training = own[at].validation_accuracy, own[at].train_accuracy
    if not (math.isfinite(validation) and math.isfinite(training)):
        return False
    chance = CHANCE * math.sqrt(max(validation * (1 - validation), 1 / images) / images)
    if spec is not None and is_regularized(spec):
        return not known and validation >= NEARLY_ALL and validation - training > chance
    if at == 0:
        return False  # nobody knows how fast it learned within the first epoch
    lag = max(0.0, validation - own[at - 1].validation_accuracy)
    return spec is not None and validation - training > lag + chance
