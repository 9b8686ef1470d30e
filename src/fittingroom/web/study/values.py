"""Values of an axis, between what people type and what a study file holds."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from fittingroom.spec.run import without_dates

MOST_VALUES = 40


def values_of(texts: Iterable[str]) -> list[Any]:
    """The values that some texts list, in order, each once: ``relu, elu``, ``0.1, 0.2``, ``{ name = "sgd" }``."""
    found: dict[str, Any] = {}
    for text in texts:
        for part in _parts(text):
            value = _value(part)
            found.setdefault(as_toml(value), value)
    return list(found.values())[:MOST_VALUES]


def number_of(text: str) -> Any:
    """A number where it is one; a comma may stand for the point. Anything else stays text; None where there is none."""
    plain = text.replace(",", ".").removesuffix("%").strip()
    with suppress(ValueError):
        return int(plain)
    with suppress(ValueError):
        return float(plain)
    return text or None


def as_toml(value: Any) -> str:
    """A value as it stands in a study file, on one line; words that are nothing else stand without quotes."""
    if isinstance(value, str):
        return value if _value(value) == value and _parts(value) == [value] else _quoted(value)
    return _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_inline(each)}' for key, each in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else f"{value:g}" if _is_short(value) else repr(value)


def _is_short(value: Any) -> bool:
    """Whether a fraction can be written in six digits, as people would."""
    return isinstance(value, float) and float(f"{value:g}") == value and "." in f"{value:g}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _value(text: str) -> Any:
    """One value: what TOML reads, else the text itself, as for ``relu``."""
    try:
        read = without_dates(tomllib.loads(f"value = {text}"))
    except (ValueError, RecursionError):
        return text
    return read["value"] if len(read) == 1 else text


def _parts(text: str) -> list[str]:
    """What commas part, but for those within brackets or quotation marks."""
    parts, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        depth += (sign in "[{") - (sign in "]}") if not quote else 0
        if (sign in ",;\n") and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]
