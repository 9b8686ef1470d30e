"""What somebody asks of an import, as it was typed or chosen; all of it can stand in an address."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, cast
from urllib.parse import urlencode

from fittingroom.data.formats import parse_size
from fittingroom.data.wanted import Fit, Size, Wanted
from fittingroom.errors import InvalidInput

LONGEST = 4096
"""Characters of each answer; more is nothing that anybody typed."""
CHANNELS: dict[str, Literal[1, 3] | None] = {"": None, "1": 1, "3": 3}


@dataclass(frozen=True)
class Wish:
    """Every field as text, empty where nothing was said."""

    path: str = ""
    upload: str = ""
    """The upload that is meant, in place of a path."""
    name: str = ""
    size: str = ""
    fit: str = ""
    channels: str = ""
    label: str = ""
    groups: str = ""

    @classmethod
    def read(cls, told: Mapping[str, object], otherwise: Wish | None = None) -> Wish:
        """From an address or a form; what is not mentioned there is as it was."""
        before = otherwise or cls()
        names = (field.name for field in fields(cls))
        return cls(**{name: str(told.get(name, getattr(before, name)))[:LONGEST] for name in names})

    @property
    def query(self) -> str:
        """As part of an address, from which it can be asked for again."""
        said = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        return urlencode({name: text for name, text in said.items() if text and name != "upload"})

    @property
    def looking(self) -> Wanted:
        """What has to be known before the files are looked at."""
        return Wanted(groups=self.groups.strip() or None, label=self.label or None)

    def wanted(self, proposed: Size | None = None) -> Wanted:
        """What it comes to, with the proposed size where none was typed; raises InvalidInput."""
        if self.channels not in CHANNELS:
            raise InvalidInput(f'channels = "{self.channels}" is neither 1 (grey) nor 3 (colour); give one of them')
        return Wanted(
            size=parse_size(self.size) or proposed,
            fit=cast(Fit, self.fit or "pad"),
            channels=CHANNELS[self.channels],
            groups=self.looking.groups,
            label=self.looking.label,
        ).checked()


def command(path: str, name: str, own: str, wanted: Wanted) -> str:
    """The same import on the command line; ``own`` is the name that the files themselves suggest."""
    words = ["fittingroom", "data", "import", path]
    words += ["--name", name] if name != own else []
    if wanted.size is not None:
        words += ["--size", "{}x{}".format(*wanted.size)]
        words += ["--fit", wanted.fit] if wanted.fit != "pad" else []
    words += ["--channels", str(wanted.channels)] if wanted.channels else []
    words += ["--label", wanted.label] if wanted.label else []
    words += ["--groups", wanted.groups] if wanted.groups else []
    return shlex.join(words)
