"""One RunSpec is everything that decides a run; it is made from, and written as, TOML or JSON.

Two runs with the same ``content_id`` are the same run, whatever their names and whichever defaults were left out.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, time
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import tomli_w

from fittingroom.errors import Fault, InvalidInput, InvalidSpec, NotFound, did_you_mean
from fittingroom.spec.augment import AnyAugment
from fittingroom.spec.data import DataSpec
from fittingroom.spec.layers import AnyLayer
from fittingroom.spec.mistakes import ONE_LINE, show_value, tag_of
from fittingroom.spec.network import named, numbered
from fittingroom.spec.record import default_of, param, record, validated
from fittingroom.spec.start import Phase, Start
from fittingroom.spec.train import Schedule, TrainSpec

FORMAT = 1
TAGGED = ("train.optimizer", "train.schedule", "train.loss")
"""Tables that say their kind by a name."""
LONGEST_NAME = 100
KEPT_OUT = {"keep_checkpoints"}
"""Settings of a training that decide nothing about it."""
CAME_LATER = {"reset": [], "precision": "auto"}
"""Settings of a training that older specs do not have, with what these mean by it."""


@record
class RunSpec:
    """Data, augmentation, network and training of one run, and the seed that everything random comes from."""

    data: DataSpec = param(help="Which images, how they are split and normalized.")
    network: tuple[AnyLayer, ...] = param(help="The layers, from the image on.")
    augment: tuple[AnyAugment, ...] = param(default=(), help="What is done to training images on the fly, in order.")
    train: TrainSpec = param(default=TrainSpec(), help="Everything about training but data, augmentation and network.")
    name: str = param(
        default="run",
        min_length=1,
        max_length=LONGEST_NAME,
        pattern=ONE_LINE,
        help="What people call it; decides nothing.",
    )
    seed: int = param(
        default=0, ge=0, le=2**63 - 1, help="Initial weights, order, augmentation and dropout all come from it."
    )
    start: Start | None = param(default=None, help="Which trained weights to begin with; fresh ones when left out.")
    phases: tuple[Phase, ...] = param(default=(), help="What is trained before, phase by phase, in the same run.")
    format: Literal[1] = param(default=FORMAT, help="Version of this file format.")

    def __post_init__(self) -> None:
        object.__setattr__(self, "network", named(self.network))

    @property
    def content_id(self) -> str:
        """SHA-256 (hex) of all that decides the run, with every default written out: neither names nor what is kept.

        Settings of later versions count only where they say something else, so that older runs keep their ids.
        """
        content = {key: value for key, value in to_plain(self, full=True).items() if key != "name"}
        if not self.phases:
            del content["phases"]
        for stage in (content, *content.get("phases", [])):
            stage["train"] = {
                key: value
                for key, value in stage["train"].items()
                if key not in KEPT_OUT and not (key in CAME_LATER and value == CAME_LATER[key])
            }
        for phase in content.get("phases", []):
            del phase["name"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def stages(self) -> tuple[RunSpec, ...]:
        """The trainings that the run consists of, each as a spec of its own: the phases, then the run proper."""
        before = [
            dataclasses.replace(
                self,
                name=phase.name,
                data=phase.data or self.data,
                augment=self.augment if phase.augment is None else phase.augment,
                train=phase.train,
                phases=(),
                start=self.start if index == 0 else None,
            )
            for index, phase in enumerate(self.phases)
        ]
        return *before, dataclasses.replace(self, phases=(), start=None if before else self.start)

    def to_toml(self) -> str:
        """The spec as TOML for people: defaults left out, layer names written."""
        return tomli_w.dumps(_in_reading_order(to_plain(self)))

    def to_json(self) -> dict[str, Any]:
        """The spec as plain data with every default written out, as the store keeps it."""
        return _in_reading_order(to_plain(self, full=True))


def to_plain(value: Any, *, full: bool = False) -> Any:
    """Records as dicts, tuples as lists, also within tables; parameters at their defaults are left out unless ``full``.

    The tag of a record (``layer = "conv"``) comes first and is always written; ``None`` never is, and -0.0 as 0.0.
    """
    if isinstance(value, tuple):
        return [to_plain(item, full=full) for item in value]
    if isinstance(value, Mapping):
        return {key: to_plain(item, full=full) for key, item in value.items()}
    if not dataclasses.is_dataclass(value):
        return value + 0.0 if isinstance(value, float) else value
    kind: type = type(value)
    tag = tag_of(kind)
    fields = sorted(dataclasses.fields(kind), key=lambda field: field.name != tag)
    return {
        field.name: to_plain(own, full=full)
        for field in fields
        if (own := getattr(value, field.name)) is not None and (full or field.name == tag or own != default_of(field))
    }


def _in_reading_order(plain: dict[str, Any]) -> dict[str, Any]:
    order = ("format", "name", "seed", "start", "data", "augment", "network", "phases", "train")
    return {"format": FORMAT, **{key: plain[key] for key in order if key in plain}}


def from_plain(value: Mapping[str, Any], *, origin: str = "the spec") -> RunSpec:
    """Make a RunSpec from plain data; raises InvalidSpec with every mistake. ``origin`` names it in messages."""
    version = value.get("format") if isinstance(value, Mapping) else None
    if isinstance(version, int) and version > FORMAT:
        raise InvalidSpec(
            [Fault("format", f"is {version}, and this Fitting Room reads up to {FORMAT}", "upgrade Fitting Room")],
            title=f"{origin} has faults",
        )
    return validated(RunSpec, value, title=f"{origin} has faults")


def from_toml(text: str, *, overrides: Sequence[str] = (), origin: str = "the spec") -> RunSpec:
    """Make a RunSpec from TOML. ``overrides`` are settings such as ``train.epochs=1``, applied first.

    Layers go by name or index (``network.conv_1.filters=64``, ``network[0].filters=64``); ``none`` as a value leaves
    the setting out (``train.early_stop=none``).
    """
    return from_plain(_overridden(_toml(text, origin), overrides), origin=origin)


def changed(spec: RunSpec, overrides: Sequence[str]) -> RunSpec:
    """The same spec with settings changed by their paths, as in ``from_toml``."""
    return from_plain(_overridden(spec.to_json(), overrides)) if overrides else spec


def schedule_of(text: str) -> Schedule:
    """A schedule by its name, or as a TOML table: ``cosine``, ``{ name = "cosine", final = 0.1 }``."""
    value = _toml_value(text)
    plain = {"schedule": {"name": value} if isinstance(value, str) else value}
    return validated(TrainSpec, plain, title=f"--schedule {text} cannot be used").schedule


def with_settings(plain: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Plain data of a spec, perhaps with faults, with settings changed by their paths, as in ``from_toml``."""
    return _overridden(copy.deepcopy(dict(plain)), overrides)


def presets() -> dict[str, str]:
    """The shipped runs: name -> TOML text, in the order of their names."""
    folder = resources.files("fittingroom.spec") / "presets"
    found = {entry.name.removesuffix(".toml"): entry for entry in folder.iterdir() if entry.name.endswith(".toml")}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}


def load_run_spec(source: str | Path, *, overrides: Sequence[str] = ()) -> RunSpec:
    """Read a RunSpec from a TOML or JSON file, or a preset's name; ``overrides`` as in ``from_toml``.

    A run without a name of its own is called after its file or preset.
    """
    plain, origin = load_plain(source, presets())
    return from_plain(_overridden(plain, overrides), origin=origin)


def load_plain(source: str | Path, shipped: Mapping[str, str], what: str = "spec") -> tuple[dict[str, Any], str]:
    """Read a file in TOML or JSON, or what is ``shipped`` under that name, as plain data with a name.

    Returns it, and how messages should call it.
    """
    path, origin = Path(source), str(source)
    if os.path.isfile(origin):  # the method of Path raises where a name is too long or a folder closed
        parse = _json if path.suffix.lower() == ".json" else _toml
        plain, name = parse(_read(path), origin), path.stem[:LONGEST_NAME]
    elif origin in shipped:
        plain, name, origin = _toml(shipped[origin], origin), origin, f"preset {origin}"
    elif os.path.isdir(origin):
        raise InvalidInput(f'"{origin}" is a folder; give a {what} file in it, or a preset: {", ".join(shipped)}')
    else:
        raise NotFound(f'there is no file and no preset "{origin}"; {did_you_mean(origin, shipped)}')
    return {"name": name, **plain}, origin


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors begin every file with a mark
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not a text file in UTF-8; give a spec in TOML or JSON") from None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}; check its permissions") from None


def _toml(text: str, origin: str) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = without_dates(tomllib.loads(text))
        return plain
    except (ValueError, RecursionError) as error:  # endless numbers, deep nesting and what is no TOML
        raise InvalidInput(f"{origin} is not valid TOML: {error}; mend that place") from None


def _json(text: str, origin: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:  # as above
        raise InvalidInput(f"{origin} is not valid JSON: {error}; mend that place") from None
    if not isinstance(value, dict):
        raise InvalidInput(f"{origin} holds {show_value(value)}, not an object; put the settings between {{ and }}")
    return value


def _overridden(plain: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    for override in overrides:
        _apply(plain, override)
    return plain


def _apply(plain: dict[str, Any], override: str) -> None:
    """Set one value by its path; see ``from_toml``."""
    path, value = setting_of(override)
    put(plain, path, None if value == "none" else value)


def setting_of(override: str) -> tuple[str, Any]:
    """``train.epochs=1`` -> path and value, ``none`` as text; raises InvalidInput for what sets nothing."""
    path, equals, text = override.partition("=")
    if not equals or not all(_parts(path)):
        raise InvalidInput(f'"{override}" sets nothing; write it as path=value, for instance train.epochs=1')
    return path, _toml_value(text.strip())


def put(plain: dict[str, Any], path: str, value: Any) -> None:
    """Set one value of a spec as plain data by its path, in place; None leaves the setting out."""
    *tables, setting = _parts(path)
    at: Any = plain
    for depth, key in enumerate(tables):
        at = _step_into(at, key, ".".join(tables[: depth + 1]))
    if isinstance(at, list):
        raise InvalidInput(
            f'"{path}" is a whole item of a list; add the setting to change, as in {path}.SETTING={show_value(value)}'
        )
    if not isinstance(at, dict):
        raise InvalidInput(f'"{".".join(tables)}" is a value, not a table; set it directly')
    if value is None:
        at.pop(setting, None)
    else:
        at[setting] = value


def _parts(path: str) -> list[str]:
    return re.sub(r"\[(\d+)\]", r".\1", path.strip()).split(".")


def _step_into(at: Any, key: str, path: str) -> Any:
    """What ``key`` leads to: a table in a table, or an item of a list by its name or index.

    A table that is left out begins as its default's kind: ``train.optimizer.learning_rate=0.01`` is Adam's.
    """
    if isinstance(at, dict):
        kind = {"name": getattr(TrainSpec(), key).name} if path in TAGGED else {}
        return at.setdefault(key, kind)
    if not isinstance(at, list):
        raise InvalidInput(f'"{path.rpartition(".")[0]}" is a value, not a table; set it directly')
    names = names_of(at)
    if key in names:
        return at[names.index(key)]
    if key.isdecimal() and int(key) < len(at):
        return at[int(key)]
    raise InvalidInput(f'there is no "{path}"; {did_you_mean(key, names)}')


def names_of(items: list[Any]) -> list[str]:
    """The names of layers, given or numbered, or those that operations would have."""
    tables = [item if isinstance(item, dict) else {} for item in items]
    kinds = [str(table.get("layer", table.get("kind", "item"))) for table in tables]
    given = [name if isinstance(name := table.get("name"), str) else None for table in tables]
    return numbered(zip(kinds, given, strict=True))


def _toml_value(text: str) -> Any:
    """``3`` -> 3, ``true`` -> True, ``{ name = "sgd" }`` -> a table; anything that is no TOML value is a string."""
    try:
        read = without_dates(tomllib.loads(f"value = {text}"))
    except (ValueError, RecursionError):
        return text
    return read["value"] if len(read) == 1 else text


def without_dates(value: Any) -> Any:
    """What TOML takes for dates and times as text: no setting is one, and ``01:30:00`` may be meant for a budget."""
    if isinstance(value, dict):
        return {key: without_dates(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_dates(each) for each in value]
    return value.isoformat() if isinstance(value, date | time) else value
