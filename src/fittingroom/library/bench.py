"""How fast this machine trains: several ways to train the same run, side by side and in turns.

Each way is a process of its own (``engine.bench``). They stand ready together and train one at a time, a second or so
each, turn after turn, so that whatever else the machine does meets all of them alike. Nothing is stored.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import psutil

from fittingroom.engine.cores import core_slots, machine_cores
from fittingroom.errors import FittingRoomError, InvalidInput
from fittingroom.queue import wire
from fittingroom.queue.wire import Message
from fittingroom.spec.run import RunSpec, changed, load_run_spec
from fittingroom.workspace import Workspace

WORKLOADS = ("cnn", "mlp", "starter")
IMAGES = 60_000
"""For which the seconds of an epoch are told: as many as the training part of Fashion-MNIST has."""


@dataclass(frozen=True)
class Pace:
    """How long is measured."""

    turns: int
    seconds: float
    """Of each turn."""


USUAL, QUICK = Pace(5, 0.5), Pace(2, 0.1)


@dataclass(frozen=True)
class Way:
    """One way to train a run."""

    name: str
    threads: int
    settings: tuple[str, ...] = ()
    """What is changed in the spec."""


@dataclass(frozen=True)
class Measured:
    """What one way to train one run came to; figures of each turn, in their order."""

    workload: str
    way: str
    threads: int
    device: str
    plan: dict[str, Any]
    how: str
    """The plan in words."""
    data: str
    batch_size: int
    """Images of each step: fewer than the run's own where one of its steps would take over a second."""
    parameters: int
    prepare_seconds: float
    """Reading the data, choosing the plan, the first steps; without the start of the process."""
    images_per_second: tuple[float, ...]
    steps: int
    others: tuple[float, ...]
    """The share of the machine's processors that other programs used, from 0 to 1."""
    peak_memory: int
    """Bytes, of the whole process."""

    @property
    def median(self) -> float:
        return statistics.median(self.images_per_second)

    @property
    def epoch_seconds(self) -> float:
        """The steps of ``IMAGES`` images."""
        return IMAGES / self.median

    def times(self, other: Measured) -> tuple[float, ...]:
        """How many times as fast as another way, turn by turn."""
        return tuple(a / b for a, b in zip(self.images_per_second, other.images_per_second, strict=True))


@dataclass(frozen=True)
class Benchmark:
    """All that was measured, and where."""

    started: str
    """Local time."""
    machine: dict[str, Any]
    versions: dict[str, str]
    pace: Pace
    measured: tuple[Measured, ...]

    @property
    def others(self) -> float:
        """The largest share of the processors that other programs used during a turn."""
        return max(share for each in self.measured for share in each.others)

    def compared(self, measured: Measured) -> Measured:
        """What a measurement of the same run is compared with: the last of its ways."""
        return [each for each in self.measured if each.workload == measured.workload][-1]


def bench(
    sources: Sequence[str] = WORKLOADS,
    pace: Pace = USUAL,
    *,
    workspace: Workspace | None = None,
    waiting: Callable[[int], None] = lambda free: None,
    tell: Callable[[str, int, int], None] = lambda doing, done, total: None,
) -> Benchmark:
    """Measure how fast each of some runs (spec files, presets) trains on this machine.

    All cores are taken for the time it lasts, as for a training; ``waiting`` is told how many are free when others
    hold some. ``tell`` hears what is done next, and how much is done, and of how much. Raises InvalidInput for what
    cannot be trained, before or while it is measured; whatever happens, no process is left.
    """
    place = workspace or Workspace.find()
    specs = [load_run_spec(source) for source in sources]
    with core_slots(machine_cores(), waiting):
        started, load = time.strftime("%Y-%m-%d %H:%M"), psutil.getloadavg()[0]
        found: list[Measured] = []
        for number, (source, spec) in enumerate(zip(sources, specs, strict=True)):

            def told(doing: str, share: float, source: str = source, number: int = number) -> None:
                tell(f"{source}: {doing}", int(100 * (number + share)), 100 * len(specs))

            found += _measure(source, spec, place, pace, told)
    plan = found[0].plan
    machine = {
        "processor": plan["processor"],
        "cores": machine_cores(),
        "memory": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
        "instruction_set": plan["instruction_set"],
        "load_before": load,
    }
    return Benchmark(started, machine, plan["versions"], pace, tuple(found))


def ways() -> tuple[Way, ...]:
    """How a run is trained here: as its plan has it, likewise with one thread, and in plain fp32 without rewriting.

    The last is what the others are compared with.
    """
    every = machine_cores()
    one_core = (Way("on one core", 1),) if every > 1 else ()
    return (Way("as chosen", every), *one_core, Way("exact", every, ('train.precision="exact"',)))


def _measure(
    source: str, spec: RunSpec, workspace: Workspace, pace: Pace, tell: Callable[[str, float], None]
) -> list[Measured]:
    """All ways of one run, in turns."""
    with ExitStack() as running:
        tell("starting", 0.0)
        started = [(way, running.enter_context(_trainer(source, workspace))) for way in ways()]
        ready: list[tuple[Way, _Trainer, dict[str, Any]]] = []
        for number, (way, trainer) in enumerate(started):
            if ready and way.threads == 1 and ready[0][2]["plan"]["device"] != "cpu":
                continue  # on a GPU the threads of the processor make little difference
            tell(f"preparing, {way.name}", 0.4 * number / len(started))
            plain = changed(spec, way.settings).to_json()
            ready.append((way, trainer, trainer.ask("prepare", spec=plain, threads=way.threads)))
        turns: list[list[dict[str, Any]]] = [[] for _ in ready]
        for turn in range(pace.turns):
            tell("training in turns", 0.4 + 0.6 * turn / pace.turns)
            in_order = list(zip(ready, turns, strict=True))
            for (_, trainer, _), own in in_order if turn % 2 == 0 else in_order[::-1]:
                own.append(trainer.ask("turn", seconds=pace.seconds))
        return [
            Measured(
                workload=source,
                way=way.name,
                threads=said["plan"]["threads"],
                device=said["plan"]["device"],
                images_per_second=tuple(turn["images_per_second"] for turn in own),
                steps=sum(turn["steps"] for turn in own),
                others=tuple(turn["others"] for turn in own),
                peak_memory=trainer.ask("memory")["peak_memory"],
                **said,
            )
            for (way, trainer, said), own in zip(ready, turns, strict=True)
        ]


class _Trainer:
    """A process of ``engine.bench``, from outside."""

    def __init__(self, source: str, process: subprocess.Popen[bytes]) -> None:
        self._source, self._process = source, process
        self._incoming, self._outgoing = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)

    def ask(self, what: str, **words: Any) -> dict[str, Any]:
        """Its answer; raises what it tells of, and FittingRoomError when it has died."""
        with suppress(BrokenPipeError):  # told of below
            self._incoming.write(wire.to_bytes(Message({"ask": what, **words})))
            self._incoming.flush()
        answer = wire.read(self._outgoing)
        if answer is None:
            raise FittingRoomError(
                f"the process that trained {self._source} ended by itself, with status {self._process.wait()}; if "
                "this machine ran out of memory, try smaller batches"
            )
        if "error" in answer.words:
            wrong = InvalidInput if answer.words["exit_status"] == InvalidInput.exit_status else FittingRoomError
            raise wrong(answer.words["error"])
        return dict(answer.words)


@contextmanager
def _trainer(source: str, workspace: Workspace) -> Iterator[_Trainer]:
    """Started, and gone afterwards. Ctrl-C reaches this process alone, which ends the other."""
    command = [sys.executable, "-m", "fittingroom.engine.bench", str(workspace.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield _Trainer(source, process)
    finally:
        process.kill()
        with suppress(BrokenPipeError):
            process.communicate()
