"""What verdicts are about, what they are not about, and how they were found."""

from __future__ import annotations

from collections.abc import Iterator

from fittingroom.measure.judgement import Judgement
from fittingroom.measure.planning import MOST_SEEDS
from fittingroom.measure.study import PRUNED
from fittingroom.measure.told import counted, decimals, figure, level, span_of

BY_BEST_EPOCH = {"validation_accuracy", "validation_loss"}


def scope(judged: Judgement, images: int, divisions: int = 1, *, searched: bool = False) -> tuple[str, ...]:
    """What the verdicts are about, and how they were found.

    ``divisions``: how many sets of validation images; ``searched``: whether arms were chosen by what others came to.
    """
    said = [*(_divided(judged, divisions) if divisions > 1 else ()), *_chosen(judged, searched=searched)]
    if any(comparison.interval for comparison in judged.comparisons):
        said.append(
            "Differences are between runs with the same seed; intervals are 95 % t intervals, which take the "
            "differences to be spread normally."
        )
    if judged.family > 1:
        shown = len(judged.comparisons)
        counted_ = f"all {judged.family:,} pairs that could be tested"
        if judged.control is not None:
            control = judged.arm(judged.control).name
            counted_ = f"the {judged.family:,} comparisons with {control}, which the study names as its control"
        elif shown < judged.family:
            counted_ += f", not only the {shown:,} told here, because the best arm was chosen by looking"
        said.append(
            f"The more comparisons, the more of them look real by chance: verdicts are Holm's over {counted_}, so that "
            "the probability of telling any difference that is not there is at most 5 %; likewise for equalities."
        )
    if judged.control is not None and len(judged.arms) > 2:
        said.append(
            f"Other arms than {judged.arm(judged.control).name} are not compared with each other: which of them is the "
            "best is not asked, and a control that is chosen after looking at results makes these figures too good."
        )
    if any(comparison.open and comparison.seeds_needed for comparison in judged.comparisons):
        among = f" as one of {judged.family:,} comparisons" if judged.family > 1 else ""
        said.append(
            f"Seeds needed are those with which a true difference of {judged.margin_words} is found in 80 % of all "
            f"studies{among}; the range is as wide as the spread is uncertain, and ends at {MOST_SEEDS:,}."
        )
    best = judged.arm(judged.best) if judged.best else None
    if divisions == 1 and best is not None and best.over_images is not None and best.mean is not None:
        low, high = best.over_images
        places = max(1, decimals(span_of(best.over_images), judged.measure) - 1)
        said.append(
            "Seeds say how training varies on these images, and nothing about new ones: on other images of the same "
            f"kind, a run that has {figure(best.mean, places)} % on these {images:,} would have {figure(low, places)} "
            f"to {figure(high, places)} % (95 % interval)."
        )
    elif judged.family:
        said.append("Seeds say how training varies on these images, and nothing about new ones.")
    if judged.measure.unit == "s" and judged.family:
        said.append("Times are those of the machine, and of what else it was doing.")
    pruned = sum(state == PRUNED for arm in judged.arms for _, state in arm.unfinished)
    some = any(arm.values and any(state == PRUNED for _, state in arm.unfinished) for arm in judged.arms)
    if pruned:
        said.append(
            f"The search has ended {counted(pruned, 'run')} early because others were ahead: that is meant, and what "
            f"{'it' if pruned == 1 else 'they'} would have come to is not known."
            f"{' An arm of which other runs went on is judged by those, which may be its better ones.' if some else ''}"
        )
    if judged.provisional:
        said.append("Runs are still to come: every verdict may change, and looking often finds differences by chance.")
    return tuple(said)


def _chosen(judged: Judgement, *, searched: bool) -> Iterator[str]:
    """What was chosen by looking at the very figures that are told."""
    arms = [arm for arm in judged.arms if arm.values]
    if arms and judged.measure.name in BY_BEST_EPOCH:
        yield (
            f"Each run is told by its best epoch, and that was chosen by these validation images: every "
            f"{judged.measure.words.removeprefix('validation ')} here is a little too good, most where there were more "
            "epochs to choose from."
        )
    if searched and len(arms) > 1:
        yield (
            f"The search chose what to try by these figures, so the best of its {len(arms):,} arms looks better than "
            "it would with new seeds."
        )


def _divided(judged: Judgement, divisions: int) -> Iterator[str]:
    """What to think of arms that were not judged on the same images, such as folds."""
    yield (
        f"The arms are judged on {divisions:,} different sets of validation images, so what differs between two of "
        "them may come from the images and from nothing else: no arm trains better by such a difference."
    )
    means = [arm.mean for arm in judged.arms if arm.mean is not None]
    if len(means) == len(judged.arms) == divisions:
        low, high = min(means), max(means)
        places = decimals((high - low) / 2, judged.measure)
        lowest, highest = figure(low, places), level(high, judged.measure, places)
        yield (
            f"Over all {divisions:,} of them the mean is {level(sum(means) / divisions, judged.measure, places)}, from "
            f"{lowest} to {highest}: that is how much depends on which images are held out."
        )
