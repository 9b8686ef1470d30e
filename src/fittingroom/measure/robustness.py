"""What a network's accuracy is worth when images are not quite like those it was validated on.

Six ways in which pictures go wrong, each at four strengths. Hendrycks and Dietterich (2019), "Benchmarking neural
network robustness to common corruptions and perturbations", measure so; their strengths belong to photographs of 224
pixels, ours are shares of the image's own size and scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fittingroom.measure.evaluate import Interval, wilson

Corruption = Literal["noise", "blur", "shift", "rotation", "brightness", "contrast"]
MOST_IMAGES = 2000
"""As many are measured on, drawn at random from the validation images, the same ones for every run."""
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Kind:
    """A way in which pictures go wrong, and how far."""

    name: Corruption
    strengths: tuple[float, ...]
    """In steps, the unharmed image (0) left out."""
    unit: Literal["percent", "degrees"]
    says: str
    """What a strength means."""

    def shown(self, strength: float) -> str:
        """``5 %``, ``+30 %``, ``15°``."""
        signed = "+" if min(self.strengths) < 0 < strength else "−" if strength < 0 else ""
        size = abs(strength)
        return f"{signed}{size:g}°" if self.unit == "degrees" else f"{signed}{round(100 * size)} %"


KINDS = (
    Kind("noise", (0.02, 0.05, 0.1, 0.2), "percent", "Gaussian noise; its standard deviation as a share of full scale"),
    Kind("blur", (0.02, 0.04, 0.06, 0.08), "percent", "Gaussian blur; its standard deviation as a share of the height"),
    Kind("shift", (0.04, 0.08, 0.12, 0.2), "percent", "moved by this share of the side, in a random direction"),
    Kind("rotation", (5, 15, 30, 60), "degrees", "turned about the centre, either way"),
    Kind("brightness", (-0.6, -0.3, 0.3, 0.6), "percent", "every value this much larger or smaller"),
    Kind(
        "contrast", (-0.75, -0.5, -0.25, 0.5), "percent", "distance from the image's mean this much larger or smaller"
    ),
)


@dataclass(frozen=True)
class Measured:
    """How many of the same images were recognized, harmed or not."""

    strength: float
    right: int
    n: int
    lost: int = 0
    """Images that are recognized unharmed, and not so harmed."""

    @property
    def accuracy(self) -> float:
        return self.right / self.n

    @property
    def interval(self) -> Interval:
        """95 %, over images."""
        return wilson(self.accuracy, self.n)


def at_least(k: int, n: int) -> float:
    """How probable ``k`` or more heads in ``n`` throws are, exactly; SciPy would take half a second to load."""
    term, total = math.comb(n, k), 0
    for heads in range(k, n + 1):
        total += term
        term = term * (n - heads) // (heads + 1)
    share: float = total / 2**n
    return share


@dataclass(frozen=True)
class Robustness:
    """The accuracy of one run on unharmed images, and on the same ones harmed."""

    n: int
    clean: Measured
    harmed: Mapping[Corruption, tuple[Measured, ...]]
    """In the order of each kind's strengths."""

    @classmethod
    def of(cls, n: int, clean: int, counts: Sequence[Sequence[tuple[int, int]]]) -> Robustness:
        """From how many of ``n`` images were recognized: unharmed; and by kind and strength, with those lost by it."""
        harmed = {
            kind.name: tuple(Measured(s, right, n, lost) for s, (right, lost) in zip(kind.strengths, row, strict=True))
            for kind, row in zip(KINDS, counts, strict=True)
        }
        return cls(n, Measured(0.0, clean, n), harmed)

    def points(self, kind: Kind) -> list[Measured]:
        """The measured strengths of a kind in order, the unharmed images among them."""
        return sorted([self.clean, *self.harmed[kind.name]], key=lambda each: each.strength)

    def worse(self) -> set[tuple[Corruption, float]]:
        """Where more images are lost than won, beyond chance.

        Exact McNemar tests (Q. McNemar, Psychometrika 12 (1947), 153–157), one-sided, on the images whose answer
        changes between right and wrong; Holm's correction over all of them, at 5 %.
        """
        tests = [(self._chance(each), (kind.name, each.strength)) for kind in KINDS for each in self.harmed[kind.name]]
        tests.sort()
        found = set()
        for place, (chance, which) in enumerate(tests):
            if chance > SIGNIFICANT / (len(tests) - place):
                break
            found.add(which)
        return found

    def _chance(self, each: Measured) -> float:
        """How probable it is to lose at least so many of the changed images, if losing and winning are as likely."""
        won = each.right - self.clean.right + each.lost
        return at_least(each.lost, each.lost + won)

    @property
    def reading(self) -> list[str]:
        """What stands out, in sentences: where most is lost, and what costs nothing that can be seen."""
        worse = self.worse()
        if not worse:
            return ["Nothing that was tried costs more than chance could."]
        every = [(each.accuracy, kind, each) for kind in KINDS for each in self.harmed[kind.name]]
        accuracy, kind, worst = min(every, key=lambda entry: entry[0])
        said = [
            f"Most is lost by {kind.name} at {kind.shown(worst.strength)}: {100 * accuracy:.1f} % instead of "
            f"{100 * self.clean.accuracy:.1f} %."
        ]
        if steady := [kind.name for kind in KINDS if kind.name not in {name for name, _ in worse}]:
            said.append(f"No loss beyond chance at any strength of {' and '.join(steady)}.")
        return said
