"""Everything that the page of a study shows, read in one go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fittingroom.measure.caution import Caution, Histories
from fittingroom.measure.judgement import Judgement
from fittingroom.measure.study import StudyResults
from fittingroom.measure.verdicts import judge
from fittingroom.queue.studies import StudySummary, results_of, spec_of_study, summary_of
from fittingroom.queue.study_time import time_left
from fittingroom.report import figures
from fittingroom.report.found import cautions_in, curves_in, differences_in, histories_in
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
    histories: Histories
    judged: Judgement
    cautions: Sequence[Caution]
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

    @cached_property
    def shown(self) -> Mapping[str, str]:
        """Its figures, as SVG in a frame for each width."""
        found, differences = {"dots": figures.dots(self.results)}, differences_in(self.judged)
        if any(epochs for seeds in self.histories.values() for epochs in seeds.values()):
            found["curves"] = figures.curves(self.results, curves_in(self.histories))
        if self.any_figure:
            found["time"] = figures.front(self.results, "train_seconds")
            if len({arm.parameters for arm in self.results.arms}) > 1:
                found["parameters"] = figures.front(self.results, "parameters")
            found["combinations"] = figures.combinations(self.results)
        if len(differences) > 1:
            found["differences"] = figures.differences(self.results, differences)
        return {name: svg for name, svg in found.items() if svg}

    @cached_property
    def version(self) -> str:
        """Another one whenever anything that is shown has changed."""
        epochs = [(arm, seed, len(own)) for arm, seeds in self.histories.items() for seed, own in seeds.items()]
        said = [self.results, self.summary, epochs, self.standing, self.cautions]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def read_view(store: Store, study: str) -> View:
    """Raises NotFound; reads the database."""
    record = store.studies.study(study)
    results, summary = results_of(store, record.id), summary_of(store, record.id)
    left = time_left(store, record.id) if summary.state in OPEN else None
    return View(
        summary=summary,
        spec=spec_of_study(record),
        results=results,
        histories=histories_in(store, record.id),
        judged=judge(results),
        cautions=cautions_in(store, results),
        standing=standing_of(summary, left),
    )
