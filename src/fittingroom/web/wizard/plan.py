"""What an import would come to as it is asked for now; nothing is written, and no file is read for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fittingroom.data.incoming import Preview
from fittingroom.data.sources import new_name
from fittingroom.data.wanted import Size, Wanted
from fittingroom.errors import InvalidInput
from fittingroom.web.wizard.proposal import Proposal, proposal
from fittingroom.web.wizard.wish import Wish


@dataclass(frozen=True, eq=False)
class Plan:
    """An import that was understood, with the wishes of one page."""

    wish: Wish
    name: str
    taken: bool
    """Whether the workspace has a data set of this name."""
    wanted: Wanted
    found: Preview
    """The files as they are."""
    preview: Preview
    """What they would come to."""
    proposal: Proposal | None
    problems: Mapping[str, str]
    """By the field that they are about: what will not do, and what will."""

    @classmethod
    def of(cls, wish: Wish, name: str, found: Preview, names: Collection[str]) -> Plan:
        """``name``: of the data set unless the wish says another; ``names``: those that are there."""
        problems: dict[str, str] = {}
        wish = replace(wish, label=found.wanted.label or "", groups=found.wanted.groups or "")  # as was looked for
        proposed = proposal(found.sizes)
        name = wish.name.strip() or name
        try:
            new_name(name)
        except InvalidInput as error:
            problems["name"] = str(error)
        try:
            wanted = wish.wanted(None if proposed is None else proposed.size)
        except InvalidInput as error:
            problems["size"] = str(error)
            wanted = replace(wish, size="", fit="", channels="").wanted(None)
        return cls(wish, name, name in names, wanted, found, _brought(found, wanted), proposed, problems)

    @property
    def shape(self) -> Size | None:
        """Height and width that all images will have; None while they differ."""
        return self.preview.size

    @property
    def bytes(self) -> int:
        """That the images will take in the workspace; 0 while their size is not known."""
        height, width = self.shape or (0, 0)
        return self.preview.images * height * width * self.preview.channels

    @property
    def pictured(self) -> str:
        """What decides its pictures, as part of an address."""
        size, channels = self.wanted.size, self.wanted.channels
        return urlencode(
            {
                "size": "" if size is None else "{}x{}".format(*size),
                "fit": self.wanted.fit,
                "channels": "" if channels is None else channels,
            }
        )

    @property
    def reframed(self) -> int:
        """Images with other proportions than those that are wanted: the policy matters for them alone."""
        size = self.wanted.size
        return 0 if size is None else sum(number for own, number in self.found.sizes if _differs(own, size))

    @property
    def ready(self) -> bool:
        """Whether nothing is known that would make the import fail."""
        return not self.problems and not self.preview.unreadable and self.shape is not None


def _brought(found: Preview, wanted: Wanted) -> Preview:
    if wanted == found.wanted:
        return found
    return replace(found, wanted=wanted) if found.again is None else found.again(wanted)


def _differs(own: Size, wanted: Size) -> bool:
    """Whether an image scaled into that size leaves something free, to the pixel."""
    (height, width), (tall, wide) = own, wanted
    factor = min(tall / height, wide / width)
    return round(height * factor) != tall or round(width * factor) != wide
