"""The first weights of a network as the view shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fittingroom.queue.wire import Message
from fittingroom.spec.layers import Shape
from fittingroom.web.inside.choice import Choice
from fittingroom.web.inside.look import CELL, COLUMNS, VERSION, Picture
from fittingroom.web.inside.maps import grid


@dataclass(frozen=True, eq=False)
class Filters:
    """The first weights of a network as pictures."""

    choice: Choice
    sha256: str
    layer: str
    """Empty where they are no pictures."""
    form: Shape
    """Number, height, width, channels."""
    largest: float
    are_outputs: bool

    @classmethod
    def of(cls, choice: Choice, answer: Message) -> Filters:
        told = answer.words
        return cls(
            choice, told["sha256"], told["layer"], tuple(told["form"]), told["largest"], told["are_outputs"]
        )  # fmt: skip

    def picture(self, first: int, count: int, columns: int = COLUMNS, cell: int = CELL) -> Picture:
        """Some of them in one file."""
        wanted: dict[str, Any] = {
            "run": self.choice.run,
            "first": first,
            "count": count,
            "columns": columns,
            "cell": cell,
        }
        wanted |= {"scale": "channel"} if self.choice.own_scale else {}
        place = grid(count, self.form[1], self.form[2], columns=columns, cell=cell)
        return Picture(f"/inside/filters/{self.sha256[:VERSION]}?{urlencode(wanted)}", place)
