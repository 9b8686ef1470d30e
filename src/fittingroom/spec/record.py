"""What all spec records have in common: frozen, validated, strict about names, with help for every parameter.

``@record`` makes a frozen pydantic dataclass that refuses unknown keys; ``param`` declares one parameter with
its bounds, unit and help. Mistakes come back as ``InvalidSpec`` with every fault and a spelling suggestion.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, TypeVar, cast, dataclass_transform

import pydantic
from pydantic.dataclasses import dataclass as pydantic_dataclass

from fittingroom.errors import Fault, InvalidSpec
from fittingroom.spec.mistakes import faults_of, keys_of, show_value

T = TypeVar("T")


def param(
    *,
    default: Any = ...,
    help: str,
    unit: str | None = None,
    kw_only: bool = False,
    **bounds: Any,
) -> Any:
    """Declare one parameter: its default, one-sentence help, unit, and bounds.

    Numbers are bounded by ``ge``, ``gt``, ``le``, ``lt``, text by ``min_length``, ``max_length``, ``pattern``. What is
    bounded is taken strictly: no ``"32"`` and no ``True`` for a number, no bytes for text.
    """
    if bounds.keys() - {"discriminator"}:
        bounds.setdefault("strict", True)
    if kw_only:
        bounds["kw_only"] = True
    extra: Any = {"unit": unit} if unit else None
    return pydantic.Field(default=default, description=help, json_schema_extra=extra, **bounds)


@dataclass_transform(frozen_default=True, field_specifiers=(param,))
def record(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen, validating dataclass whose mistakes are reported as ``InvalidSpec``."""
    made = pydantic_dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid", allow_inf_nan=False))(cls)
    validating_init = made.__init__

    @functools.wraps(validating_init)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        title = f"{cls.__name__} cannot be made"
        given = _by_name(made, args, kwargs, title)
        try:
            validating_init(self, **given)
        except pydantic.ValidationError as error:
            raise InvalidSpec(faults_of(error, made, given), title=title) from None

    made.__init__ = init  # type: ignore[method-assign]
    made.__repr__ = _repr  # type: ignore[method-assign]
    return cast(type[T], made)


def _by_name(kind: type, args: tuple[Any, ...], kwargs: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Every argument under its name, numbers of NumPy as Python's own; refuses what cannot be told apart."""
    names = [field.name for field in dataclasses.fields(kind) if not field.kw_only]
    unclear = [Fault(name, "is given twice", "give it once") for name in names[: len(args)] if name in kwargs]
    if len(args) > len(names):
        unclear.append(Fault("", f"{show_value(args[len(names)])} is one value too many", "write it as name=value"))
    if unclear:
        raise InvalidSpec(unclear, title=title)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    return {name: value.item() if _is_numpy_scalar(value) else value for name, value in given.items()}


def _is_numpy_scalar(value: object) -> bool:
    """Whether this is one number of NumPy (or torch), told without importing either."""
    return getattr(value, "ndim", None) == 0 and hasattr(value, "item")


def _repr(self: Any) -> str:
    """Only what differs from the defaults: ``Conv(filters=32, activation='relu')``."""
    told = [
        f"{field.name}={value!r}"
        for field in dataclasses.fields(self)
        if (value := getattr(self, field.name)) != default_of(field)
    ]
    return f"{type(self).__name__}({', '.join(told)})"


def default_of(field: dataclasses.Field[Any]) -> Any:
    """The default of a field, also where pydantic wraps it; where it has none, a marker that equals no value."""
    default = field.default
    return default.default if isinstance(default, pydantic.fields.FieldInfo) else default


def validated(kind: type[T], value: Mapping[str, Any], title: str) -> T:
    """Make a record of ``kind`` from plain data; raises InvalidSpec with every mistake in it."""
    if not isinstance(value, Mapping):
        fix = f"give a table with the keys {', '.join(keys_of(kind))}"
        raise InvalidSpec([Fault("", f"should be a table of settings, not {show_value(value)}", fix)], title=title)
    try:
        return pydantic.TypeAdapter(kind).validate_python(dict(value))
    except pydantic.ValidationError as error:
        raise InvalidSpec(faults_of(error, kind, value), title=title) from None
