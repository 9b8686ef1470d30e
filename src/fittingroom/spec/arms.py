"""The arms of a study: every variation as a RunSpec of its own."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fittingroom.errors import Fault, InvalidInput, InvalidSpec, did_you_mean
from fittingroom.spec.arm_names import WITH, WITHOUT, in_words, name_of, text_of
from fittingroom.spec.differences import differences, is_stack
from fittingroom.spec.run import LONGEST_NAME, RunSpec, from_plain, names_of, put
from fittingroom.spec.settings import NONE
from fittingroom.spec.study import MOST_ARMS, ArmSpec, Range, StudySpec

Plain = dict[str, Any]


@dataclass(frozen=True)
class Arm:
    """One variation."""

    key: str
    """Sixteen hexadecimal digits of what it does, whatever it is called: two arms with one key are the same."""
    name: str
    settings: Mapping[str, str]
    """Its value on each axis, as text, by the axis's path."""
    spec: RunSpec
    """With the first seed."""


def arms(study: StudySpec) -> tuple[Arm, ...]:
    """All arms that are known beforehand, in the order of the study; those of a tpe search are chosen later.

    Raises InvalidSpec with the faults of every arm, where two are the same, and where the control is none of them.
    """
    if study.search is None:
        ranged = [path for path, axis in study.vary.items() if isinstance(axis, Range)]
        if ranged:
            fix = "list values, or add [search] with method and trials"
            raise InvalidSpec([Fault(f'vary."{path}"', "is a range", fix) for path in ranged], title=_title(study))
        choices = [dict(zip(study.vary, values, strict=True)) for values in itertools.product(*study.vary.values())]
    elif study.search.method == "random":
        draw = random.Random(study.search.seed)
        choices = [_drawn(study, draw) for _ in range(study.search.trials)]
    else:
        return ()
    pairs = list(itertools.product(study.arms or (None,), choices))
    if len(pairs) > MOST_ARMS:
        told = f"{len(pairs):,} combinations are more than {MOST_ARMS}"
        raise InvalidSpec([Fault("vary", told, "vary less, or add [search] with trials")], title=_title(study))
    if len(pairs) < 2:
        fix = 'add an axis: [vary] "train.batch_size" = [128, 256]'
        raise InvalidSpec([Fault("vary", "nothing varies", fix)], title=_title(study))
    found = _distinct(study, pairs)
    if study.control is not None and control_among(study, [arm.name for arm in found]) is None:
        told = f'"{study.control}" is no arm of this study'
        raise InvalidSpec(
            [Fault("control", told, did_you_mean(study.control, [arm.name for arm in found]))], title=_title(study)
        )
    return found


def axes_of(study: StudySpec) -> tuple[str, ...]:
    """What its arms are told by: ``arm`` where some are made by hand, then the paths that vary."""
    return (*(["arm"] if study.arms else []), *study.vary)


def control_among(study: StudySpec, names: Sequence[str]) -> int | None:
    """Which of its arms, by their names, all others are compared with; ``128`` is ``batch size 128`` too."""
    axes = axes_of(study)
    return next((at for at, name in enumerate(names) if study.control in (name, in_words(name, axes))), None)


def arm_of(study: StudySpec, choice: Mapping[str, Any], by_hand: ArmSpec | None = None) -> Arm:
    """The arm with one value for each axis; raises InvalidSpec with what is wrong with it."""
    base = (by_hand.base if by_hand else None) or study.base
    plain = dataclasses.replace(base, seed=study.base.seed).to_json()
    faults = []
    for place, path, value in _settings(study, choice, by_hand):
        try:
            _vary(plain, path, value)
        except InvalidInput as error:
            faults.append(Fault(place, str(error), "mend the path, or leave it out"))
    name, settings = name_of(choice, by_hand), {path: text_of(value) for path, value in choice.items()}
    if by_hand:
        settings = {"arm": by_hand.name, **settings}
    if faults:
        raise InvalidSpec(faults, title=_title(study))
    try:
        spec = from_plain({**plain, "name": f"{study.name} {name}"[:LONGEST_NAME]})
    except InvalidSpec as error:
        raise InvalidSpec(error.faults, title=f"{_title(study)} in its arm {name}") from None
    return Arm(dataclasses.replace(spec, seed=0).content_id[:16], name, settings, spec)


def spec_of(arm: Arm, seed: int) -> RunSpec:
    """The run of one arm with one seed."""
    return dataclasses.replace(arm.spec, seed=seed)


def seeds_of(study: StudySpec) -> tuple[int, ...]:
    """The seeds that every arm is trained with."""
    return tuple(study.base.seed + number for number in range(study.seeds))


def beyond_axes(study: StudySpec, found: Sequence[Arm]) -> tuple[str, ...]:
    """In what the arms differ beside the axes, as paths: nothing that an arm does better can be put down to one cause.

    Arms that set one thing each by hand vary that thing. Where they set several, or have bases of their own, all that
    differs is told, but for what the study says that it is ``about``.
    """
    meant = [*study.vary, *study.about]
    by_hand = {path for arm in study.arms for path in arm.set}
    if len(by_hand) == 1:
        meant += by_hand
    told = differences({arm.key: arm.spec for arm in found})
    paths = {path for settings in told.values() for path in settings}
    loose = sorted(path for path in paths if not any(_within(path, each) for each in meant))
    stacks = {path for path in loose if is_stack(path)}
    if not study.about and not study.vary and len({_cause(path) for path in loose}) == 1 and len(stacks) <= 1:
        return ()  # arms by hand that differ in one thing only
    return tuple(loose)


def _title(study: StudySpec) -> str:
    return f'the study "{study.name}" has faults'


def _settings(study: StudySpec, choice: Mapping[str, Any], by_hand: ArmSpec | None) -> Iterator[tuple[str, str, Any]]:
    """Everything that is set in an arm, in order: where that stands in the study, path, value."""
    yield from ((f'set."{path}"', path, value) for path, value in study.set.items())
    if by_hand:
        yield from ((f'arms.{by_hand.name}.set."{path}"', path, value) for path, value in by_hand.set.items())
    yield from ((f'vary."{path}"', path, value) for path, value in choice.items())


def _vary(plain: Plain, path: str, value: Any) -> None:
    """Set a value at every place that a path with ``*`` stands for."""
    stack, _, name = path.partition(".")
    known = names_of(items) if isinstance(items := plain.get(stack), list) else []
    if value in (WITH, WITHOUT) and known and name and not {".", "*"} & set(name) and name not in known:
        raise InvalidInput(f'there is no "{path}"; {did_you_mean(name, known)}')
    if value in (WITH, WITHOUT) and (item := _item_at(plain, path)):
        if value == WITHOUT:
            _leave_out(plain, item)
        return
    for each in places(plain, path):
        put(plain, each, None if value == NONE else copy.deepcopy(value))
    if path == "network" and isinstance(value, list):
        plain[path] = _named(plain[path])


def places(plain: Plain, path: str) -> list[str]:
    """The paths of a spec that a pattern stands for: ``network.*.activation``, ``network.conv_*.filters``.

    A star stands for the layers, or operations, that have such a setting and say something there.
    """
    if "*" not in path:
        return [path]
    stack, _, rest = path.partition(".")
    pattern, _, setting = rest.partition(".")
    items = plain.get(stack)
    if not isinstance(items, list) or "*" in stack or not setting or "*" in setting:
        raise InvalidInput(
            f'"{path}" stands for nothing: a star may stand for layers or operations, as in network.*.activation'
        )
    names = names_of(items)
    found = [
        f"{stack}.{name}.{setting}"
        for name, item in zip(names, items, strict=True)
        if fnmatchcase(name, pattern) and item.get(setting.partition(".")[0]) is not None
    ]
    if not found:
        known = sorted({key for item in items for key in item} - {"name", "layer", "kind"})
        raise InvalidInput(f'no item of {stack} has a setting at "{path}"; {did_you_mean(setting, known)}')
    return found


def _item_at(plain: Plain, path: str) -> list[str]:
    """The whole items (or the whole list) that a path names; empty where it names a setting."""
    stack, _, name = path.partition(".")
    items = plain.get(stack, [] if stack == "augment" else None)
    if not isinstance(items, list) or "." in name:
        return []
    if not name:
        return [stack]
    return [f"{stack}.{each}" for each in names_of(items) if fnmatchcase(each, name)]


def _leave_out(plain: Plain, paths: Sequence[str]) -> None:
    """Leave out items of one list, all at once: they are numbered by where they stand."""
    stack, left_out = paths[0].partition(".")[0], {path.partition(".")[2] for path in paths}
    items = plain.get(stack, [])
    plain[stack] = [item for item, own in zip(items, names_of(items), strict=True) if not left_out & {"", own}]


def _named(layers: list[Any]) -> list[Any]:
    """The same layers with the names that they would get, which stay when another one is left out."""
    named = zip(layers, names_of(layers), strict=True)
    return [{"name": name, **layer} if isinstance(layer, dict) else layer for layer, name in named]


def _drawn(study: StudySpec, draw: random.Random) -> dict[str, Any]:
    return {path: _one_of(axis, draw) for path, axis in study.vary.items()}


def _one_of(axis: Any, draw: random.Random) -> Any:
    if not isinstance(axis, Range):
        return draw.choice(axis)
    if axis.log:
        value = math.exp(draw.uniform(math.log(axis.low), math.log(axis.high)))
    else:
        value = draw.uniform(axis.low, axis.high)
    return round(value) if axis.whole else float(f"{value:.4g}")


def _distinct(study: StudySpec, pairs: Sequence[tuple[ArmSpec | None, Mapping[str, Any]]]) -> tuple[Arm, ...]:
    """Every arm; those that a search draws twice count once, others that are the same are a fault."""
    found: dict[str, Arm] = {}
    faults: dict[str, Fault] = {}
    for by_hand, choice in pairs:
        try:
            arm = arm_of(study, choice, by_hand)
        except InvalidSpec as error:
            faults |= {str(fault): fault for fault in error.faults}
            continue
        if (same := found.setdefault(arm.key, arm)) is not arm and study.search is None:
            told = f"{same.name} and {arm.name} are the same run"
            faults[arm.key] = Fault("vary", told, "leave one of them out, or mend a path that changes nothing")
    if faults:
        raise InvalidSpec(list(faults.values()), title=_title(study))
    return _named_apart(list(found.values()))


def _named_apart(found: Sequence[Arm]) -> tuple[Arm, ...]:
    """Arms of the same name get numbers."""
    names = [arm.name for arm in found]
    counted: dict[str, Iterator[int]] = {name: itertools.count(1) for name in names if names.count(name) > 1}
    return tuple(
        dataclasses.replace(arm, name=f"{arm.name} ({next(counted[arm.name])})") if arm.name in counted else arm
        for arm in found
    )


def _within(path: str, pattern: str) -> bool:
    """Whether a path of ``differences`` lies at or below what a pattern stands for."""
    return (
        path == pattern
        or fnmatchcase(path, pattern)
        or fnmatchcase(path, f"{pattern}.*")
        or (is_stack(path) and pattern.startswith(f"{path}."))
    )


def _cause(path: str) -> str:
    """What one would call the thing that varies: the network, augmentation, or one setting of the training."""
    parts = path.split(".")
    return ".".join(parts[:2]) if parts[0] in ("train", "data") else parts[0]
