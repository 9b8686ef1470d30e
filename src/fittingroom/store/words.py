"""People's own words about a run, as they are kept: its name, tags and a note, bounded and without odd characters."""

from __future__ import annotations

import re
import unicodedata

from fittingroom.errors import InvalidInput
from fittingroom.spec.run import LONGEST_NAME

LONGEST_TAG = 40
MOST_TAGS = 20
LONGEST_NOTE = 4_000
NOT_ON_A_LINE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, halves of characters, and separators of lines."""


def name_of(text: str) -> str:
    """A name as it is kept: one line, without space around it; raises InvalidInput."""
    name = text.strip()
    if not name:
        raise InvalidInput("a run needs a name; give at least one character")
    if len(name) > LONGEST_NAME:
        raise InvalidInput(f"the name has {len(name)} characters; {LONGEST_NAME} are allowed, so shorten it")
    if _odd(name):
        raise InvalidInput("the name holds control characters or several lines; write it on one line")
    return name


def tag_of(text: str) -> str:
    """``" Best so far"`` -> ``best-so-far``: a tag as it is kept, so that the same is never there twice."""
    tag = re.sub(r"[\s,]+", "-", unicodedata.normalize("NFC", text).lower()).lstrip("-#").rstrip("-")
    if not tag:
        raise InvalidInput(f"{text!r} is no tag; give at least one letter or digit")
    if len(tag) > LONGEST_TAG:
        raise InvalidInput(f'the tag "{tag[:LONGEST_TAG]}…" has {len(tag)} characters; {LONGEST_TAG} are allowed')
    if _odd(tag):
        raise InvalidInput(f"the tag {text!r} holds control characters; leave them out")
    return tag


def note_of(text: str) -> str:
    """A note as it is kept: its lines, without space at its end; raises InvalidInput."""
    note = re.sub(r"\r\n?", "\n", text).replace("\t", " ").strip()
    if len(note) > LONGEST_NOTE:
        raise InvalidInput(f"the note has {len(note):,} characters; {LONGEST_NOTE:,} are allowed, so shorten it")
    if any(_odd(line) for line in note.split("\n")):
        raise InvalidInput("the note holds control characters; leave them out")
    return note


def _odd(line: str) -> bool:
    return any(unicodedata.category(character) in NOT_ON_A_LINE for character in line)
