"""A StudySpec says what varies between runs that are otherwise the same, and how often each is repeated.

Its arms are the combinations of its axes (``vary``), or those that it lists (``arms``), or both crossed. Each arm is
trained with the same seeds: run k of every arm sees the images in the same order, with the same draws of dropout and
augmentation, and begins with the same initial weights wherever names and shapes of layers agree.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import tomli_w

from fittingroom.errors import Fault, InvalidSpec
from fittingroom.spec.mistakes import ONE_LINE, Refused, show_value
from fittingroom.spec.record import param, record, validated
from fittingroom.spec.run import LONGEST_NAME, RunSpec, load_plain, presets, to_plain
from fittingroom.spec.train import Budget

FORMAT = 1
MOST_SEEDS = 100
MOST_ARMS = 200
MeasureName = Literal[
    "validation_accuracy", "validation_loss", "train_seconds", "best_epoch", "epochs_to_target", "seconds_to_target"
]


@record
class Range:
    """Numbers to search among, both ends included."""

    low: float = param(help="The smallest value.")
    high: float = param(help="The largest value.")
    log: bool = param(default=False, strict=True, help="Equal factors are equally likely, as for learning rates.")
    whole: bool = param(default=False, strict=True, help="Whole numbers only.")

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InvalidSpec([Fault("high", f"{self.high} is not above low, {self.low}", "give low < high")])
        if self.log and self.low <= 0:
            raise InvalidSpec([Fault("low", f"{self.low} has no logarithm", "give a low above 0, or leave log out")])


@record
class Search:
    """Try some combinations instead of all of them."""

    method: Literal["random", "tpe"] = param(
        default="random",
        help="random: drawn beforehand. tpe: each one chosen by what those before it came to (Bergstra et al. 2011).",
    )
    trials: int = param(default=20, ge=2, le=MOST_ARMS, help="How many combinations are tried.")
    seed: int = param(default=0, ge=0, le=2**32 - 1, help="What is drawn comes from it.")
    prune: bool = param(
        default=False,
        strict=True,
        help="End a run early whose validation accuracy is below the median of other arms' runs, after a quarter and "
        "half of its epochs, from four such runs on.",
    )


def _axis(value: Any) -> Any:
    """The values of an axis: a list of them, or a range."""
    if isinstance(value, Mapping):
        if not value.keys() & {"low", "high", "log", "whole"}:  # in TOML a path without quotes is tables in tables
            raise Refused(
                f"{show_value(dict(value))} is no range", 'put the path in quotes: "train.batch_size" = [64, 128]'
            )
        return validated(Range, value, "a range cannot be used")
    if isinstance(value, Range):
        return value
    if not isinstance(value, list | tuple):
        raise Refused(f"{show_value(value)} is neither a list of values nor a range", "write it as [value, value]")
    if len(value) < 2:
        raise Refused(f"{show_value(list(value))} varies nothing", "give two values or more")
    return tuple(value)


Axis = Annotated[Any, pydantic.PlainValidator(_axis, json_schema_input_type=list[Any] | Range)]


@record
class ArmSpec:
    """One variation by hand."""

    name: str = param(min_length=1, max_length=60, pattern=ONE_LINE, help="What people call it.")
    set: Mapping[str, Any] = param(default={}, help='Settings by their paths: { "train.batch_size" = 512 }.')
    base: RunSpec | None = param(default=None, help="A run of its own to begin from: a preset, a file, or a table.")
    small: Mapping[str, Any] = param(default={}, help="Settings of its own in a first look, beside or in place of set.")


@record
class Smaller:
    """What to change for a first look that takes minutes."""

    set: Mapping[str, Any] = param(default={}, help="Settings of every arm, by their paths.")
    seeds: int | None = param(default=None, ge=1, le=MOST_SEEDS, help="Seeds of each arm.")
    target: float | None = param(default=None, gt=0, lt=1, help="Validation accuracy that is within its reach.")


@record
class StudySpec:
    """A base run, what varies, with how many seeds, and by which figure the arms are compared."""

    base: RunSpec = param(help="The run that is varied: a preset, a file, or a table like a run's own spec.")
    vary: Mapping[str, Axis] = param(
        default={},
        help='Axes: values by path, { "network.*.activation" = ["relu", "elu"] }; all combinations are arms. '
        "An item or a whole list is varied by with and without.",
    )
    arms: tuple[ArmSpec, ...] = param(default=(), help="Variations by hand, each with what it sets.")
    set: Mapping[str, Any] = param(default={}, help="Settings of every arm, by their paths.")
    about: tuple[str, ...] = param(
        default=(), help="Paths in which arms with a base or several settings of their own are meant to differ."
    )
    seeds: int = param(default=3, ge=1, le=MOST_SEEDS, help="Runs of each arm; they count up from the base's seed.")
    measure: MeasureName = param(default="validation_accuracy", help="The figure by which arms are compared.")
    target: float | None = param(
        default=None, gt=0, lt=1, help="Validation accuracy, as a share, to which epochs and seconds are counted."
    )
    margin: float | None = param(
        default=None,
        gt=0,
        help="The smallest difference that matters, in the measure's unit: 0.2 percentage points for accuracy.",
    )
    control: str | None = param(
        default=None,
        min_length=1,
        max_length=LONGEST_NAME,
        pattern=ONE_LINE,
        help="The arm, by its name, that each other one is compared with; unless given, every pair is compared.",
    )
    budget: Budget = param(default=None, unit="s", help="Time for all of it, such as 30m: nothing is begun after that.")
    search: Search | None = param(default=None, help="Try some combinations of the axes instead of all.")
    small: Smaller | None = param(default=None, help="What to change for a first look that takes minutes.")
    name: str = param(
        default="study", min_length=1, max_length=LONGEST_NAME, pattern=ONE_LINE, help="What it is called."
    )
    question: str = param(default="", max_length=500, help="What it is to answer, for those who read its report.")
    note: str = param(default="", max_length=5000, help="Where it comes from, and what to know about it.")
    format: Literal[1] = param(default=FORMAT, help="Version of this file format.")

    def __post_init__(self) -> None:
        faults = []
        if self.small is None and any(arm.small for arm in self.arms):
            faults.append(Fault("arms", "have settings for a first look, and the study has none", "add [small]"))
        targets = [self.target] if self.small is None else [self.target, self.small.target]
        if self.measure.endswith("_to_target") and not any(targets):
            faults.append(Fault("target", f"is missing, and {self.measure} is counted to it", "add target = 0.88"))
        if self.control is not None and self.search is not None:
            told = f'names "{self.control}", and the arms of a search are not known beforehand'
            faults.append(Fault("control", told, "leave it out, or list all values in vary in place of a search"))
        for where, path in [
            *(("set", path) for path in self.set),
            *(("small.set", path) for path in (self.small.set if self.small else ())),
            *((f"arms.{arm.name}.set", path) for arm in self.arms for path in arm.set),
        ]:
            if any(fnmatchcase(path, axis) and not _is_choice(values) for axis, values in self.vary.items()):
                told = "is what varies, so that its values come from there"
                faults.append(Fault(f'{where}."{path}"', told, "leave it out here, or change it in vary"))
        if faults:
            raise InvalidSpec(faults)

    @property
    def content_id(self) -> str:
        """SHA-256 (hex) of all that decides which runs it has and how they are judged, but the number of seeds."""
        told = {"name", "question", "note", "seeds", "small", "margin", "control", "budget"}
        content = {key: value for key, value in to_plain(self, full=True).items() if key not in told}
        for arm in content["arms"]:
            del arm["small"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def chooses_by_results(self) -> bool:
        """Whether its arms are chosen by what those before them came to, so that they are not known beforehand."""
        return self.search is not None and self.search.method == "tpe"

    @property
    def budget_seconds(self) -> float | None:
        return None if self.budget is None else float(self.budget.removesuffix("s"))

    def smaller(self) -> StudySpec:
        """The same study as a first look; as it is where it names nothing smaller."""
        if self.small is None:
            return self
        return dataclasses.replace(
            self,
            name=f"{self.name} (small)"[:LONGEST_NAME],
            set={**self.set, **self.small.set},
            arms=tuple(dataclasses.replace(arm, set={**arm.set, **arm.small}, small={}) for arm in self.arms),
            seeds=self.small.seeds or self.seeds,
            target=self.small.target or self.target,
            small=None,
        )

    def to_toml(self) -> str:
        """As TOML for people: defaults left out."""
        return tomli_w.dumps(in_reading_order(to_plain(self)))

    def to_json(self) -> dict[str, Any]:
        """As plain data with every default written out, as the store keeps it."""
        return in_reading_order(to_plain(self, full=True))


def _is_choice(values: Any) -> bool:
    """Whether an axis only has something, or leaves it out, whatever that is."""
    return isinstance(values, tuple) and all(value in ("with", "without") for value in values)


def in_reading_order(plain: dict[str, Any]) -> dict[str, Any]:
    order = ("format", "name", "question", "note", "seeds", "measure", "target", "margin", "control", "budget", "about",
             "set", "search", "small", "vary", "arms", "base")  # fmt: skip
    return {"format": FORMAT, **{key: plain[key] for key in order if key in plain}}


def study_presets() -> dict[str, str]:
    """The shipped studies: name -> TOML text, in the order of their names."""
    folder = resources.files("fittingroom.spec") / "presets" / "studies"
    found = {entry.name.removesuffix(".toml"): entry for entry in folder.iterdir() if entry.name.endswith(".toml")}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}


def load_study_spec(source: str | Path) -> StudySpec:
    """Read a StudySpec from a TOML or JSON file, or a shipped study by its name.

    A base is a preset's name, or a file as seen from the study's own folder, or a table.
    """
    plain, origin = load_plain(source, study_presets(), "study")
    folder = Path(source).parent if Path(source).is_file() else Path()
    return study_from_plain(_with_bases(plain, folder), origin=origin)


def study_from_plain(value: Mapping[str, Any], *, origin: str = "the study") -> StudySpec:
    """Make a StudySpec from plain data; raises InvalidSpec with every mistake. ``origin`` names it in messages."""
    version = value.get("format") if isinstance(value, Mapping) else None
    if isinstance(version, int) and version > FORMAT:
        newer = Fault("format", f"is {version}, and this Fitting Room reads up to {FORMAT}", "upgrade Fitting Room")
        raise InvalidSpec([newer], title=f"{origin} has faults")
    return validated(StudySpec, value, title=f"{origin} has faults")


def _with_bases(plain: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with every base that is only named read from where it is."""
    arms = plain.get("arms")
    listed = (
        [_with_base(arm, folder) if isinstance(arm, dict) else arm for arm in arms] if isinstance(arms, list) else arms
    )
    return _with_base({**plain, "arms": listed} if "arms" in plain else plain, folder)


def _with_base(plain: dict[str, Any], folder: Path) -> dict[str, Any]:
    base = plain.get("base")
    if not isinstance(base, str):
        return plain
    beside = folder / base
    read, _ = load_plain(beside if beside.is_file() else base, presets())
    return {**plain, "base": read}
