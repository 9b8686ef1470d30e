"""Everything that the page of a study shows, read in one go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fittingroom.measure.judgement import Judgement
from fittingroom.measure.study import StudyResults
from fittingroom.measure.verdicts import judge
from fittingroom.queue.studies import Curve, StudySummary, curves_of, results_of, spec_of_study, summary_of
from fittingroom.queue.study_time import time_left
from fittingroom.report import figures
from fittingroom.report.ways import axis_name
from fittingroom.spec.study import StudySpec
from fittingroom.store import Store
from fittingroom.web.study.rows import Row, rows_of
from fittingroom.web.study.standing import OPEN, Standing, standing_of


@dataclass(frozen=True)
class View:
    """A study, by now."""

    summary: StudySummary
    spec: StudySpec
    results: StudyResults
    curves: Sequence[Curve]
    judged: Judgement
    standing: Standing

    @property
    def id(self) -> str:
        return self.summary.id

    @cached_property
    def rows(self) -> list[Row]:
        return rows_of(self.results, self.judged)

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Path and name of each axis where there are several; none where the arm's name says all."""
        axes = self.results.axes
        return [(path, axis_name(path)) for path in axes] if len(axes) > 1 else []

    @property
    def any_figure(self) -> bool:
        return any(summary.values for summary in self.judged.arms)

    @property
    def pairwise(self) -> list[figures.Difference]:
        """What the figure of differences shows."""
        found = []
        for each in self.judged.comparisons:
            if each.difference is not None:
                low, high = each.adjusted_interval or (None, None)
                found.append(figures.Difference(each.a, each.b, each.difference, low, high, each.differs))
        return found

    @cached_property
    def shown(self) -> Mapping[str, str]:
        """Its figures, as SVG in a frame for each width."""
        by_seed: dict[str, dict[int, list[tuple[int, float]]]] = {}
        for curve in self.curves:
            points = [(epoch.epoch, epoch.validation_accuracy) for epoch in curve.epochs]
            by_seed.setdefault(curve.arm, {})[curve.seed] = points
        found = {"dots": figures.dots(self.results)}
        if any(points for seeds in by_seed.values() for points in seeds.values()):
            found["curves"] = figures.curves(self.results, by_seed)
        if self.any_figure:
            found["time"] = figures.front(self.results, "train_seconds")
            if len({arm.parameters for arm in self.results.arms}) > 1:
                found["parameters"] = figures.front(self.results, "parameters")
            found["combinations"] = figures.combinations(self.results)
        if len(self.pairwise) > 1:
            found["differences"] = figures.differences(self.results, self.pairwise)
        return {name: svg for name, svg in found.items() if svg}

    @cached_property
    def version(self) -> str:
        """Another one whenever anything that is shown has changed."""
        said = [self.results, self.summary, [(curve.run, len(curve.epochs)) for curve in self.curves], self.standing]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def read_view(store: Store, study: str) -> View:
    """Raises NotFound; reads the database."""
    record = store.studies.study(study)
    spec, results, curves = spec_of_study(record), results_of(store, record.id), curves_of(store, record.id)
    summary = summary_of(store, record.id)
    left = time_left(store, record.id) if summary.state in OPEN else None
    return View(summary, spec, results, curves, judge(results), standing_of(summary, left))
