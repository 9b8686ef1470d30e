"""What all spec records have in common: frozen, validated, strict about names, with help for every parameter.

``@record`` makes a frozen pydantic dataclass that refuses unknown keys; ``param`` declares one parameter with
its bounds, unit and help. Mistakes come back as ``InvalidSpec`` with every fault and a spelling suggestion.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, cast, dataclass_transform, get_args, get_origin, get_type_hints

import pydantic
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import ErrorDetails

from fittingroom.errors import Fault, InvalidSpec, did_you_mean

T = TypeVar("T")


def param(
    *,
    default: Any = ...,
    default_factory: Callable[[], Any] | None = None,
    help: str,
    unit: str | None = None,
    kw_only: bool = False,
    **bounds: Any,
) -> Any:
    """Declare one parameter: its default, one-sentence help, unit, and bounds (``ge``, ``gt``, ``le``, ``lt``).

    Bounded numbers are taken strictly: no ``"32"`` for 32.
    """
    if bounds.keys() & {"ge", "gt", "le", "lt"}:
        bounds.setdefault("strict", True)
    extra: Any = {"unit": unit} if unit else None
    start: dict[str, Any] = {"default": default} if default_factory is None else {"default_factory": default_factory}
    if kw_only:
        bounds["kw_only"] = True
    return pydantic.Field(description=help, json_schema_extra=extra, **start, **bounds)


@dataclass_transform(frozen_default=True, field_specifiers=(param,))
def record(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen, validating dataclass whose mistakes are reported as ``InvalidSpec``."""
    made = pydantic_dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid", allow_inf_nan=False))(cls)
    validating_init = made.__init__

    @functools.wraps(validating_init)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            validating_init(self, *args, **kwargs)
        except pydantic.ValidationError as error:
            names = [field.name for field in dataclasses.fields(made) if not field.kw_only]
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            raise InvalidSpec(faults_of(error, made, given), title=f"{cls.__name__} cannot be made") from None

    made.__init__ = init  # type: ignore[method-assign]
    made.__repr__ = _repr  # type: ignore[method-assign]
    return cast(type[T], made)


def _repr(self: Any) -> str:
    """Only what differs from the defaults: ``Conv(filters=32, activation='relu')``."""
    told = [
        f"{field.name}={value!r}"
        for field in dataclasses.fields(self)
        if (value := getattr(self, field.name)) != default_of(field)
    ]
    return f"{type(self).__name__}({', '.join(told)})"


def default_of(field: dataclasses.Field[Any]) -> Any:
    """The default of a field, also where pydantic wraps it; MISSING where it has none."""
    info = field.default
    if isinstance(info, pydantic.fields.FieldInfo):
        info = info.get_default(call_default_factory=True)
    return info


def validated(kind: type[T], value: Mapping[str, Any], title: str) -> T:
    """Make a record of ``kind`` from plain data; raises InvalidSpec with every mistake in it."""
    try:
        return pydantic.TypeAdapter(kind).validate_python(dict(value))
    except pydantic.ValidationError as error:
        raise InvalidSpec(faults_of(error, kind, value), title=title) from None


def faults_of(error: pydantic.ValidationError, root: type, given: Mapping[str, Any]) -> list[Fault]:
    """Every mistake that pydantic found, as faults with paths as the user wrote them, one for each path."""
    found: dict[str, Fault] = {}
    for details in error.errors(include_url=False):
        fault = _fault(details, root, given)
        found.setdefault(fault.path, fault)
    return list(found.values())


def _fault(details: ErrorDetails, root: type, given: Mapping[str, Any]) -> Fault:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    path = _path(details["loc"], given)
    if kind in {"unexpected_keyword_argument", "extra_forbidden"}:
        key = str(details["loc"][-1])
        known = _keys(_class_at(root, details["loc"][:-1]))
        return Fault(path, f'unknown key "{key}"', did_you_mean(key, known))
    if kind in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        return Fault(path, "is missing", "add it")
    if kind == "union_tag_not_found":
        tag_key = context["discriminator"].strip("'")
        return Fault(path, f"does not say its kind ({tag_key} is missing)", f'add {tag_key} = "…"')
    if kind == "union_tag_invalid":
        tag, tag_key = str(context["tag"]), context["discriminator"].strip("'")
        return Fault(path, f'there is no {tag_key} "{tag}"', did_you_mean(tag, _quoted(context["expected_tags"])))
    if kind == "literal_error":
        return Fault(
            path,
            f"{value!r} is not one of its values",
            did_you_mean(str(value), _quoted(context["expected"])),
        )
    if kind == "value_error":
        message, _, fix = str(context["error"]).partition("; ")
        return Fault(path, message, fix or "change it")
    message = details["msg"].removeprefix("Input ")
    return Fault(path, f"{message}, not {_short(value)}", "change it")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _quoted(text: str) -> list[str]:
    """The words between single quotes in one of pydantic's lists."""
    return text.split("'")[1::2]


def _path(loc: Sequence[int | str], given: Mapping[str, Any]) -> str:
    """``("network", 3, "conv", "kernel")`` -> ``network[3].kernel``: the tags of unions are left out."""
    path: str = ""
    at: Any = given
    for depth, part in enumerate(loc):
        last = depth == len(loc) - 1
        if isinstance(part, int) and not isinstance(at, Mapping):
            path += f"[{part}]"
            at = at[part] if isinstance(at, Sequence) and part < len(at) else None
        elif isinstance(part, int):  # a positional argument
            name = list(given)[part]
            path, at = name, given[name]
        elif isinstance(at, Mapping) and (part in at or last):
            path += f".{part}" if path else part
            at = at.get(part)
    return path


def _class_at(root: type, loc: Sequence[int | str]) -> type:
    """The record class at a location: field names, indexes and union tags lead from one to the next."""
    here: Any = root
    for part in loc:
        if isinstance(part, int):
            continue  # the item type stands for the whole tuple
        candidates = list(_records_in(here))
        tagged = [candidate for candidate in candidates if part in _tag_values(candidate)]
        if len(candidates) > 1 and tagged:
            here = tagged[0]
        else:
            here = get_type_hints(candidates[0], include_extras=True).get(part, candidates[0])
    return next(_records_in(here))


def _records_in(annotation: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        yield annotation
    elif get_origin(annotation) in {tuple, Union, types.UnionType} or hasattr(annotation, "__metadata__"):
        for argument in get_args(annotation):
            yield from _records_in(argument)


def _tag_values(candidate: type) -> set[str]:
    hints = get_type_hints(candidate)
    return {
        value
        for hint in hints.values()
        if get_origin(hint) is Literal and len(get_args(hint)) == 1
        for value in get_args(hint)
    }


def _keys(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def tag_of(kind: type) -> str | None:
    """The field that says which kind a record is (``layer`` for layers), if it has one."""
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is Literal and len(get_args(hint)) == 1 and isinstance(get_args(hint)[0], str):
            return name
    return None
