"""What a study shows, as plain records; made by ``verdicts.judge``, for terminal, page and report alike.

All figures are in the unit in which the measure is told (``Measure.unit``, accuracies in percent); none is nan.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from fittingroom.measure.evaluate import Interval
from fittingroom.measure.planning import Seeds
from fittingroom.measure.stats import Beats, Equivalence
from fittingroom.measure.study import Measure
from fittingroom.measure.told import margin_words


class SeedValue(NamedTuple):
    """What the run with one seed came to."""

    seed: int
    value: float


@dataclass(frozen=True)
class ArmSummary:
    """One arm, over its seeds."""

    key: str
    name: str
    parameters: int
    values: tuple[SeedValue, ...]
    mean: float | None
    """None without a value, and where some runs never reached the target: a mean of the others would flatter."""
    sd: float | None
    interval: Interval | None
    """95 %, of the mean over seeds, cut to what is possible (0 to 100 %)."""
    over_images: Interval | None
    """95 %, of one run with this accuracy over other images of the same kind; None unless it is a share of images."""
    never: tuple[int, ...]
    """Seeds of finished runs that never reached the target."""
    unfinished: tuple[tuple[int, str], ...]
    """Seeds without a result, and the state of their run: ``failed``, ``queued``, ``missing``."""

    @property
    def n(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Comparison:
    """Two arms over the seeds that both have. ``a`` is ahead, and every difference is a minus b."""

    a: str
    """Key of the arm with the better mean; where there are no means, of the earlier one."""
    b: str
    seeds: tuple[int, ...]
    """Those with a value in both arms."""
    difference: float | None
    sd: float | None
    """Of the paired differences."""
    interval: Interval | None
    """95 %, of this difference alone."""
    p: float | None
    adjusted_interval: Interval | None
    """Simultaneous, over all comparisons that are counted; see ``multiplicity.adjust``."""
    adjusted_p: float | None
    """Holm's."""
    differs: bool
    """Whether a is shown to be better: the adjusted interval excludes zero."""
    sign_flip: float | None
    """p of the exact tests; None below 6 seeds."""
    wilcoxon: float | None
    beats: Beats | None
    """How probably one run of a is better than one of b with the same seed; one that never reached the target loses."""
    beats_any: Beats | None
    """The same for any seeds."""
    equivalence: Equivalence | None
    equal: bool
    """Whether both are shown to be within the margin of each other, by Holm's procedure over all comparisons too."""
    seeds_needed: Seeds | None
    """To find a difference of the margin with 80 % power at this study's number of comparisons."""
    text: str = ""
    """The verdict in a sentence."""

    @property
    def open(self) -> bool:
        """Whether there is an interval, and it settles nothing."""
        return self.interval is not None and not self.differs and not self.equal

    @property
    def n(self) -> int:
        return len(self.seeds)


@dataclass(frozen=True)
class Judgement:
    """Everything that the results allow to say about one measure."""

    study: str
    measure: Measure
    margin: float
    """0 where none was given."""
    arms: tuple[ArmSummary, ...]
    comparisons: tuple[Comparison, ...]
    """Each arm with the control; without one every pair of at most 6 arms, and of more, the best against each other."""
    family: int
    """Comparisons that the corrections count: every pair that could be tested, told or not."""
    best: str | None
    """Key of the arm with the best mean; not more than that."""
    winner: str | None
    """Key of the arm that is shown to be better than every other one that can be compared; of three or more with a
    control, that can be the control alone, for the others are not compared with each other.
    """
    control: str | None
    """Key of the arm that was named beforehand as the one that each other is compared with."""
    optimism: float | None
    """How much the best arm would look better than the average by chance if all were equal."""
    provisional: bool
    """Whether runs are still to come."""
    headline: str = ""
    sentences: tuple[str, ...] = ()
    """The verdicts on all comparisons, then what chance does, and what has no result."""
    scope: tuple[str, ...] = ()
    """What the verdicts are about, what they are not about, and how they were found."""

    @property
    def margin_words(self) -> str:
        """``0.2 points``, ``1 epoch``."""
        return margin_words(self.margin, self.measure)

    def arm(self, key: str) -> ArmSummary:
        return next(arm for arm in self.arms if arm.key == key)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, text, lists and None, for ``json.dumps``."""
        told: dict[str, Any] = _plain(asdict(self) | {"measure": self.measure.name, "unit": self.measure.unit})
        for row in (*told["arms"], *told["comparisons"]):
            row["n"] = len(row["values"] if "values" in row else row["seeds"])
        return told


def _plain(value: Any) -> Any:
    """Named tuples as objects with their names."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Interval):
        return list(value)
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
