"""What is told of a study while its runs are trained: a line for each that has ended, as text or as JSON."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from fittingroom.cli import show, show_studies
from fittingroom.cli.output import aside, forget_output, terminal
from fittingroom.library.several import OPEN, News
from fittingroom.library.study_timing import TimedArms
from fittingroom.measure.study import ArmResults, Outcome, StudyResults
from fittingroom.queue.stored import open_store
from fittingroom.queue.studies import Entered, go_on_searching, read_study
from fittingroom.queue.study_time import TimeLeft, time_left
from fittingroom.queue.together import DISTURBING, Comparison
from fittingroom.spec.mistakes import many
from fittingroom.spec.study import Search
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace

SECONDS_BETWEEN_ESTIMATES = 2.0
LEFT = {*OPEN, "stopped", "paused"}


def in_turn(results: StudyResults) -> list[tuple[ArmResults, Outcome]]:
    """Every place of a study in the order in which they are trained."""
    places = [(outcome.seed, number) for number, arm in enumerate(results.arms) for outcome in arm.outcomes]
    by_place = {
        (outcome.seed, number): (arm, outcome) for number, arm in enumerate(results.arms) for outcome in arm.outcomes
    }
    return [by_place[place] for place in sorted(places)]


def as_plain(entered: Entered) -> dict[str, object]:
    """What has come of a study that was submitted, as JSON."""
    return {
        "study": entered.study,
        "new": entered.is_new,
        "made": entered.made,
        "taken_up": entered.taken_up,
        "unlisted": entered.unlisted,
    }


def told(entered: Entered, results: StudyResults, tried: int | None = None) -> list[str]:
    """The same in sentences. ``tried``: combinations that a search draws beforehand."""
    places = [outcome for _, outcome in in_turn(results)]
    seeds = len({outcome.seed for outcome in places})
    states = [outcome.state for outcome in places]
    begins = "begins" if entered.is_new else "goes on"
    lines = [
        f"Study {entered.study} {begins}: {many(len(results.arms), 'arm')}, {many(seeds, 'seed')}, "
        f"{many(len(places), 'run')}, of which {states.count('finished')} have finished."
    ]
    if tried and len(results.arms) < tried:
        lines.append(f"The search draws {tried} combinations, of which {len(results.arms)} differ.")
    if entered.unlisted:
        lines.append(f"No longer in the study, so no longer compared, but kept: {', '.join(entered.unlisted)}.")
    if results.beyond:
        lines.append(f"The arms differ also in {', '.join(results.beyond)}: a difference may come from there.")
    failed = [outcome.run for outcome in places if outcome.state == "failed" and outcome.run]
    if failed:
        lines.append(
            f"{many(len(failed), 'run')} failed before and {'is' if len(failed) == 1 else 'are'} left alone; try one "
            f"again with: fittingroom runs resume {failed[0]}"
        )
    return lines


def told_time(left: TimeLeft) -> str:
    """``about 4:10, with 15 runs one after the other``."""
    way = f"{left.at_once} at once" if left.at_once > 1 else "one after the other"
    way = "" if left.runs == 1 else f" {way}"
    most = " (at most: runs may end early)" if left.at_most else ""
    return f"about {show.duration(left.seconds)}{most}, with {many(left.runs, 'run')}{way}"


class _Watching:
    """What both ways of telling know: which arm and seed each run is."""

    def __init__(self, results: StudyResults, workspace: Workspace, *, search: Search | None = None) -> None:
        self.study, self.workspace = results.study, workspace
        self.searches = results.searched
        self.tried = search.trials if search and not self.searches else None
        self.timed: Mapping[str, float] = {}
        self.look(results)
        self.done = sum(outcome.state not in OPEN and outcome.run is not None for _, outcome in in_turn(results))

    def look(self, results: StudyResults) -> None:
        """Know which runs there are."""
        self.results = results
        self.places = {outcome.run: (arm, outcome.seed) for arm, outcome in in_turn(results) if outcome.run}
        self.total = len(in_turn(results))

    def waiting(self) -> list[str]:
        """The runs that have not ended."""
        return [outcome.run for _, outcome in in_turn(self.results) if outcome.run and outcome.state in OPEN]

    def waiting_or_left(self) -> list[str]:
        """The runs that have not come to their ends, as they are now."""
        self.look(read_study(self.study, self.workspace))
        return [outcome.run for _, outcome in in_turn(self.results) if outcome.run and outcome.state in LEFT]

    def more(self) -> list[str]:
        """What a search tries next, once all that it has tried has ended."""
        if not self.searches:
            return []
        go_on_searching(self.study, self.workspace)  # unless the worker has
        with open_store(self.workspace) as store:
            there = {run.id for run in store.studies.places(self.study).values()}
        if there - self.places.keys():
            self.look(read_study(self.study, self.workspace))
        return self.waiting()

    def left(self) -> TimeLeft | None:
        with open_store(self.workspace) as store:
            return time_left(store, self.study, self.timed)


class Lines(_Watching):
    """Everything as JSON lines."""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, entered: Entered) -> None:
        self._print({"event": "entered", **as_plain(entered), "runs": self.total})

    def expect(self, timed: TimedArms) -> None:
        self.timed = timed.epochs
        if left := self.left():
            self._print({"event": "expected", "study": self.study, **vars(left), "others": timed.others})

    def hear(self, news: News) -> None:
        arm, seed = self.places[news.run.id]
        own = {"study": self.study, "run": news.run.id, "arm": arm.key, "seed": seed}
        if news.began:
            self._print({"event": "started", **own, "attempt": news.run.attempt, "plan": news.run.plan})
        if news.ended:
            self.done += 1
            left = self.left() if news.run.attempt else None  # many that were not begun end at the same moment
            self._print({"event": "ended", **own, "state": news.run.state, "message": news.run.message,
                         "validation_accuracy": news.run.validation_accuracy, "done": self.done,
                         "seconds_left": left and left.seconds})  # fmt: skip

    def tell(self, line: str) -> None:
        aside(line)

    def _print(self, line: dict[str, object]) -> None:
        try:
            show.print_json(line)
        except BrokenPipeError:
            forget_output()


class Live(_Watching):
    """A line for each run that has ended, and bars for what is trained."""

    def __init__(self, results: StudyResults, workspace: Workspace, *, search: Search | None = None) -> None:
        super().__init__(results, workspace, search=search)
        self.console: Console = terminal()
        self.shares = ""
        self.tasks: dict[str, TaskID] = {}
        self.estimated, self.estimate = 0.0, ""
        self.not_begun: Counter[str] = Counter()
        self.bars = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=12), TextColumn("{task.fields[figures]}"),
            console=self.console, transient=True, refresh_per_second=4, disable=not self.console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> Live:
        self.bars.start()
        self.all = self.bars.add_task("all runs", total=self.total, completed=self.done, figures=self.estimate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.bars.stop()
        for message, count in self.not_begun.items():
            self.tell(f"{many(count, 'run')} not begun. {message}".strip())

    def begin(self, entered: Entered) -> None:
        for line in told(entered, self.results, self.tried):
            self.tell(line)

    def expect(self, timed: TimedArms) -> None:
        """How long it will take, before it starts."""
        self.timed = timed.epochs
        if left := self.left():
            disturbed = f" Other programs used {100 * timed.others:.0f} % of the processors meanwhile."
            rests_on = f"This rests on {left.rests_on}." + disturbed * (timed.others > DISTURBING)
            self.tell(f"It will take {told_time(left)}. {rests_on}")

    def hear(self, news: News) -> None:
        """Show what is new."""
        run, (arm, seed) = news.run, self.places[news.run.id]
        if news.began:
            self._began(run, f"{arm.name}, seed {seed}")
        if (at := news.progress) and run.id in self.tasks:
            figures = f"training {100 * at.accuracy:.1f} % · {at.images_per_second:,.0f} images/s"
            self.bars.update(self.tasks[run.id], completed=at.epoch, figures=figures)
        if news.epochs and (run.id in self.tasks or self.console.is_terminal):
            self._estimate()
        if news.ended:
            self.done += 1
            if (task := self.tasks.pop(run.id, None)) is not None:
                self.bars.remove_task(task)
            if run.attempt == 0:
                self.not_begun[run.message or ""] += 1  # all of them are told together
                return
            self._estimate(now=True)
            place = f"{self.done:>{len(str(self.total))}}/{self.total}"
            self.tell(f"{place}  {arm.name}, seed {seed}: {came_to(run)}")

    def tell(self, line: str) -> None:
        self.console.print(escape(line), highlight=False, soft_wrap=not self.console.is_terminal)

    def _began(self, run: RunDetails, what: str) -> None:
        shares = str(Comparison.of(run.lineage) or "")
        if shares and shares != self.shares:
            self.shares = shares
            self.tell(shares)
        if run.id not in self.tasks:
            self.tasks[run.id] = self.bars.add_task(escape(what), total=show_studies.epochs_of_run(run), figures="")

    def _estimate(self, *, now: bool = False) -> None:
        if now or time.monotonic() - self.estimated > SECONDS_BETWEEN_ESTIMATES:
            left = self.left()
            most = " at most" if left and left.at_most else ""
            told = f" · about {show.duration(left.seconds)} left{most}" if left else ""
            self.estimated, self.estimate = time.monotonic(), f"{self.done}/{self.total}{told}"
            self.bars.update(self.all, completed=self.done, total=self.total, figures=self.estimate)


def came_to(run: RunDetails) -> str:
    """``finished, accuracy 87.61 %, best epoch 9 of 12, 0:14``."""
    words: Sequence[str] = [run.state]
    if run.best_epoch:
        best = f"best epoch {run.best_epoch} of {run.epochs_done}"
        words = [*words, f"accuracy {show.percent(run.validation_accuracy)}", best, show.duration(run.train_seconds)]
    return ", ".join(words) + (f". {run.message}" if run.state != "finished" and run.message else "")
