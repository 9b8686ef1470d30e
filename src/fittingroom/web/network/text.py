"""A network as TOML to copy, and from pasted TOML with every mistake at its line."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Sequence

import tomli_w

from fittingroom.errors import Fault, InvalidInput, InvalidSpec
from fittingroom.spec.network import Network
from fittingroom.spec.record import validated
from fittingroom.spec.run import to_plain, without_dates
from fittingroom.web.network.edits import Plain

_HEADER = re.compile(r"\s*\[\[\s*network\s*\]\]")
_TABLE = re.compile(r"\s*\[")
TITLE = "Nothing was changed, because the text has mistakes"


def to_text(layers: Sequence[Plain]) -> str:
    """One ``[[network]]`` table for each layer, defaults left out; a layer with mistakes as it stands."""
    return "\n".join(f"[[network]]\n{tomli_w.dumps(_short(layer))}" for layer in layers)


def _short(layer: Plain) -> Plain:
    with contextlib.suppress(InvalidSpec):
        plain: Plain = to_plain(validated(Network, {"layers": [layer]}, title=""))["layers"][0]
        return plain
    return {key: value for key, value in layer.items() if value is not None}


def from_text(text: str) -> list[Plain]:
    """The layers of a TOML text: its ``[[network]]`` tables, whatever else stands in it, as in a whole spec.

    Raises InvalidSpec with every mistake, each with its line; layers that cannot follow each other are none.
    """
    try:
        tables = without_dates(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"Nothing was changed: the text is not valid TOML: {error}") from None
    if not isinstance(tables.get("network"), list):
        raise InvalidInput(
            "Nothing was changed: the text has no [[network]] table; begin each layer with the line [[network]]"
        )
    try:
        network = validated(Network, {"layers": tables["network"]}, title=TITLE)
    except InvalidSpec as error:
        raise InvalidSpec([_at_its_line(fault, text) for fault in error.faults], title=TITLE) from None
    names = [str(layer.name) for layer in network.layers]
    twice = [(index, name) for index, name in enumerate(names) if name in names[:index]]
    if twice:
        faults = [
            Fault(f"layers[{i}].name", f'"{name}" is used before', "give each layer its own") for i, name in twice
        ]
        raise InvalidSpec([_at_its_line(fault, text) for fault in faults], title=TITLE)
    return [to_plain(layer, full=True) for layer in network.layers]


def _at_its_line(fault: Fault, text: str) -> Fault:
    """``layers[1].kernel`` -> ``line 7, network[1].kernel``, where the line can be told."""
    path = fault.path.replace("layers", "network", 1)
    place = re.match(r"network\[(\d+)\](?:\.(\w+))?", path)
    line = place and _line(text, int(place[1]), place[2])
    return fault._replace(path=f"line {line}, {path}" if line else path)


def _line(text: str, index: int, setting: str | None) -> int | None:
    """The line of a layer's header, or of one of its settings; None in texts that write their layers inline."""
    lines = text.splitlines()
    headers = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    if index >= len(headers):
        return None
    first = headers[index]
    for number in range(first + 1, len(lines)):
        if _TABLE.match(lines[number]):
            break
        if setting and re.match(rf"\s*{re.escape(setting)}\s*=", lines[number]):
            return number + 1
    return first + 1
