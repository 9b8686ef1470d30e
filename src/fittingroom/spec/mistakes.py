"""Mistakes in a spec, told to its author: pydantic's errors as faults with paths, the user's values and a fix."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pydantic
from pydantic_core import ErrorDetails

from fittingroom.errors import Fault, InvalidSpec, did_you_mean

IDENTIFIER = r"^[A-Za-z][A-Za-z0-9_]*$"
ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
_PATTERN_FIXES = {
    IDENTIFIER: "use letters (a to z), digits and underscores, with a letter first",
    ONE_LINE: "write it on one line, without control characters",
}
_TYPES = {
    "int_type": ("should be a whole number", "give a whole number"),
    "float_type": ("should be a number", "give a number"),
    "finite_number": ("should be a finite number", "give a finite number"),
    "bool_type": ("should be true or false", "give true or false"),
    "string_type": ("should be text", "put it in quotes"),
    "invalid_key": ("a key should be text", "put it in quotes"),
    "string_unicode": ("should be text", "use characters that UTF-8 can write"),
}
_BOUNDS = {
    "greater_than_equal": ("should be greater than or equal to", "ge", "use {} or more"),
    "greater_than": ("should be greater than", "gt", "use a number above {}"),
    "less_than_equal": ("should be less than or equal to", "le", "use {} or less"),
    "less_than": ("should be less than", "lt", "use a number below {}"),
}


class Refused(ValueError):
    """Raised by a validator of ours: what is wrong with a value, and what to do about it."""

    def __init__(self, message: str, fix: str) -> None:
        self.message, self.fix = message, fix
        super().__init__(f"{message}; {fix}")


def faults_of(error: pydantic.ValidationError, root: type, given: Mapping[str, Any]) -> list[Fault]:
    """Every mistake that pydantic found, as faults with paths as the user wrote them, one for each path."""
    found: dict[str, Fault] = {}
    for details in error.errors(include_url=False):
        within = details.get("ctx", {}).get("error")
        told = within.faults if isinstance(within, InvalidSpec) else [_fault(details, root, given)]
        above = _path(details["loc"], given) if isinstance(within, InvalidSpec) else ""
        for fault in told:
            path = ".".join(filter(None, (above, fault.path)))
            found.setdefault(path, fault._replace(path=path))
    return list(found.values())


def many(count: int, what: str) -> str:
    """``1 epoch``, ``2 epochs``, ``1,500 images``."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def show_value(value: object) -> str:
    """The value as its author would write it in Python, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write integers of more than 4,300 digits
        return "an endless number"
    return text if len(text) <= 60 else f"{text[:59]}…"


def keys_of(kind: type) -> list[str]:
    """The settings that a record has."""
    return [field.name for field in dataclasses.fields(kind)]


@functools.cache
def tag_of(kind: type) -> str | None:
    """The field that says which kind a record is (``layer`` for layers), if it has one."""
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is Literal and len(get_args(hint)) == 1 and isinstance(get_args(hint)[0], str):
            return name
    return None


def _fault(details: ErrorDetails, root: type, given: Mapping[str, Any]) -> Fault:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    path, shown = _path(details["loc"], given), show_value(value)
    match kind:
        case "unexpected_keyword_argument":
            key = str(details["loc"][-1])
            known = keys_of(_records_at(root, details["loc"][:-1])[0])
            return Fault(path, f'unknown key "{key}"', did_you_mean(key, known))
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return Fault(path, "is missing", "add it")
        case "union_tag_not_found" | "union_tag_invalid":
            return _wrong_kind(path, value, context, _records_at(root, details["loc"]))
        case "dataclass_type" | "model_attributes_type":
            return Fault(
                path,
                f"should be a table of settings, not {shown}",
                _as_table(value, _records_at(root, details["loc"])),
            )
        case "tuple_type":
            in_toml = f" (in TOML, write [[{path}]] with double brackets)" if isinstance(value, Mapping) else ""
            return Fault(path, f"should be a list, not {shown}", f"give a list{in_toml}")
        case "literal_error":
            return _wrong_word(path, value, context["expected"])
        case "value_error" if isinstance(refused := context["error"], Refused):
            return Fault(path, refused.message, refused.fix)
        case "string_too_short":
            least = context["min_length"]
            return Fault(
                path,
                "should not be empty" if not value else f"has {len(value)} character{'' if len(value) == 1 else 's'}",
                f"write at least {least} character{'' if least == 1 else 's'}",
            )
        case "string_too_long":
            return Fault(path, f"has {len(value)} characters", f"shorten it to at most {context['max_length']}")
        case "string_pattern_mismatch":
            return Fault(path, f"{shown} has characters that cannot be used here", _PATTERN_FIXES[context["pattern"]])
        case _ if kind in _BOUNDS:
            relation, key, fix = _BOUNDS[kind]
            bound = f"{context[key]:.15g}" if isinstance(context[key], float) else str(context[key])
            return Fault(path, f"{relation} {bound}, not {shown}", fix.format(bound))
        case _:
            message, fix = _TYPES.get(kind, (details["msg"].removeprefix("Input "), "change it"))
            return Fault(path, f"{message}, not {shown}", "write it without quotes" if _quotes_number(value) else fix)


def _wrong_word(path: str, value: object, expected: str) -> Fault:
    """A value that is not among the few that are allowed; ``expected`` is pydantic's list of them."""
    words = _quoted(expected)
    if len(words) < 2:
        return Fault(path, f"should be {expected}, not {show_value(value)}", f"write {expected}, or leave it out")
    return Fault(path, f"{show_value(value)} is not one of its values", _nearest(value, words))


def _wrong_kind(path: str, value: object, context: Mapping[str, Any], records: Sequence[type]) -> Fault:
    """A table (or object) whose tag is missing or unknown, where a union of records is expected."""
    tag_key = context["discriminator"].strip("'")
    kinds = [tag for record in records for tag in _tag_values(record)]
    if not isinstance(value, Mapping):
        return Fault(path, f"{show_value(value)} does not belong here", _nearest(value, kinds))
    if tag_key not in value:
        return Fault(path, f"does not say its kind ({tag_key} is missing)", f'add {tag_key} = "…"')
    what = path.rpartition(".")[2] if tag_key == "name" else tag_key
    tag = value[tag_key]
    said = f'"{tag}"' if isinstance(tag, str) else show_value(tag)
    return Fault(path, f"there is no {what} {said}", _nearest(tag, kinds))


def _nearest(value: object, words: Sequence[str]) -> str:
    """The word that was meant, where a word was given; else all of them."""
    return did_you_mean(value if isinstance(value, str) else "", words)


def _as_table(value: object, records: Sequence[type]) -> str:
    """How to write what is not a table as one."""
    tag = tag_of(records[0])
    if isinstance(value, type) and value in records:
        return f"write {value.__name__}(…), with parentheses"
    if tag is None:
        return f"write a table with the keys {', '.join(keys_of(records[0]))}"
    known = isinstance(value, str) and any(value in _tag_values(record) for record in records)
    return f'write {{ {tag} = "{value if known else "…"}" }}'


def _quotes_number(value: object) -> bool:
    """Whether the only thing wrong with a number is that it is text."""
    return isinstance(value, str) and value.lstrip("-+").replace(".", "", 1).isdecimal()


def _quoted(text: str) -> list[str]:
    """The words between single quotes in one of pydantic's lists."""
    return text.split("'")[1::2]


def _path(loc: Sequence[int | str], given: Mapping[str, Any]) -> str:
    """``("network", 3, "conv", "kernel")`` -> ``network[3].kernel``: the tags of unions are left out."""
    path: str = ""
    at: Any = given
    for depth, part in enumerate(loc):
        last = depth == len(loc) - 1
        if isinstance(at, Mapping) and (part in at or last):
            path += f".{part}" if path else str(part)
            at = at.get(part)
        elif isinstance(part, int):
            path += f"[{part}]"
            at = at[part] if isinstance(at, Sequence) and part < len(at) else None
    return path


def _records_at(root: type, loc: Sequence[int | str]) -> list[type]:
    """The record classes that may stand at a location: fields, indexes and union tags lead from one to the next."""
    here = [root]
    for part in loc:
        tagged = [record for record in here if part in _tag_values(record)]
        if len(here) > 1 and tagged:
            here = tagged
        elif isinstance(part, str):  # an index leads nowhere else: the type of the items stands for the whole list
            here = list(_records_in(get_type_hints(here[0], include_extras=True).get(part))) or here
    return here


def _records_in(annotation: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        yield annotation
    elif get_origin(annotation) in {tuple, Union, types.UnionType} or hasattr(annotation, "__metadata__"):
        for argument in get_args(annotation):
            yield from _records_in(argument)


def _tag_values(kind: type) -> tuple[str, ...]:
    """What a record's tag may be: ``("conv",)``."""
    tag = tag_of(kind)
    return get_args(get_type_hints(kind)[tag]) if tag else ()
