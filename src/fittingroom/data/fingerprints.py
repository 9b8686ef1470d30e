"""What the fingerprint of a data set says: its content, and whether images are excluded from it.

``0f3a…`` (64 hexadecimal digits): the content. ``91c2…-0f3a…``: the same without some images; the mark tells which.
"""

from __future__ import annotations

import hashlib


def content_of(fingerprint: str) -> str:
    """The fingerprint of what was imported, whatever was excluded from it since."""
    return fingerprint.rpartition("-")[2]


def without(content: str, excluded: bytes) -> str:
    """Of a data set without these images (their sorted indices as little-endian 64-bit numbers; perhaps none)."""
    return f"{hashlib.sha256(excluded).hexdigest()[:16]}-{content}" if excluded else content
