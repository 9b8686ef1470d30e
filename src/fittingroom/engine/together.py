"""How the runs of a comparison share the cores, by measurement: one on all cores, or several at once.

    python -m fittingroom.engine.together WORKSPACE        (started here, as many as are to run at the same time)

Each process prepares the run as it would be trained, and takes steps when it is told to, at the same time as the
others: two at once are slower than one alone, for they share memory and caches. Nothing is stored but what was
measured, in the cache, so that the same spec on the same machine is not measured again.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import psutil
import torch

from fittingroom import __version__
from fittingroom.data.stages import open_stages
from fittingroom.engine.busy import Busy
from fittingroom.engine.cores import core_slots, machine_cores
from fittingroom.engine.loop import Stop
from fittingroom.engine.pace import WARM
from fittingroom.engine.plan import Wanted, processor_name
from fittingroom.engine.prepare import prepare_run, training_operations
from fittingroom.engine.timing import affordable_batch, step_seconds
from fittingroom.errors import FittingRoomError, InvalidInput
from fittingroom.queue.stored import spec_of
from fittingroom.queue.together import DISTURBING, THREADS, Comparison, Way, quickest, ways
from fittingroom.spec.run import RunSpec, from_plain
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace, cache_folder, write_atomically

ROUNDS = 3
"""In turn, so that what disturbs the machine for a moment disturbs every way; the quickest round of each counts.

As many again where other programs used the processors meanwhile.
"""
WORTH = 5e12
"""Floating-point operations of all runs together from which on a measurement, which takes some ten seconds, pays."""
SECONDS_OF_A_ROUND = 0.25
MOST_SECONDS = 60.0
"""For all of it, the start of the processes and the reading of the data included."""
SECONDS_BETWEEN_LOOKS = 0.1
LEFT_OUT = {"epochs", "budget", "schedule", "early_stop", "best_by", "keep_checkpoints"}
"""Settings of a training that change nothing about the time of a step."""


def waits_for_a_choice(run: RunDetails) -> bool:
    """Whether the run belongs to a comparison, and nobody has chosen its threads."""
    return Comparison.of(run.lineage) is not None and not run.plan and THREADS not in run.lineage


def agree(
    run: RunDetails, store: Store, workspace: Workspace, waiting: Callable[[int], None], stop: Stop, asked: int | None
) -> Comparison | None:
    """Choose the threads of all runs of a comparison, and remember them with each; None when ``stop`` answers first.

    They are those that another of its runs has; else those ``asked`` for; else measured, with all cores of the machine.
    Where that fails they are as many as there are cores: what is wrong with the run is told when it is trained. So they
    are with a time budget, in which a run that shares the cores would learn less than one alone.
    """
    comparison, cores = Comparison.of(run.lineage), machine_cores()
    assert comparison is not None
    with core_slots(0 if asked else cores, waiting, stop) as held:
        if not held:
            return None
        chosen = _agreed_before(store.comparisons.runs(comparison.id))
        if chosen is None and (asked or cores == 1 or not can_be_measured(run)):
            chosen = comparison.sharing(cores, asked or cores)
        if chosen is None:
            chosen = _by_measurement(comparison, run, workspace, stop)
        if chosen is not None:
            store.comparisons.agree(comparison.id, chosen.in_lineage())
    return chosen


def can_be_measured(run: RunDetails) -> bool:
    """Whether it goes by epochs in all its parts, and its spec can be read."""
    try:
        return all(stage.train.budget is None for stage in spec_of(run).stages)
    except InvalidInput:
        return False


def _agreed_before(runs: Sequence[RunDetails]) -> Comparison | None:
    """What a comparison's runs have agreed on, or the first of them was begun with, maybe without a worker."""
    for run in runs:
        comparison, planned = Comparison.of(run.lineage), (run.plan or {}).get(THREADS)
        assert comparison is not None
        if comparison.threads is not None:
            return comparison
        if planned is not None:
            return comparison.sharing(machine_cores(), planned)
    return None


def _by_measurement(comparison: Comparison, run: RunDetails, workspace: Workspace, stop: Stop) -> Comparison | None:
    """What has been measured before, or is now; None when ``stop`` answers first."""
    cores, spec = machine_cores(), spec_of(run).stages[-1]
    candidates = ways(comparison.runs, cores)
    known = _Known(spec, run.fingerprint, candidates)
    measured, others = known.read(), 0.0
    if measured is None and comparison.runs * _operations(run, workspace) < WORTH:
        return comparison.sharing(cores, cores)  # all of it takes less time than the measurement
    if measured is None:
        try:
            measured, others = measure(spec, workspace, candidates, stop)
        except (OSError, ValueError, psutil.Error, _Ended):
            return None if stop() is not None else comparison.sharing(cores, cores)
        if others <= DISTURBING:
            known.write(measured)
    return comparison.sharing(cores, quickest(comparison.runs, cores, measured).threads, measured, others)


def _operations(run: RunDetails, workspace: Workspace) -> float:
    """Floating-point operations of a run with all its parts, about; without end where that cannot be told."""
    try:
        _, stages = open_stages(spec_of(run), workspace, as_of=run.fingerprint)
        return sum(training_operations(stage) for stage in stages)
    except FittingRoomError:
        return math.inf


class _Ended(Exception):
    """A process that measures has ended, by itself or because it was time."""


def measure(
    spec: RunSpec, workspace: Workspace, candidates: Sequence[Way], stop: Stop = lambda: None
) -> tuple[list[Way], float]:
    """The candidates with the seconds of a step, and the share of the processors that others used meanwhile.

    Whoever calls this holds the cores. Raises an error of the operating system or of psutil, _Ended or ValueError
    where a process cannot be started, or ends.
    """
    with _processes(max(way.at_once for way in candidates), workspace, stop) as processes:
        wanted = {"spec": spec.to_json(), "threads": [way.threads for way in candidates]}
        _told(processes, wanted)
        quickest_rounds: dict[Way, float] = {}
        busy = Busy([process.pid for process in processes])
        for number in range(2 * ROUNDS):
            if number == ROUNDS and busy.others() <= DISTURBING:
                break
            for way in candidates:
                taken = max(_told(processes[: way.at_once], {"threads": way.threads}))
                quickest_rounds[way] = min(taken, quickest_rounds.get(way, taken))
        others = busy.others()
    return [replace(way, seconds=seconds) for way, seconds in quickest_rounds.items()], others


Measuring = subprocess.Popen[str]


@contextmanager
def _processes(count: int, workspace: Workspace, stop: Stop) -> Iterator[list[Measuring]]:
    """So many processes that measure; killed at the end, or when ``stop`` answers, or when they take too long."""
    command = [sys.executable, "-m", "fittingroom.engine.together", str(workspace.root)]
    processes: list[Measuring] = []
    over = threading.Event()

    def watch() -> None:
        until = time.monotonic() + MOST_SECONDS
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            if stop() is not None or time.monotonic() >= until:
                for process in processes:
                    process.kill()
                return

    watching = threading.Thread(target=watch, name="measuring", daemon=True)
    try:
        for _ in range(count):
            pipe = subprocess.PIPE
            processes.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True))
        watching.start()
        yield processes
    finally:
        over.set()
        if watching.is_alive():
            watching.join()
        for process in processes:
            process.kill()
            process.communicate()


def _told(processes: Sequence[Measuring], asked: Mapping[str, object]) -> list[float]:
    """Ask all of them at the same time; returns what each answers."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
    answers = []
    for process in processes:
        assert process.stdout is not None
        if not (line := process.stdout.readline()):
            raise _Ended
        answers.append(float(line))
    return answers


class _Known:
    """What was measured on this machine: a file of the cache, named by all that the time of a step depends on."""

    def __init__(self, spec: RunSpec, fingerprint: str, candidates: Sequence[Way]) -> None:
        plain = spec.to_json()
        train = {name: value for name, value in plain["train"].items() if name not in LEFT_OUT}
        parts = [fingerprint, plain["data"], plain.get("augment"), plain["network"], train]
        machine = [processor_name("cpu"), machine_cores(), torch.__version__, __version__]
        content = json.dumps([*parts, *machine, [asdict(way) for way in candidates]], sort_keys=True)
        self.path = cache_folder() / "together" / f"{hashlib.sha256(content.encode()).hexdigest()[:24]}.json"

    def read(self) -> list[Way] | None:
        """None where nothing is there, or not what was written."""
        with suppress(OSError, ValueError, TypeError):
            found = [Way(**way) for way in json.loads(self.path.read_text(encoding="utf-8"))]
            if found and all(type(way.seconds) is float and way.seconds > 0 for way in found):
                return found
        return None

    def write(self, measured: Sequence[Way]) -> None:
        """Remember it, where the cache can be written."""
        content = json.dumps([asdict(way) for way in measured]).encode()
        with suppress(FittingRoomError):
            write_atomically(self.path, lambda file: file.write(content))


def answer(place: Path) -> None:
    """Be one of the processes that measure: prepare a run for each number of threads, then take steps when told to."""
    wanted = json.loads(sys.stdin.readline())
    spec = from_plain(wanted["spec"])
    spec = replace(spec, start=None)
    steps = {threads: _steps(spec, Workspace(place), threads) for threads in wanted["threads"]}
    for threads, taken in steps.items():
        torch.set_num_threads(threads)
        for _ in range(WARM):
            next(taken)
    print(0.0, flush=True)
    for line in sys.stdin:
        threads = json.loads(line)["threads"]
        torch.set_num_threads(threads)
        print(median(_round(steps[threads])), flush=True)


def _steps(spec: RunSpec, workspace: Workspace, threads: int) -> Iterator[float]:
    """Seconds of a step, for ever; reckoned from smaller batches where one step would take too long."""
    training = prepare_run(spec, workspace, Wanted(threads)).training
    wanted, affordable = spec.train.batch_size, affordable_batch(training)
    training.spec = replace(training.spec, batch_size=affordable)
    return (seconds * wanted / affordable for seconds in step_seconds(training))


def _round(steps: Iterator[float]) -> list[float]:
    """As many as fit into a round; at least one."""
    until, found = time.perf_counter() + SECONDS_OF_A_ROUND, [next(steps)]
    while time.perf_counter() < until:
        found.append(next(steps))
    return found


if __name__ == "__main__":
    answer(Path(sys.argv[1]))
