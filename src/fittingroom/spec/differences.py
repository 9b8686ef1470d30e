"""How runs differ, in the terms of their specs: for each one, only the settings that are not the same in all of them.

Paths are those of ``--set``: ``train.optimizer.learning_rate``, ``network.dropout_1.rate``. Where the networks have
other layers, ``network`` says which layers each of them has that not all have; so does ``augment`` for operations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import TypeAlias

from fittingroom.spec.run import RunSpec
from fittingroom.spec.settings import NONE, Item, Setting, Settings, Shape, Stack, settings_of, shape_of

NOTHING_MORE = "nothing more"
"""Of a stack that has no layers but those that all have."""
Found: TypeAlias = Iterator[tuple[str, str, str]]
"""Run, path, value."""


def differences(specs: Mapping[str, RunSpec]) -> dict[str, dict[str, str]]:
    """For each run, by its name here, the settings in which these runs differ: ``{"mlp-1": {"seed": "0"}, …}``.

    Defaults are resolved, so what is left out equals what is written. What only some of them have, as Adam's
    ``beta_1``, counts where it is not the default. Names, which decide nothing, are left out.
    """
    return differences_of({run: settings_of(spec) for run, spec in specs.items()})


def differences_of(specs: Mapping[str, Settings]) -> dict[str, dict[str, str]]:
    """``differences`` of specs that ``settings_of`` has read already."""
    found: dict[str, dict[str, str]] = {run: {} for run in specs}
    for path in _in_reading_order(specs.values()):
        values = {run: settings[path] for run, settings in specs.items() if path in settings}
        stacks = {run: value for run, value in values.items() if isinstance(value, tuple)}
        single = {run: value for run, value in values.items() if isinstance(value, Setting)}
        for run, where, text in _of_stacks(path, stacks) if stacks else _of_settings(path, single, len(specs)):
            found[run][where] = text
    return found


def told(differing: Mapping[str, str]) -> list[str]:
    """The settings of one run as a legend writes them: ``train.optimizer = sgd``, ``network: dropout 0.3``."""
    return [f"{path}{': ' if is_stack(path) else ' = '}{text}" for path, text in differing.items()]


def is_stack(path: str) -> bool:
    """Whether a path stands for a whole list of layers or operations."""
    return path.rpartition(".")[2] in {"network", "augment"}


def _in_reading_order(specs: Iterable[Settings]) -> list[str]:
    """Every path of any of them; what only some have stands beside its neighbours."""
    first: dict[str, int] = {}
    places: dict[str, tuple[int, ...]] = {}
    for settings in specs:
        for path in settings:
            if path not in places:
                parts = path.split(".")
                above = (".".join(parts[: depth + 1]) for depth in range(len(parts)))
                places[path] = tuple(first.setdefault(each, len(first)) for each in above)
    return sorted(places, key=places.__getitem__)


def _of_settings(path: str, values: Mapping[str, Setting], runs: int) -> Found:
    texts = {value.text for value in values.values()}
    unusual = not all(value.usual for value in values.values())
    if len(texts) > 1 or (len(values) < runs and unusual):
        yield from ((run, path, value.text) for run, value in values.items())


def _of_stacks(path: str, stacks: Mapping[str, Stack]) -> Found:
    """Stacks of the same shape setting by setting, others by what they hold."""
    shapes: dict[Shape, dict[str, Stack]] = defaultdict(dict)
    for run, stack in stacks.items():
        shapes[shape_of(stack)][run] = stack
    same: list[Stack] = []
    within: list[tuple[str, str, str]] = []
    for alike in shapes.values():
        varying = _varying(list(alike.values()))
        same.append(_without(next(iter(alike.values())), varying))
        for index, setting in varying:
            for run, stack in alike.items():
                within.append((run, f"{path}.{stack[index].name}.{setting}", stack[index].settings[setting].text))
    if len(shapes) > 1:
        for alike, text in zip(shapes.values(), _told_apart(same), strict=True):
            yield from ((run, path, text) for run in alike)
    yield from within


def _varying(stacks: Sequence[Stack]) -> list[tuple[int, str]]:
    """Where stacks of one shape differ: position, and setting."""
    if len(stacks) < 2:
        return []
    return [
        (index, setting)
        for index, item in enumerate(stacks[0])
        for setting in item.settings
        if len({stack[index].settings[setting].text for stack in stacks}) > 1
    ]


def _without(stack: Stack, left_out: Sequence[tuple[int, str]]) -> Stack:
    """A stack without the settings that are told by their own paths."""
    return tuple(
        Item(
            item.kind,
            item.name,
            item.chief,
            {name: value for name, value in item.settings.items() if (index, name) not in left_out},
        )
        for index, item in enumerate(stack)
    )


def _told_apart(stacks: Sequence[Stack]) -> list[str]:
    """Each stack in words that no other has: what not all have, else all of it, else with the names."""
    common = reduce(_common, stacks)
    said = _said_of_kinds(stacks)
    rest = [_tell(_beyond(stack, common), said) or (NOTHING_MORE if stack else NONE) for stack in stacks]
    whole = [_tell(stack, said) or NONE for stack in stacks]
    if len(set(rest)) == len(stacks):
        return rest
    return whole if len(set(whole)) == len(stacks) else [_tell(stack, said, named=True) or NONE for stack in stacks]


def _alike(one: Item, other: Item) -> bool:
    return one.kind == other.kind and one.settings == other.settings


def _common(one: Stack, other: Stack) -> Stack:
    """A longest sequence of items that both have in this order (Wagner and Fischer 1974)."""
    longest: list[list[Stack]] = [[()] * (len(other) + 1) for _ in range(len(one) + 1)]
    for row, left in enumerate(one):
        for column, right in enumerate(other):
            longest[row + 1][column + 1] = (
                (*longest[row][column], left)
                if _alike(left, right)
                else max(longest[row][column + 1], longest[row + 1][column], key=len)
            )
    return longest[-1][-1]


def _beyond(stack: Stack, common: Stack) -> Stack:
    """The items of a stack that are not in a sequence which it contains."""
    left, rest = list(common), []
    for item in stack:
        if left and _alike(item, left[0]):
            left.pop(0)
        else:
            rest.append(item)
    return tuple(rest)


def _said_of_kinds(stacks: Sequence[Stack]) -> set[tuple[str, str]]:
    """The settings, by kind, that are not the same wherever that kind stands: these are worth saying."""
    texts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for stack in stacks:
        for item in stack:
            for name, setting in item.settings.items():
                texts[item.kind, name].add(setting.text)
    return {key for key, values in texts.items() if len(values) > 1}


def _tell(stack: Stack, said: set[tuple[str, str]], *, named: bool = False) -> str:
    """``3 × (conv 32, max_pool), dense 30``: neighbours that repeat are counted."""
    return ", ".join(_repeated([_words(item, said, named=named) for item in stack]))


def _words(item: Item, said: set[tuple[str, str]], *, named: bool) -> str:
    """``conv 32``, ``conv 32 kernel 5``."""
    words = [item.kind, item.name] if named else [item.kind]
    for name, setting in item.settings.items():
        if name == item.chief:
            words.append(setting.text)
        elif (item.kind, name) in said and not setting.usual:
            words += [name, setting.text]
    return " ".join(words)


def _repeated(words: Sequence[str]) -> Iterator[str]:
    """Neighbours that repeat, written once: ``a, b, a, b, c`` -> ``2 × (a, b)``, ``c``."""
    at = 0
    while at < len(words):
        times, length = max(_repeats(words[at:]), key=lambda found: (found[0] * found[1], -found[1]))
        block = ", ".join(words[at : at + length])
        yield block if times == 1 else f"{times} × ({block})" if length > 1 else f"{times} × {block}"
        at += times * length


def _repeats(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """How often the beginning of each length follows on itself: times, length; once, one word, in any case."""
    yield 1, 1
    for length in range(1, len(words) // 2 + 1):
        times = 1
        while words[times * length : (times + 1) * length] == words[:length]:
            times += 1
        if times > 1:
            yield times, length
