"""A study file in the page: read as the command line reads it, and kept whole in the address, faults and all."""

from __future__ import annotations

import base64
import json
import tomllib
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fittingroom.data.dataset import Dataset
from fittingroom.data.stages import Split
from fittingroom.errors import Fault, InvalidInput, InvalidSpec, did_you_mean
from fittingroom.spec.arms import arm_of
from fittingroom.spec.mistakes import show_value
from fittingroom.spec.run import RunSpec, presets, without_dates
from fittingroom.spec.study import StudySpec, study_from_plain
from fittingroom.web.site import Site
from fittingroom.web.study.plan import Check, Plan, plan_of

LONGEST = 60_000
"""Characters of a study file; those that come with Fitting Room have 2,400 at most."""
LONGEST_PACKED = 12_000
"""Characters of it in an address, which a request of the page says up to four times; servers take 64 kB for all."""
Plain = dict[str, Any]


@dataclass(frozen=True)
class Opened:
    """What a text comes to."""

    text: str
    small: bool = False
    """Whether its first look is wanted."""
    study: StudySpec | None = None
    """As the text has it, whole; None while it has faults of its own."""
    plan: Plan | None = None
    faults: Sequence[Fault] = ()

    @property
    def ready(self) -> bool:
        return self.plan is not None and not self.faults

    @property
    def in_common(self) -> RunSpec | None:
        """The base, with what is set in every arm."""
        if self.plan is not None:
            with suppress(InvalidInput):  # only an arm's own base has what is set
                return arm_of(self.plan.study, {}).spec
        return self.study.base if self.study else None


def open_text(text: str, site: Site, check: Check, split: Split = Dataset.divide, *, small: bool = False) -> Opened:
    """Read a study file and find its arms; opens their data. What is wrong is told, never raised."""
    if not text.strip():
        return Opened(text)
    try:
        study = study_of(text)
    except InvalidInput as error:
        return Opened(text, faults=_faults(error))
    wanted = study.smaller() if small else study
    small = small and study.small is not None
    try:
        plan = plan_of(wanted, site, check, split)
    except InvalidInput as error:
        return Opened(text, small, study, faults=_faults(error))
    return Opened(text, small, study, plan, [Fault("", *_halves(problem)) for problem in plan.problems])


def study_of(text: str) -> StudySpec:
    """A study from TOML, or from JSON in braces; a base is a preset's name or a table. Raises InvalidInput."""
    if len(text) > LONGEST:
        raise InvalidInput(too_long(text))
    plain = _json(text) if text.lstrip().startswith("{") else _toml(text)
    faults: list[Fault] = []
    found = _with_base(plain, "base", faults)
    if isinstance(arms := plain.get("arms"), list):
        found["arms"] = [
            _with_base(arm, f"arms[{place}].base", faults) if isinstance(arm, dict) else arm
            for place, arm in enumerate(arms)
        ]
    try:
        study = study_from_plain(found)
    except InvalidSpec as error:
        faults += error.faults
    if faults:
        raise InvalidSpec(faults)
    return study


def too_long(text: str) -> str:
    return (
        f"this text has {len(text):,} characters, which is too long for the page; run it on the command line: "
        "fittingroom study run FILE"
    )


def _toml(text: str) -> Plain:
    try:
        plain: Plain = without_dates(tomllib.loads(text))
        return plain
    except (ValueError, RecursionError) as error:  # endless numbers, deep nesting and what is no TOML
        raise InvalidInput(f"this is not valid TOML: {error}; mend that place") from None


def _json(text: str) -> Plain:
    try:
        plain: Plain = json.loads(text)  # an object: it begins with a brace
        return plain
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"this is not valid JSON: {error}; mend that place") from None


def _with_base(plain: Plain, path: str, faults: list[Fault]) -> Plain:
    """The same with a preset in place of its name, any where there is no such: the rest may have faults, too."""
    name, shipped = plain.get("base"), presets()
    if not isinstance(name, str):
        return plain
    if name not in shipped:
        told = f"{show_value(name)} is not a preset, and a base from a file stands here as a table"
        faults.append(Fault(path, told, did_you_mean(name, shipped)))
    return {**plain, "base": {"name": name, **tomllib.loads(shipped.get(name) or next(iter(shipped.values())))}}


def _faults(error: InvalidInput) -> Sequence[Fault]:
    return error.faults if isinstance(error, InvalidSpec) else [Fault("", *_halves(str(error)))]


def _halves(told: str) -> tuple[str, str]:
    """What is wrong, and what to do."""
    wrong, _, fix = told.rpartition("; ")
    return (wrong, fix) if wrong else (told, "")


def packed(text: str) -> str:
    """A text for an address; raises InvalidInput where it is too long for one."""
    small = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=") if text else ""
    if len(text) > LONGEST or len(small) > LONGEST_PACKED:
        raise InvalidInput(too_long(text))
    return small


def unpacked(small: str) -> str:
    """The text that an address holds; raises InvalidInput where it is damaged."""
    reader = zlib.decompressobj()
    try:
        read = reader.decompress(base64.urlsafe_b64decode(small + "=" * (-len(small) % 4)), 4 * LONGEST)
        text = read.decode() if reader.eof or not small else None
    except (ValueError, zlib.error):
        text = None
    if text is None:
        raise InvalidInput("this address is damaged, so the study in it cannot be read; open its file again")
    return text
