"""What is looked at, as the address of the page says it: links and reloads keep it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fittingroom.errors import NotFound


@dataclass(frozen=True)
class Choice:
    """``?run=cnn-1&image=1234&layer=conv_1&channel=3&scale=channel&all=1``"""

    run: str
    image: int | None = None
    """Position in the data set; None where it is a drawing, or not chosen yet."""
    drawing: str = ""
    layer: str = ""
    channel: int | None = None
    own_scale: bool = False
    """Whether each channel has a scale of its own, instead of one for its layer."""
    all: bool = False
    """Whether all channels are shown."""

    @classmethod
    def read(cls, query: Mapping[str, str], run: str) -> Choice:
        """From an address; raises NotFound for what is no number."""
        drawing = query.get("drawing", "")
        return cls(
            run, None if drawing else number(query, "image"), drawing, query.get("layer", ""), number(query, "channel"),
            query.get("scale") == "channel", query.get("all") == "1",
        )  # fmt: skip

    @property
    def has_picture(self) -> bool:
        return bool(self.drawing) or self.image is not None

    def at(self, **changes: Any) -> str:
        """The address of the page with something else chosen."""
        return "/inside?" + urlencode(dataclasses.replace(self, **changes).words)

    @property
    def words(self) -> dict[str, str]:
        """As in an address."""
        return self.pinned | {
            name: value
            for name, value in {
                "layer": self.layer,
                "channel": "" if self.channel is None else str(self.channel),
                "scale": "channel" if self.own_scale else "",
                "all": "1" if self.all else "",
            }.items()
            if value
        }

    @property
    def pinned(self) -> dict[str, str]:
        """The run and the picture."""
        if self.drawing:
            return {"run": self.run, "drawing": self.drawing}
        return {"run": self.run} | ({} if self.image is None else {"image": str(self.image)})


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number in an address; None where it is left out or left empty."""
    text = query.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(f'there is no {name} "{text[:60]}"; give a whole number')
    return int(text)
