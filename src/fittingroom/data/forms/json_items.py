"""JSON files of many objects: a list of them, one in each line, or one object that maps paths to labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fittingroom.data.forms import rows
from fittingroom.data.naming import shown
from fittingroom.errors import InvalidData

SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz")
LARGEST = 1 << 28  # bytes


def items(path: Path, keys: set[str]) -> Iterator[tuple[int, Any]]:
    """Objects of a JSON list, of lines, or made from ``{path: label}``, each with its line or place in the list.

    ``keys``: what such an object has (lower case), and a mapping of paths has not. Raises InvalidData.
    """
    text = _text(path)
    try:
        if text.lstrip().startswith("["):
            yield from enumerate(json.loads(text), start=1)
        elif not path.name.lower().endswith((".jsonl", ".ndjson", ".jsonl.gz")) and _is_mapping(text, keys):
            pairs = json.loads(text).items()
            yield from enumerate(({"path": key, "label": value} for key, value in pairs), start=1)
        else:
            for line, row in enumerate(text.split("\n"), start=1):
                if row.strip():
                    yield line, _of_line(row, line, path)
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidData):
            raise
        raise InvalidData(f"{shown(path)} is no valid JSON: {error or 'too deeply nested'}; mend it there") from error


def _of_line(row: str, line: int, path: Path) -> Any:
    try:
        return json.loads(row)
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise InvalidData(f"{shown(path)}, line {line}, is no valid JSON: {reason}; mend it there") from error


def _text(path: Path) -> str:
    blocks, length = [], 0
    for block in rows.blocks(path):
        length += len(block)
        if length > LARGEST:
            raise InvalidData(f"{shown(path)} has more than {LARGEST:,} bytes; give a list as CSV, or a smaller one")
        blocks.append(rows.decoded(block, path))
    return "".join(blocks)


def _is_mapping(text: str, keys: set[str]) -> bool:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(whole, dict) and not {str(key).casefold() for key in whole} & keys
