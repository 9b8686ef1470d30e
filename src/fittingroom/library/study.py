"""Studies in the library: run one, and look at what it has found."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape as plainly

from fittingroom.errors import InvalidInput
from fittingroom.library.interrupt import stopping_on_signals
from fittingroom.library.run import Run
from fittingroom.library.several import OPEN, News, train_several, worker_command
from fittingroom.queue.stored import open_store
from fittingroom.queue.studies import enter_study, find_study, go_on_searching, read_study
from fittingroom.spec.study import StudySpec, load_study_spec
from fittingroom.workspace import Workspace

if TYPE_CHECKING:
    from fittingroom.measure.study import StudyResults
    from fittingroom.report.found import StudyFound


class Study:
    """One study of the workspace, by its id or name: what each arm and seed came to, and what that shows.

    Everything is read anew when it is asked for, so that a study can be looked at while it goes on.
    """

    def __init__(self, study: str, workspace: str | os.PathLike[str] | Workspace | None = None) -> None:
        self.workspace = workspace if isinstance(workspace, Workspace) else Workspace.find(workspace)
        self.id = find_study(study, self.workspace).id

    @property
    def state(self) -> str:
        """``running``, ``queued``, ``stopped`` or ``finished``."""
        return find_study(self.id, self.workspace).state

    @property
    def results(self) -> StudyResults:
        """Every arm with the figures of each of its seeds."""
        return read_study(self.id, self.workspace)

    @property
    def headline(self) -> str:
        """What the results show, in a sentence."""
        return self._found().judged.headline

    @property
    def verdicts(self) -> list[str]:
        """What the results show, the headline first: the same sentences that page and command line tell."""
        judged = self._found().judged
        return [judged.headline, *judged.sentences]

    @property
    def warnings(self) -> list[str]:
        """What may be wrong with the comparison, and what to do about it."""
        return [f"{each.text} {each.advice}" for each in self._found().cautions]

    @property
    def runs(self) -> list[Run]:
        """Those that are there by now, arm by arm."""
        outcomes = [outcome for arm in self.results.arms for outcome in arm.outcomes]
        return [Run(outcome.run, self.workspace) for outcome in outcomes if outcome.run]

    def report(self, out: str | os.PathLike[str] | None = None, *, replace: bool = False) -> Path:
        """Write one HTML file with everything, and return its path: ``STUDY.html`` here unless given."""
        from fittingroom.report.study import report_study

        return report_study(self.id, self.workspace, None if out is None else Path(out), replace=replace)

    def __repr__(self) -> str:
        found = find_study(self.id, self.workspace)
        return f'Study("{self.id}"): {found.state}, {found.finished} of {found.runs} runs finished'

    def _repr_html_(self) -> str:
        from fittingroom.report import figures

        found = self._found()
        sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in found.judged.sentences)
        figure = figures.dots(found.results)
        return f"<style>{figures.style()}</style><p><b>{escape(repr(self))}</b></p>{figure}{sentences}"

    def _waiting(self) -> list[str]:
        """The runs that have not ended."""
        with open_store(self.workspace) as store:
            return [run.id for run in store.studies.places(self.id).values() if run.state in OPEN]

    def _tried_next(self) -> list[str]:
        """What a search tries next, once all that it has tried has ended; else what waits."""
        go_on_searching(self.id, self.workspace)
        return self._waiting()

    def _found(self) -> StudyFound:
        from fittingroom.report.found import found_in

        with open_store(self.workspace) as store:
            return found_in(store, self.id)


def run_study(
    source: str | os.PathLike[str] | StudySpec,
    *,
    small: bool = False,
    seeds: int | None = None,
    workspace: str | os.PathLike[str] | None = None,
    show: bool = True,
) -> Study:
    """Train what is missing of a study: a file, a shipped one, or a StudySpec. Returns it when all runs have ended.

    ``small``: as the first look that the study describes. ``seeds``: runs of each arm. The same call goes on after
    Ctrl-C or a kill. Raises InvalidSpec with the faults of every arm before anything is trained.
    """
    from dataclasses import replace

    spec = source if isinstance(source, StudySpec) else load_study_spec(os.fspath(source))
    if small and spec.small is None:
        raise InvalidInput(f'the study "{spec.name}" does not say how it is smaller; add [small], or leave small out')
    spec = spec.smaller() if small else spec
    spec = spec if seeds is None else replace(spec, seeds=seeds)
    place, console = Workspace.find(workspace), Console(quiet=not show)

    def hear(news: News) -> None:
        if news.ended:
            console.print(plainly(f"{news.run.id}: {news.run.state}. {news.run.message or ''}".strip()))

    with stopping_on_signals() as stop:
        study = Study(enter_study(spec, place).study, place)
        waiting = study._waiting()
        if waiting:
            comparison = Run(waiting[0], place).details.lineage["comparison"]
            assert isinstance(comparison, dict)
            more = ("--comparison", str(comparison["id"]), "--idle", "0")
            train_several(
                waiting, place, worker_command(place, as_json=True, more=more), stop=stop, hear=hear,
                tell=lambda line: console.print(plainly(line)),
                more=lambda: [] if spec.search is None or stop() else study._tried_next(),
            )  # fmt: skip
    return study
