"""SVG as text: elements, words cut to a width, and one picture in two layouts.

Nothing here sets a colour: every element has a class, and ``static/figures.css`` gives it one, in the page and in
reports, light, dark and on paper.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from xml.sax.saxutils import escape, quoteattr

LETTER = 6.9
"""Width of a letter of the text, on average, in a wide font."""
BOLD = 1.1
"""How much wider bold letters are."""


@dataclass(frozen=True)
class Layout:
    """For how much room a picture is drawn; lengths in a picture are in CSS pixels at that width."""

    name: str
    width: int
    narrow: bool


WIDE, NARROW = Layout("wide", 720, False), Layout("narrow", 344, True)


def both(draw: Callable[[Layout], str]) -> str:
    """A picture drawn for a wide and for a narrow place: the style sheet shows the one that fits."""
    return f'<div class="figure">{draw(WIDE)}{draw(NARROW)}</div>'


def picture(layout: Layout, height: float, title: str, about: str, parts: Iterable[str]) -> str:
    """A whole picture; ``title`` and ``about`` are what a screen reader says."""
    size = f'viewBox="0 0 {layout.width} {number(height)}" width="{layout.width}" height="{number(height)}"'
    said = f"<title>{safe(title)}</title><desc>{safe(about)}</desc>"
    start = f'<svg xmlns="http://www.w3.org/2000/svg" class="fig {layout.name}" role="img" {size}>'
    return f"{start}{said}{''.join(parts)}</svg>"


def tag(element: str, kind: str, *inside: str, **attributes: float | str) -> str:
    """One element of a class; underscores in names of attributes stand for hyphens; ``inside`` is SVG already."""
    told = "".join(f" {key.replace('_', '-')}={quoteattr(_written(value))}" for key, value in attributes.items())
    return f'<{element} class="{kind}"{told}>{"".join(inside)}</{element}>'


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return tag("line", kind, x1=x1, y1=y1, x2=x2, y2=y2)


def path(kind: str, points: Sequence[tuple[float, float]], *inside: str, closed: bool = False) -> str:
    """Straight lines from point to point."""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return tag("path", kind, *inside, d=f"M{steps}{'Z' * closed}") if points else ""


def words(
    kind: str, x: float, y: float, text: str, *, anchor: str = "start", room: float = math.inf, full: str = ""
) -> str:
    """Text cut to a width; what was cut is its title. ``full`` is a title in any case."""
    short = cut(text, room)
    title = full or (text if short != text else "")
    return tag("text", kind, safe(short), hint(title), x=x, y=y, text_anchor=anchor)


def legend(texts: Sequence[str], y: float, layout: Layout) -> tuple[str, float]:
    """Notes below a picture in as few lines as they fit into, and the height of those; ``y`` is the first line's."""
    lines: list[str] = []
    for text in texts:
        joined = f"{lines[-1]} · {text}" if lines else text
        if lines and width_of(joined) <= layout.width - 8:
            lines[-1] = joined
        else:
            lines += _broken(text, layout.width)
    parts = [words("muted", 0, y + 18 * row, text, room=layout.width) for row, text in enumerate(lines)]
    return "".join(parts), 18.0 * len(lines)


def _broken(text: str, room: float) -> list[str]:
    """In lines that have room, where that can be had between words."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and width_of(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def hint(text: str) -> str:
    """What appears while the pointer rests on an element."""
    return f"<title>{safe(text)}</title>" if text else ""


def clipped(x: float, y: float, width: float, height: float, parts: Iterable[str]) -> str:
    """Parts in the picture's own coordinates, of which only those within a rectangle are seen."""
    box = " ".join(number(each) for each in (x, y, width, height))
    inner = {"x": x, "y": y, "width": width, "height": height}
    told = "".join(f' {key}="{number(value)}"' for key, value in inner.items())
    return f'<svg class="clip"{told} viewBox="{box}">{"".join(parts)}</svg>'


def cut(text: str, room: float) -> str:
    """As many letters of a text as a width has room for, from its beginning and its end, where names differ."""
    if width_of(text) <= room + 0.01:  # rooms are sums of lengths, which are not exact
        return text
    kept = max(1, int(room / LETTER) - 1)
    end = kept * 2 // 5
    begins, ends = _fitting(text, kept - end), _fitting(text[::-1], end)[::-1]
    return (begins or text[:1]).rstrip(" ,") + "…" + ends.lstrip(" ,")


def _fitting(text: str, letters: int) -> str:
    """As much of its beginning as is no wider than so many letters."""
    widths = accumulate(map(_letters, text))
    return text[: sum(1 for _ in takewhile(lambda width: width <= letters, widths))]


def width_of(text: str) -> float:
    return sum(map(_letters, text)) * LETTER


def _letters(letter: str) -> int:
    """How many letters wide it is: those of East Asia, and pictures, are two, marks above others none."""
    if letter.isascii():
        return 1
    return 0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, in their order, at least ``gap`` apart and within bounds where there is room."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed: list[float] = []
    for index in order:
        placed.append(max(wanted[index], placed[-1] + gap if placed else low))
    limit = high
    for position in reversed(range(len(placed))):
        placed[position] = min(placed[position], limit)
        limit = placed[position] - gap
    return [place for _, place in sorted(zip(order, placed, strict=True))]


def safe(text: str) -> str:
    """A text as XML can hold it: markup escaped, control characters left out."""
    return escape("".join(letter for letter in text if letter.isprintable() or letter in "\n\t"))


def number(value: float) -> str:
    """A length, to a hundredth; raises ValueError for one that is no number, which would be our mistake."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no place in a picture")
    return f"{value:.2f}".rstrip("0").rstrip(".") if round(value, 2) else "0"


def _written(value: float | str) -> str:
    return value if isinstance(value, str) else number(value)
