"""Tensors with a description in one safetensors file: the form of classifiers and checkpoints. No pickle.

The description is JSON under one key of the file's metadata, which also names the format. One key, because several
would be written in random order, and the same content must give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor


class Unreadable(Exception):
    """Why a file gives no tensors."""


def to_bytes(tensors: Mapping[str, Tensor], form: str, description: object) -> bytes:
    """The content of a file that holds ``tensors``, from any device, and a description in JSON's types."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(plain, {form: json.dumps(description)})


def read(path: Path, form: str) -> tuple[dict[str, Tensor], Any]:
    """Tensors by name, and their description: None when the file has another form. Raises Unreadable."""
    tensors, metadata = read_any(path)
    return tensors, metadata.get(form)


def read_any(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, and the descriptions in the file by their form; none in files of others. Raises Unreadable."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise Unreadable(str(error)) from None
    ours = {form: text for form, text in metadata.items() if form.startswith("fittingroom-")}
    try:
        return tensors, {form: json.loads(text) for form, text in ours.items()}
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its description is damaged: {error}") from None
